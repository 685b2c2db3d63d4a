"""Runs as `codeopt` writes them, through the same writer: what is in them is made up, how they are written is not."""

from __future__ import annotations

import random
from pathlib import Path

from codeopt.trace import (
    Baseline,
    CandidateMade,
    Inputs,
    Observed,
    Planned,
    ProposalAnswer,
    ProposalIntent,
    RunFinished,
    RunStarted,
    TraceWriter,
    VerdictReached,
)
from codeopt.types import (
    Candidate,
    Counts,
    Measurement,
    Observation,
    Plan,
    Profile,
    ProfileRow,
    Proposal,
    Status,
    Verdict,
)

SLOW = "def f{n}(xs):\n    seen = []\n    for x in xs:\n        if x + {n} not in seen:\n            seen.append(x + {n})\n    return seen\n"
FAST = "def f{n}(xs):\n    return list(dict.fromkeys(x + {n} for x in xs))\n"
MACHINE = {"cpu": "Some CPU", "cores": 2, "python": "3.12.1", "codeopt": "0.1.0"}


def measured(speedup: float, pairs: int = 12) -> Measurement:
    """A measurement with an interval of 5 % on both sides."""
    return Measurement(
        pairs=pairs, speedup=speedup, low=speedup / 1.05, high=speedup * 1.05, p_value=0.001, clock="cpu",
        wall_speedup=speedup, baseline_s=0.01 * speedup, candidate_s=0.01,
    )  # fmt: skip


def verdict(status: Status = Status.OK, *, holdout: float = 0, search: float = 0, evidence: str = "") -> Verdict:
    """A verdict with one measurement or both."""
    return Verdict(
        status=status,
        evidence=evidence,
        holdout=measured(holdout) if holdout else None,
        search=measured(search) if search else None,
        inputs=Counts(visible={"generated": 20}, hidden={"generated": 30}),
    )


def task(problem: str = "", **more: object) -> dict[str, object]:
    """What a run says of its task."""
    named = {"problem": problem, "source": "made up", "licence": "CC0-1.0"} if problem else {}
    return {"kind": "function", "language": "python", "file": "/home/somebody/f.py", "function": "f", **named, **more}


def write(folder: Path, number: int, *, problem: str | None = None) -> Path:
    """A run of plan search on one program: a model's plan that is faster, a rule that is slower, an edit that is wrong."""
    seed = random.Random(number)
    slow, fast = SLOW.format(n=number), FAST.format(n=number)
    name = f"f{number}"
    with TraceWriter(folder) as trace:
        about = task(f"made/{number}" if problem is None else problem, function=name)
        trace.add(RunStarted(command=("codeopt", "optimize"), task=about, machine=MACHINE, codeopt="0.1.0", seed=number))
        trace.add(Inputs(counts=Counts(visible={"generated": 20})))
        profile = Profile(tool="line", seconds=0.1, rows=(ProfileRow(file="f.py", line=4, share=0.9),))
        trace.add(Baseline(status=Status.OK, seconds=0.02, clock="cpu", profile=profile, source=slow))
        seen = Observation(id="o1", claim="membership in a list", category="data structure", lines=(4,), rows=(1,), share=0.9, bound=10.0)
        trace.add(Observed(parent="c0", observations=(seen,)))
        plan = Plan(id="p1", parent="c0", family="data structure", title="a dict keeps order", uses=("o1",), idea="O(n)")
        trace.add(Planned(plan=plan))
        prompt = trace.bodies.put('{"messages": "make it faster"}')
        trace.add(ProposalIntent(id="q1", proposer="llm", model="m", host="h", prompt_sha256=prompt, seed=1, index=0, parent="c0"))
        trace.add(ProposalAnswer(id="q1", answer_sha256=trace.bodies.put(f"```python\n{fast}```"), tokens_in=10, tokens_out=20))
        edits = [
            ("c1", Proposal(source=fast, proposer="llm", rule="m", note="dict.fromkeys", plan="p1", family="data structure"),
             verdict(holdout=2 + seed.random(), search=2.5)),
            ("c2", Proposal(source=slow.replace("x + ", "int(x) + "), proposer="inverse", rule="needless_casts", note="int() for nothing"),
             verdict(Status.NOT_FASTER, holdout=0.5)),
            ("c3", Proposal(source=slow.replace("not in", "in"), proposer="rules", rule="wrong", note="oops"),
             verdict(Status.WRONG_OUTPUT, evidence="expected [1], got []")),
            ("c4", Proposal(source=slow.replace("seen = []", "seen = list()"), proposer="rules", rule="same", note="no gain"),
             verdict(Status.NOT_FASTER, search=1.0)),
        ]  # fmt: skip
        for candidate, proposal, reached in edits:
            trace.add(CandidateMade(candidate=Candidate(id=candidate, parent="c0", proposal=proposal)))
            trace.add(VerdictReached(candidate=candidate, verdict=reached))
        trace.add(RunFinished(exit_code=0, reason="budget"))
    return folder
