"""Is an accepted program right? A check of its own that shares nothing with codeopt's verdict.

    python -I humaneval_check.py FOLDER WINNER SECONDS

FOLDER is what humaneval_rules.py wrote for a problem. The winner, HumanEval's canonical solution and ENAMEL's
reference answer the same inputs: ENAMEL's own (all four levels, its seeds), and fresh ones (other seeds, and sizes
between the levels). Where the canonical solution passes ENAMEL's checker against the reference, the winner is wrong
if it does not pass it, if its answer is another than the canonical solution's (types count, floats to 1e-9), or if
it leaves other arguments behind. Prints one JSON line: {"cases", "wrong", "unjudged"}.
"""

from __future__ import annotations

import copy
import importlib.util
import json
import math
import random
import resource
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

SEED = 998244353
CASES = (8, 4, 4, 4)
CALL_S = 2.0
MEMORY = 4 << 30


class OutOfTime(BaseException):
    """Not an Exception: no program under test catches it by accident."""


def limited(seconds: float, call: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """The result of a call.

    Raises:
        OutOfTime: It took longer than `seconds`.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        raise OutOfTime

    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        return call(*arguments, **named)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def load(path: Path, name: str) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return getattr(module, name)


def same(a: Any, b: Any) -> bool:
    """Equality in which types count and floats may differ by 1e-9."""
    if type(a) is not type(b):
        return False
    if isinstance(a, float):
        return a == b or (math.isnan(a) and math.isnan(b)) or math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    return bool(a == b)


def answer(function: Callable[..., Any], arguments: tuple[Any, ...], seconds: float) -> tuple[str, Any, Any]:
    """(kind, answer, arguments after the call); kind is "ok", "raised" (the answer is the exception's type) or "late"."""
    own = copy.deepcopy(arguments)
    try:
        return "ok", limited(seconds, function, *own), own
    except OutOfTime:
        return "late", None, None
    except Exception as error:
        return "raised", type(error).__name__, own


def inputs(generate: Callable[..., Any], number: int, levels: list[int]) -> Any:
    """(seed, level, size, case) of every input: ENAMEL's own ones, small levels first, then fresh ones."""
    for level, size in enumerate(levels):
        for case in range(CASES[level]):
            yield SEED ^ number ^ (sum(CASES[:level]) + case), level, size, case
    for round_ in range(40):
        level = (0, 0, 1)[round_ % 3]
        yield 7_919 * (round_ + 1) + number, level, levels[level], round_ % CASES[level]


def judge(folder: Path, winner: Path, seconds: float) -> dict[str, Any]:
    meta = json.loads((folder / "problem.json").read_text("utf-8"))
    name = meta["entry_point"]
    programs = [load(path, name) for path in (folder / "solution.py", folder / "reference.py", winner)]
    accept = load(folder / "checker.py", "__check")
    generate = load(folder / "generator.py", "generate_input")
    until = time.monotonic() + seconds
    found: dict[str, Any] = {"cases": 0, "wrong": [], "unjudged": 0}
    too_large = len(meta["levels"])
    for seed, level, size, case in inputs(generate, meta["number"], meta["levels"]):
        if time.monotonic() > until:
            break
        if level >= too_large:
            found["unjudged"] += 1
            continue
        random.seed(seed)
        try:
            arguments = limited(3 * CALL_S, generate, size=size, lid=level, cid=case)
            old, reference = [answer(program, arguments, CALL_S) for program in programs[:2]]
            if "late" in (old[0], reference[0]):
                raise OutOfTime
            passed = old[0] == reference[0] == "ok" and limited(CALL_S, accept, arguments, reference[1], old[1])
        except OutOfTime:
            found["unjudged"] += 1
            # The canonical solution is too slow for this level; the larger ones only take longer.
            too_large = max(1, level)
            continue
        new = answer(programs[2], arguments, 2 * CALL_S)
        if not passed:
            found["unjudged"] += 1
            continue
        found["cases"] += 1
        where = f"level {level} case {case} seed {seed}"
        if new[0] != "ok":
            found["wrong"].append(f"{where}: {new[0]} {new[1] or ''}")
        elif not accept(arguments, reference[1], new[1]):
            found["wrong"].append(f"{where}: ENAMEL's checker turns it down")
        elif not same(old[1], new[1]):
            found["wrong"].append(f"{where}: {repr(old[1])[:80]} became {repr(new[1])[:80]}")
        elif not same(old[2], new[2]):
            found["wrong"].append(f"{where}: other arguments after the call")
    if not found["cases"]:
        found["wrong"].append("no input could be judged")
    found["wrong"] = found["wrong"][:5]
    return found


def main() -> None:
    folder, winner, seconds = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (int(2 * seconds) + 10, int(2 * seconds) + 10))
    sys.set_int_max_str_digits(0)
    found = judge(folder, winner, seconds)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
