"""What models cost and earned, counted from traces."""

from __future__ import annotations

from typing import Any

from codeopt.agent.accounts import accounts
from codeopt.trace import CandidateMade, Event, Planned, ProposalAnswer, ProposalIntent, VerdictReached
from codeopt.types import Candidate, Measurement, Plan, Proposal, Status, Verdict


def call(name: str, model: str, **answer: Any) -> list[Event]:
    intent = ProposalIntent(id=name, proposer="llm", model=model, host="h", prompt_sha256="0", seed=0, index=0, tokens=900, dollars=0.9)
    return [intent, ProposalAnswer(id=name, **answer)] if answer else [intent]


def candidate(name: str, model: str, speedup: float | None) -> list[Event]:
    made = Candidate(id=name, parent="c0", proposal=Proposal(source=name, proposer="llm", note="", rule=model))
    found = None
    if speedup is not None:
        found = Measurement(
            pairs=10, speedup=speedup, low=1, high=9, p_value=0.001, clock="cpu", wall_speedup=speedup, baseline_s=1, candidate_s=1
        )
    status = Status.OK if speedup is not None else Status.WRONG_OUTPUT
    return [CandidateMade(candidate=made), VerdictReached(candidate=name, verdict=Verdict(status=status, search=found))]


def test_every_call_is_paid_once_and_divided_by_what_was_accepted() -> None:
    events = [
        *call("a", "big", tokens_in=100, tokens_out=20, dollars=0.5),
        ProposalAnswer(id="a", cached=True),
        Planned(plan=Plan(id="p1", parent="c0", family="algorithm", title="t", model="big")),
        *call("b", "small", tokens_in=10, tokens_out=5, dollars=0.0),
        *candidate("c1", "small", 2.0),
        *candidate("c2", "small", None),
        *candidate("c3", "small", 3.0),
        *candidate("c4", "rule", 4.0),
        *call("c", "small", tokens_in=3, tokens_out=0, dollars=0.0, error="lost"),
        *call("d", "big"),
    ]
    big, small = accounts(events)
    assert big["model"] == "big" and (big["calls"], big["lost"], big["plans"], big["candidates"]) == (2, 1, 1, 0)
    assert big["tokens_in"] + big["tokens_out"] == 1020 and round(big["dollars"], 9) == 1.4, "what nothing answered counts in full"
    assert big["tokens_per_accepted"] is None
    assert (small["calls"], small["lost"], small["candidates"], small["accepted"]) == (2, 1, 3, 2)
    assert small["tokens_per_accepted"] == 9.0 and small["dollars_per_accepted"] == 0.0
    assert accounts([]) == []
