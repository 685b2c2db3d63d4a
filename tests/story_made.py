"""A run of any size as `codeopt optimize --model` leaves it, through the same writer: plans, answers, edits, verdicts, a holdout."""

from __future__ import annotations

import json
import random
from pathlib import Path

from codeopt.trace import (
    Baseline,
    Best,
    BudgetSpent,
    CandidateMade,
    Inputs,
    Note,
    Observed,
    Phase,
    Planned,
    ProposalAnswer,
    ProposalIntent,
    RunFinished,
    RunStarted,
    TraceWriter,
    VerdictReached,
)
from codeopt.types import (
    BASELINE,
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

LINES = 200
FAILURES = (Status.WRONG_OUTPUT, Status.CRASHED, Status.TIMEOUT, Status.NOT_FASTER, Status.UNDECIDED)


def program(seed: int, changes: int) -> str:
    """A program of 200 lines; each change is in another place."""
    draw = random.Random(seed)
    lines = [f"    total += weights[{i % 7}] * xs[{i} % len(xs)]  # term {i}" for i in range(LINES)]
    for _ in range(changes):
        at = draw.randrange(LINES)
        lines[at] = f"    total += fast_term({at}, {draw.random():.6f}, xs)"
    return "\n".join(["def score(xs, weights):", "    total = 0.0", *lines, "    return total", ""])


def measured(speedup: float, pairs: int = 15, spread: float = 1.04) -> Measurement:
    """A measurement with an interval around it."""
    return Measurement(
        pairs=pairs, speedup=speedup, low=speedup / spread, high=speedup * spread, p_value=0.0004, clock="cpu", wall_speedup=speedup * 0.99,
        baseline_s=0.03 * speedup, candidate_s=0.03,
    )  # fmt: skip


def write(folder: Path, candidates: int = 20, *, word: str = "", file: str = "score.py", finished: bool = True, held: bool = True) -> Path:
    """Write the run.

    Args:
        word: Stands in every text that a program, a model or a person can choose.
        finished: It ended by itself, else its trace stops.
        held: A winner passed the holdout.
    """
    draw = random.Random(1)
    source = f"# {word}\n{program(0, 0)}" if word else program(0, 0)
    with TraceWriter(folder) as trace:
        task = {"kind": "function", "language": "python", "file": f"/home/somebody/{file}", "function": f"score{word}", "project": "/home/somebody"}
        trace.add(RunStarted(command=("codeopt", "optimize", file, word), task=task, machine={"cpu": f"Some CPU {word}", "cores": 2}, codeopt="0.1.0", seed=3))
        trace.add(Phase(phase="build", detail=f"bubblewrap: {word}"))
        trace.add(Inputs(counts=Counts(visible={f"generated{word}": 20, "recorded": 4}), note=f"all of them {word}"))
        rows = tuple(ProfileRow(file=file, line=line, function=f"score{word}", share=0.3 / (line - 2), count=10 * line, note=word) for line in range(3, 9))
        trace.add(Baseline(status=Status.OK, seconds=0.03, noise=0.01, clock="cpu", profile=Profile(tool=f"line{word}", seconds=0.1, rows=rows), source=source))
        trace.add(Phase(phase="search", detail="rules, llm"))
        best, best_text, total = BASELINE, source, 1.0
        for number in range(1, candidates + 1):
            if number % 4 == 1:
                seen = Observation(id=f"o{number}", claim=f"term {number} is computed again {word}", category="caching", lines=(5, 6), rows=(1,), share=0.4, bound=1.7)
                trace.add(Observed(parent=best, observations=(seen,)))
                trace.add(Planned(plan=Plan(
                    id=f"p{number}", parent=best, family="caching", title=f"compute the terms once {word}", uses=(seen.id,), idea=f"they repeat {word}",
                    pseudo_code=f"for x in xs: keep(x) {word}", bound=1.7, critique=f"holds {word}", counterexample=word, model=f"m{word}",
                )))  # fmt: skip
            prompt = trace.bodies.put(json.dumps({"messages": [f"make it faster {number}"]}))
            trace.add(ProposalIntent(id=f"q{number}", proposer="llm", model=f"m{word}", host="h", prompt_sha256=prompt, seed=1, index=0, parent=best, tokens=3000))
            text = f"# {word}\n{program(number, 1 + number // 20)}" if word else program(number, 1 + number // 20)
            answer = trace.bodies.put(f"I change this: {word}\n```python\n{text}```")
            trace.add(ProposalAnswer(id=f"q{number}", answer_sha256=answer, tokens_in=2000, tokens_out=900, dollars=0.002, finish="stop"))
            proposal = Proposal(source=text, proposer="llm", rule=f"m{word}", note=f"edit {number} {word}", plan=f"p{number - (number - 1) % 4}", family="caching", tokens=2900)
            trace.add(CandidateMade(candidate=Candidate(id=f"c{number}", parent=best, proposal=proposal)))
            good = number % 25 == 3
            status = Status.OK if good else draw.choice(FAILURES)
            evidence = "" if good else f"on input {number}: expected 3.5, got 3.25 {word}\n" + "  File score.py, line 7\n" * 8
            gain = 1.2 if good else 0.98
            timed = measured(gain) if status in (Status.OK, Status.NOT_FASTER, Status.UNDECIDED) else None
            trace.add(VerdictReached(candidate=f"c{number}", verdict=Verdict(status=status, evidence=evidence, search=timed, notes=(f"note {word}",) if word else ())))
            trace.add(BudgetSpent(wall_s=number, dollars=0.002 * number, tokens=2900 * number, candidates=number))
            trace.add(Note(text=f"said of {number} {word}"))
            if good:
                best, best_text, total = f"c{number}", text, total * gain
                trace.add(Best(candidate=best, measurement=measured(gain)))
        if held and best != BASELINE:
            trace.add(Phase(phase="holdout", detail=best))
            counts = Counts(visible={f"generated{word}": 20, "recorded": 4}, hidden={f"generated{word}": 30})
            trace.add(VerdictReached(candidate=best, verdict=Verdict(status=Status.OK, holdout=measured(total, 20), inputs=counts)))
        if finished:
            trace.add(RunFinished(exit_code=0 if held and best != BASELINE else 1, reason=f"nothing more pays {word}"))
    if best != BASELINE:
        (folder / "profiles").mkdir(exist_ok=True)
        import hashlib

        after = Profile(tool="line", seconds=0.05, rows=(ProfileRow(file=file, line=4, share=0.5),))
        (folder / "profiles" / f"{hashlib.sha256(best_text.encode()).hexdigest()}.json").write_text(after.model_dump_json())
    return folder
