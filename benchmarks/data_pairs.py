"""Pairs that look like real ones, in any number: MBPP's and HumanEval's programs with seeded changes. Their gains are made up.

They serve to measure how fast datasets are filtered; nobody trains on them.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from codeopt.datasets.records import Failure, Pair, Step
from codeopt.datasets.rewrite import write_unit
from codeopt.datasets.split import split_of
from codeopt.datasets.store import Manifest, finish
from codeopt.evals.humaneval import folder_of, problems
from codeopt.machine import fingerprint

A_PROBLEM = 10
"""Pairs of one problem; of them: one said twice, one with other names, one with another constant."""
HUMANEVAL_EVERY = 20
"""One problem in so many has a program of HumanEval's in it."""
A_SHARD = 5_000
STEPS, FAILURES = 20_000, 10_000
"""Rows of the other configurations, for 100,000 pairs."""
_NAME = re.compile(r"\b(?:i|j|k|n|x|y|res|result|lst|arr|a|b|c|s|count|sum1|temp|num|nums|numbers|string|test_list)\b")
_NUMBER_HERE = re.compile(r"(\b[2-9]\b)")
_NUMBER = re.compile(r"\b[2-9]\b")


def programs(data: Path) -> tuple[list[str], list[str]]:
    """MBPP's solutions, and HumanEval's with their docstrings."""
    file = folder_of(data, "mbpp", "mbpp.jsonl") / "mbpp.jsonl"
    mbpp = [str(json.loads(line)["code"]).replace("\r\n", "\n").strip() for line in file.read_text("utf-8").splitlines()]
    return mbpp, [problem.canonical.strip() for problem in problems(data)]


def slower(rng: random.Random, program: str) -> str:
    """The program with work that changes nothing, in one of its lines."""
    lines = program.split("\n")
    bodies = [at for at, line in enumerate(lines) if line.lstrip().startswith("return") and line[0] in " \t"]
    at = rng.choice(bodies) if bodies else len(lines)
    indent = re.match(r"\s*", lines[at])[0] if bodies else ""  # type: ignore[index]
    name, size = rng.choice(("seen", "again", "found", "copy", "extra")), rng.randrange(10, 2000)
    work = (
        [f"{name} = []", f"for step in range({size}):", f"    {name}.append(step * {rng.randrange(3, 90)})"],
        [f"{name} = sorted(range({size}), key=lambda one: -one)", f"{name} = [one for one in {name} if one in {name}[:{rng.randrange(9)}]]"],
        [f"{name} = ''", f"for step in range({size}):", f"    {name} = {name} + str(step)", f"{name} = len({name})"],
    )
    return "\n".join([*lines[:at], *(indent + line for line in rng.choice(work)), *lines[at:]])


def renamed(program: str, mark: str) -> str:
    """The program with other names and one more comment."""
    return f"# {mark}\n" + _NAME.sub(lambda name: f"{name[0]}_{mark}", program)


def pairs(count: int, seed: int, data: Path) -> Iterator[dict[str, Any]]:
    """Rows of that many pairs, problem by problem."""
    mbpp, humaneval = programs(data)
    machine = json.dumps(fingerprint(), default=str)
    for problem in range(-(-count // A_PROBLEM)):
        rng = random.Random(f"{seed} {problem}")
        fast = "\n\n".join(rng.sample(mbpp, rng.choice((1, 2, 2, 3))))
        if problem % HUMANEVAL_EVERY == 0:
            fast += "\n\n" + rng.choice(humaneval)
        fast = "".join(str(rng.randrange(2, 60)) if _NUMBER.fullmatch(part) else part for part in _NUMBER_HERE.split(fast))
        own: list[tuple[str, str]] = []
        while len(own) < A_PROBLEM - 3:
            own.append((slower(rng, slower(rng, fast)), fast))
        slow = own[0][0]
        own += [(slow, fast), (renamed(slow, "v"), renamed(fast, "v")), (_NUMBER.sub("7", slow, count=1), fast)]
        for at, (before, after) in enumerate(own[: count - problem * A_PROBLEM]):
            low = 1.05 + rng.expovariate(0.5)
            yield row(f"run-{problem}-{at}", f"made/{problem}", before, after, low, machine)


def row(run: str, problem: str, before: str, after: str, low: float, machine: str = "") -> dict[str, Any]:
    """A pair's row with a made-up gain."""
    diff = "\n".join(difflib.unified_diff(before.split("\n"), after.split("\n"), lineterm=""))
    seconds = 0.01
    return Pair(
        run=run, problem_id=problem, id=hashlib.sha256(f"{before}\0{after}".encode()).hexdigest()[:16], language="python", kind="function", function="solve",
        input=before, target=after, diff=diff, code_v0_loc=before.count("\n"), code_v1_loc=after.count("\n"),
        measured_runtime_v0=seconds * low * 1.05, measured_runtime_v1=seconds, runtime_lift=low * 1.05, speedup=low * 1.05, low=low,
        high=low * 1.1, p_value=0.001, measured_pairs=20, clock="cpu", proof="holdout", origin="inverse rule", rule="extra work",
        visible=20, hidden=40, source="MBPP", licence="CC BY 4.0", machine=machine, versions='{"python": "3.11"}', codeopt="0",
    ).model_dump()  # fmt: skip


def make(folder: Path, count: int, seed: int, data: Path) -> None:
    """Write a dataset with that many pairs, and a fitting number of failures and steps."""
    number, unit = 0, list[dict[str, Any]]()
    for own in pairs(count, seed, data):
        unit.append(own)
        if len(unit) == A_SHARD:
            _write(folder, number, unit)
            number, unit = number + 1, []
    _write(folder, number, unit)
    finish(folder, Manifest(title="Made up, to measure by"))


def _write(folder: Path, number: int, unit: list[dict[str, Any]]) -> None:
    if not unit:
        return
    shared = {name: field for name, field in Failure.model_fields.items() if name in Pair.model_fields}
    failures = [
        Failure(status="wrong_output", **{name: own[name] for name in shared}).model_dump() for own in unit[:: 100_000 // FAILURES]
    ]
    steps = [
        Step(run=own["run"], problem_id=own["problem_id"], seq=0, t=0.0, event="candidate", text=own["input"], body="{}").model_dump()
        for own in unit[:: 100_000 // STEPS]
    ]
    split = {own["problem_id"]: split_of(own["problem_id"], 0) for own in unit}
    rows = {Pair.config: unit, Failure.config: failures, Step.config: steps}
    write_unit(folder, number, rows, split, chat=False)
