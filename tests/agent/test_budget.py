"""The budget: hard limits, reservations, and going on from a trace."""

from __future__ import annotations

import threading
import time

import pytest

from codeopt.agent.budget import Budget, BudgetExhausted, Estimate, Meter
from codeopt.agent.models.prices import find_price
from codeopt.trace import CandidateMade, Event, ProposalAnswer, ProposalIntent, Resumed, RunStarted
from codeopt.types import Candidate, Proposal


def intent(name: str, t: float, tokens: int, dollars: float) -> ProposalIntent:
    return ProposalIntent(
        id=name, proposer="llm", model="m", host="h", prompt_sha256="0", seed=0, index=0, t=t, tokens=tokens, dollars=dollars
    )


def test_each_limit_ends_the_run_with_its_reason() -> None:
    assert Meter(Budget()).exhausted() == ""
    assert "time budget of 0 s" in Meter(Budget(wall_s=0)).exhausted()
    meter = Meter(Budget(None, 1.0, 100, 2))
    meter.charge_candidate()
    assert meter.exhausted() == ""
    meter.charge_candidate()
    assert "2 candidates" in meter.exhausted()
    meter = Meter(Budget(None, 1.0, 100, None))
    meter.charge(99, 0.99)
    assert meter.exhausted() == ""
    meter.charge(1, 0.0)
    assert "100 tokens" in meter.exhausted()
    meter = Meter(Budget(None, 1.0, None, None))
    meter.charge(5, 1.0)
    assert "$1" in meter.exhausted()
    assert Meter(Budget(None, 0.0, 0, None)).exhausted() == "", "no money for models is no end for rules"


def test_wall_clock_runs() -> None:
    meter = Meter(Budget(wall_s=0.02))
    assert meter.exhausted() == ""
    time.sleep(0.03)
    assert meter.exhausted() and meter.remaining().wall_s == 0


def test_a_call_is_refused_when_its_upper_bound_would_not_fit() -> None:
    meter = Meter(Budget(None, 1.0, 1000, None))
    first = meter.reserve(400, 0.6)
    with pytest.raises(BudgetExhausted, match=r"may cost \$0\.5000 and \$0\.4000 is left"):
        meter.reserve(100, 0.5)
    with pytest.raises(BudgetExhausted, match="700 tokens and 600 are left"):
        meter.reserve(700, 0.0)
    assert meter.spent().dollars == 0
    meter.settle(first, 50, 0.1)
    assert (meter.spent().tokens, meter.spent().dollars) == (50, 0.1)
    meter.reserve(950, 0.9)
    with pytest.raises(BudgetExhausted):
        Meter(Budget(None, 0.0)).reserve(1, 0.0001)
    assert Meter(Budget(None, 0.0)).reserve(1, 0.0).tokens == 1


def test_threads_cannot_overdraw() -> None:
    meter = Meter(Budget(None, 1.0))
    refused: list[int] = []
    gate = threading.Barrier(8)

    def spend(number: int) -> None:
        gate.wait()
        for _ in range(50):
            try:
                meter.settle(meter.reserve(10, 0.0625), 10, 0.0625)
            except BudgetExhausted:
                refused.append(number)

    threads = [threading.Thread(target=spend, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert meter.spent().dollars == 1.0
    assert len(refused) == 400 - 16


def test_a_resumed_run_pays_nothing_twice_and_counts_the_call_in_flight_in_full() -> None:
    candidate = Candidate(id="c1", parent="c0", proposal=Proposal(source="", proposer="llm", note=""))
    events: list[Event] = [
        RunStarted(t=100.0),
        CandidateMade(candidate=candidate.model_copy(update={"id": "c0"}), t=101.0),
        intent("a", 102.0, 5000, 0.5),
        ProposalAnswer(id="a", tokens_in=100, tokens_out=50, dollars=0.02, t=103.0),
        CandidateMade(candidate=candidate, t=104.0),
        intent("b", 105.0, 6000, 0.6),
        Resumed(t=1000.0),
        ProposalAnswer(id="a", tokens_in=100, tokens_out=50, dollars=0.02, cached=True, t=1001.0),
        intent("c", 1002.0, 10, 0.01),
        ProposalAnswer(id="c", error="lost", tokens_in=7, dollars=0.001, t=1003.0),
    ]
    meter = Meter.restored(Budget(wall_s=60.0), events)
    spent = meter.spent()
    assert spent.tokens == 150 + 6000 + 7
    assert spent.dollars == pytest.approx(0.02 + 0.6 + 0.001)
    assert spent.candidates == 1
    assert meter.earlier_s == pytest.approx(5.0 + 3.0), "the pause before the resume is nobody's time"
    assert spent.wall_s < 30
    assert meter.event().tokens == spent.tokens


def test_threads_race_for_the_last_dollar() -> None:
    meter = Meter(Budget(None, 1.0))
    gate = threading.Barrier(8)
    held: list[int] = []

    def grab() -> None:
        gate.wait()
        try:
            meter.reserve(1, 0.9)
            held.append(1)
        except BudgetExhausted:
            return

    threads = [threading.Thread(target=grab) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(held) == 1


def test_an_estimate_reads_well() -> None:
    assert str(Estimate(12, 0.08, 1.0)) == "at most $0.0800 a call, 12 call(s), $1.00 in all"
    assert "not known" in str(Estimate(None, None, None))


@pytest.mark.parametrize(
    ("model", "known"),
    [
        ("gpt-4o", True),
        ("gpt-4o-2024-11-20", True),
        ("openai/gpt-4o-mini", True),
        ("claude-sonnet-4-5-20250929", True),
        ("claude-3-5-haiku-latest", True),
        ("gpt-4o-audio", False),
        ("gpt-5-giant", False),
        ("gpt-5.9", False),
        ("my-own-model", False),
        ("", False),
    ],
)
def test_prices_are_for_the_model_and_its_dated_variants_only(model: str, known: bool) -> None:
    assert (find_price(model) is not None) == known


def test_a_longer_name_wins() -> None:
    mini, full = find_price("gpt-4o-mini-2024-07-18"), find_price("gpt-4o")
    assert mini is not None and full is not None and mini.tokens_in < full.tokens_in
    assert full.of(1_000_000, 0) == full.tokens_in
