"""A run that is killed at any moment goes on where it was: nothing is lost, judged twice or paid for twice."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from commandline import FAST_DEDUPE, MAKE, SLOW_DEDUPE, codeopt, command, environment, put
from servers import Step, serve

from codeopt.trace import (
    Best,
    BudgetSpent,
    CandidateMade,
    Event,
    Interrupted,
    ProposalAnswer,
    Resumed,
    VerdictReached,
    read_trace,
)

START = ("optimize", "dedupe.py", "--inputs", "make.py:make", "--sandbox", "process", "--no-crosshair", "--quiet", "--run", "run")
RESUME = ("optimize", "--resume", "run", "--quiet")
KEY = {"OPENAI_API_KEY": "sk-test-0123456789"}
WRONG = SLOW_DEDUPE.replace("return seen", "return sorted(seen)")
SETS = SLOW_DEDUPE.replace("    seen = []\n", "    seen = []\n    known = set()\n").replace(
    "if x not in seen:\n            seen.append(x)", "if x not in known:\n            known.add(x)\n            seen.append(x)"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    put(tmp_path, dedupe=SLOW_DEDUPE, make=MAKE)
    return tmp_path


def events(folder: Path) -> list[Event]:
    """The whole trace; none where the run was killed before its first line."""
    return list(read_trace(folder / "run")) if (folder / "run" / "trace.jsonl").is_file() else []


def known(trace: list[Event]) -> tuple[dict[str, str], dict[str, object]]:
    """Sources and search verdicts by candidate; asserts that there is one of each."""
    made = [event.candidate for event in trace if isinstance(event, CandidateMade)]
    judged = [event for event in trace if isinstance(event, VerdictReached) and event.verdict.holdout is None]
    assert len({candidate.id for candidate in made}) == len(made)
    twice = {name: count for name, count in Counter(event.candidate for event in judged).items() if count > 1}
    assert not twice, "judged twice"
    return {item.id: item.proposal.source for item in made}, {item.candidate: item.verdict for item in judged}


def killed_again_and_again(folder: Path, start: tuple[str, ...], kills: int, seed: int) -> int:
    """Start or resume, kill, look at what is left; returns how many kills hit a living process."""
    rng = random.Random(seed)
    sources: dict[str, str] = {}
    verdicts: dict[str, object] = {}
    hit = 0
    for _ in range(kills):
        begun = any(events(folder))
        words = command(*(RESUME if begun else start))
        pipe = subprocess.DEVNULL
        process = subprocess.Popen(words, cwd=folder, env=environment(**KEY), stdout=pipe, stderr=pipe)
        try:
            code = process.wait(rng.uniform(0.2, 3))
            assert code == 0, f"a run that is not killed finds its speedup, not {code}"
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            hit += 1
        now_sources, now_verdicts = known(events(folder))
        assert now_sources.items() >= sources.items() and now_verdicts.items() >= verdicts.items()
        sources, verdicts = now_sources, now_verdicts
    return hit


def finished(folder: Path, start: tuple[str, ...]) -> list[Event]:
    """Resume to the end; the trace, with the result checked."""
    before = known(events(folder))
    done = codeopt(*(RESUME if any(events(folder)) else start), cwd=folder, env=KEY)
    assert done.returncode == 0, (done.stdout, done.stderr)
    trace = events(folder)
    after = known(trace)
    assert after[0].items() >= before[0].items() and after[1].items() >= before[1].items()
    result = json.loads((folder / "run" / "result.json").read_text())
    assert result["verified"] and result["measurement"]["speedup"] > 1.5
    assert (folder / "dedupe.py").read_text() == SLOW_DEDUPE
    return trace


def test_twelve_kills_lose_nothing(folder: Path) -> None:
    hit = killed_again_and_again(folder, START, kills=12, seed=1)
    trace = finished(folder, START)
    assert hit >= 6 and sum(isinstance(event, Resumed) for event in trace) >= 4


def test_no_answer_is_paid_for_twice(folder: Path) -> None:
    answers = [f"A try.\n```python\n{text}```\n" for text in (WRONG, SETS, "import (", FAST_DEDUPE, SETS)]
    # Kills lose answers that were on their way, so the last one, which is good, comes again and again.
    with serve(*(Step(text, usage=(100, 50), hang_s=0.2) for text in answers)) as server:
        model = ("--proposer", "llm", "--strategy", "refine", "--model", "m", "--base-url", server.url, "--price-in", "10", "--price-out", "10")
        start = (*START, *model)
        rng = random.Random(2)
        for _ in range(6):
            before = len(server.requests)
            words = command(*(RESUME if any(events(folder)) else start))
            process = subprocess.Popen(words, cwd=folder, env=environment(**KEY), stdout=-3, stderr=-3)
            while len(server.requests) == before and process.poll() is None:
                time.sleep(0.01)
            time.sleep(rng.uniform(0, 1.0))
            process.kill()
            process.wait()
            known(events(folder))
        trace = finished(folder, start)
        asked = Counter(json.dumps([body["messages"], body["seed"]]) for body in server.requests)
    assert len(server.requests) <= len(asked) + 6
    paid = [event for event in trace if isinstance(event, ProposalAnswer) and not event.cached and not event.error]
    assert len({event.id for event in paid}) == len(paid) >= len(server.requests) - 6
    assert any(isinstance(event, ProposalAnswer) and event.cached for event in trace)
    spent = [event for event in trace if isinstance(event, BudgetSpent)][-1]
    assert len(paid) * 150e-5 <= spent.dollars + 1e-9 and spent.dollars <= 1.0


def test_a_run_whose_candidates_are_spent_keeps_its_result_when_it_is_resumed(folder: Path) -> None:
    done = codeopt(*START, "--max-candidates", "1", cwd=folder)
    assert done.returncode == 0, (done.stdout, done.stderr)
    first = known(events(folder))
    assert len(first[0]) == len(first[1]) == 1
    (folder / "run" / "result.json").unlink()
    assert known(finished(folder, START)) == first


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_an_interrupt_keeps_the_best_so_far(folder: Path, name: str) -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen(command(*START), cwd=folder, env=environment(), stdout=pipe, stderr=pipe, text=True) as process:
        until = time.monotonic() + 60
        while not any(isinstance(event, Best) for event in events(folder)) and time.monotonic() < until:
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)
        process.send_signal(getattr(signal, name))
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130 and "Traceback" not in err, err
    assert "the best so far is kept" in out
    assert [event.signal for event in events(folder) if isinstance(event, Interrupted)] == [name]
    assert (folder / "run" / "best.patch").read_text().startswith("--- a/dedupe.py")
    if name == "SIGTERM":
        finished(folder, START)


@pytest.mark.parametrize("phase", ["build", "baseline", "profile", "search"])
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_an_interrupt_before_the_first_candidate(folder: Path, name: str, phase: str) -> None:
    process = subprocess.Popen(command(*START), cwd=folder, env=environment(), stdout=-3, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 60
    while not any(getattr(event, "phase", "") == phase for event in events(folder)) and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(getattr(signal, name))
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130 and "Traceback" not in err, err
    if name == "SIGINT" and phase == "build":
        finished(folder, START)


def test_two_processes_on_one_run(folder: Path) -> None:
    process = subprocess.Popen(command(*START), cwd=folder, env=environment(), stdout=-3, stderr=-3)
    try:
        until = time.monotonic() + 60
        while not events(folder) and time.monotonic() < until:
            time.sleep(0.02)
        done = codeopt(*RESUME, cwd=folder)
        assert done.returncode == 2 and "another process is writing this run" in done.stderr
    finally:
        process.kill()
        process.wait()


def test_the_file_changed_in_the_meantime(folder: Path) -> None:
    hit = killed_again_and_again(folder, START, kills=1, seed=3)
    while not events(folder):
        hit += killed_again_and_again(folder, START, kills=1, seed=3 + hit)
    put(folder, dedupe=FAST_DEDUPE)
    done = codeopt(*RESUME, cwd=folder)
    assert done.returncode == 2 and "dedupe.py has changed since the run started" in done.stderr
