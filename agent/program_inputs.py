"""The workload of a program: the user's cases, one stdin, or texts from a generator that grow with a size."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from codeopt.agent.tasks.cases import read_cases
from codeopt.agent.tasks.model import Task
from codeopt.agent.workshop import Workshop
from codeopt.errors import UserError
from codeopt.sandbox.race import FLOORS
from codeopt.sandbox.session import Broken
from codeopt.sandbox.subject import CannotStart, PythonProgram
from codeopt.sandbox.verdict import Judge
from codeopt.sandbox.workload import Case, Draw, Workload, nothing
from codeopt.types import Status

TARGET_S = 0.05
LONG_S = 2.0
SMALL = (1, 2, 3, 5, 8, 13, 30, 60)
_NETWORK = ("getaddrinfo", "name resolution", "Network is unreachable", "ConnectionError", "URLError", "No route")


def program_workload(shop: Workshop, judge: Judge, seed: int) -> tuple[Workload, dict[str, object]]:
    """Inputs for a program, and the facts from which `program_sources` can draw more.

    Raises:
        UserError: The program does not run on any of them, fails its own cases, prints at random, never ends, or is
            too fast to be timed.
    """
    task = shop.task
    try:
        judge.baseline.session()
    except CannotStart as error:
        raise _does_not_build(error) from error
    if task.cases:
        return _from_cases(task, judge, seed), {}
    if task.inputs:
        return _from_generator(shop, judge, seed)
    text = Path(task.stdin).read_bytes() if task.stdin else b""
    case = Case("stdin" if task.stdin else "run", "case", stdin=text, argv=task.args)
    kept = _steady(judge, [case])
    notes = ["one input only, none hidden: no claim about other inputs"]
    return _timed(judge, kept, kept, notes), {}


def _does_not_build(error: CannotStart) -> UserError:
    first = error.evidence.strip().splitlines()[:1] or [str(error.status)]
    return UserError(f"the program does not build ({first[0]})", "make it build, then run codeopt again")


def _steady(judge: Judge, cases: Sequence[Case]) -> list[Case]:
    """The usable cases; UserError where there is none."""
    try:
        kept, reasons = judge.steady(cases)
    except CannotStart as error:
        raise _does_not_build(error) from error
    if any("fails its own case" in reason for reason in reasons):
        reason = next(reason for reason in reasons if "fails its own case" in reason)
        raise UserError(_one_line(reason), "mend the program or the case first")
    if not kept:
        reason = reasons[0] if reasons else "no input"
        raise refusal(reason, judge.limit_s)
    failing = [case for case in kept if judge.expect(case).exit not in (0, None)]
    if len(failing) == len(kept):
        sample = judge.expect(kept[0])
        tail = sample.stderr.strip().splitlines()[-1:] or [f"exit status {sample.exit}"]
        raise refusal(f"it ends with {tail[0]}", judge.limit_s)
    return kept


def refusal(reason: str, limit_s: float) -> UserError:
    """The one line for a baseline that cannot be used."""
    reason = _one_line(reason)
    if any(word in reason for word in _NETWORK):
        return UserError(f"the program needs the network ({reason})", "give it its data by files or --stdin")
    if "two runs of the program differ" in reason:
        return UserError(
            f"the program does not do the same twice ({reason})", "fix its seed, or leave out what is random"
        )
    if reason.startswith(str(Status.TIMEOUT)) or "it did not end in" in reason:
        return UserError(
            f"the program did not end within {limit_s:g} s", "give a smaller input, or more time with --timeout"
        )
    return UserError(f"the program does not run on its own input ({reason})", "make it run, or give another input")


def _one_line(text: str) -> str:
    return " ".join(text.split())[:300]


def _timed(judge: Judge, visible: Sequence[Case], pool: Sequence[Case], notes: list[str]) -> Workload:
    """A workload that times the longest cases of `pool` (those under two seconds where there are any)."""
    timed = _longest(judge, pool)
    slowest, floor = judge.expect(timed[0]).wall_s, empty_s(judge)
    if slowest < 10 * floor:
        # The first run of all pays for cold caches, and the machine's own speed changes: runs in turn, by pairs.
        turns = [(judge.baseline.run(timed[0], limit_s=judge.limit_s).wall_s, _empty(judge)) for _ in range(15)]
        floor = statistics.median(empty for _, empty in turns)
        slowest = floor * statistics.median(spent / empty for spent, empty in turns)
    if slowest < (1.2 if isinstance(judge.baseline, PythonProgram) else FLOORS / 4) * floor:
        raise UserError(
            f"the program ends after {slowest * 1e3:.1f} ms, an empty one after {floor * 1e3:.1f} ms: too fast to be timed",
            "give a larger input (--stdin, --args, --cases or --inputs)",
        )
    if slowest > LONG_S:
        notes.append(f"one run takes {slowest:.1f} s: a verdict costs about {slowest * 25:.0f} s")
    return Workload(visible=tuple(visible), timed=tuple(timed), notes=tuple(notes))


def empty_s(judge: Judge) -> float:
    """Seconds that an empty program of the same kind takes: under them nothing can be gained."""
    if isinstance(judge.baseline, PythonProgram):
        return min(_empty(judge) for _ in range(5))
    return judge.clocks().wall_s


def _empty(judge: Judge) -> float:
    baseline = judge.baseline
    return baseline.empty().wall_s if isinstance(baseline, PythonProgram) else baseline.floor().wall_s


def _longest(judge: Judge, pool: Sequence[Case], count: int = 3) -> list[Case]:
    ordered = sorted(pool, key=lambda case: judge.expect(case).wall_s, reverse=True)
    short = [case for case in ordered if judge.expect(case).wall_s <= LONG_S] or ordered[-1:]
    longest = judge.expect(short[0]).wall_s
    return [case for case in short[:count] if judge.expect(case).wall_s >= longest / 4]


def _from_cases(task: Task, judge: Judge, seed: int) -> Workload:
    held, visible = split_cases(task, seed)
    kept = _steady(judge, visible)
    work = _timed(judge, kept, kept, [])
    return replace(work, hidden=_fixed(held), hidden_timed=_fixed_timed(judge, held, work.timed))


def split_cases(task: Task, seed: int) -> tuple[list[Case], list[Case]]:
    """(held, visible): a third of the user's cases is held out for the decision."""
    cases = [
        Case(
            pair.name,
            "case",
            stdin=Path(pair.stdin).read_bytes(),
            argv=task.args,
            expected=Path(pair.stdout).read_bytes(),
        )
        for pair in read_cases(Path(task.cases))
    ]
    order = list(cases)
    random.Random(seed).shuffle(order)
    held = order[: len(order) // 3]
    return held, [case for case in cases if case not in held]


def _fixed(held: list[Case]) -> Draw:
    def hidden(count: int, draw: int) -> Sequence[Case]:
        return held

    return hidden


def _fixed_timed(judge: Judge, held: list[Case], timed: Sequence[Case]) -> Draw:
    """The held-out cases that run about as long as the timed ones."""

    def hidden_timed(count: int, draw: int) -> Sequence[Case]:
        longest = judge.expect(timed[0]).wall_s
        return [case for case in held if judge.expect(case).wall_s >= longest / 4][:count]

    return hidden_timed


def program_sources(
    shop: Workshop, judge: Judge, visible: Sequence[Case], facts: Mapping[str, Any], seed: int
) -> tuple[Draw, Draw]:
    """(hidden, hidden_timed) of a program whose visible inputs are known already."""
    task = shop.task
    if task.cases:
        held, _ = split_cases(task, seed)
        return _fixed(held), _fixed_timed(judge, held, _longest(judge, visible))
    if not task.inputs:
        return nothing, nothing

    def hidden(count: int, draw: int) -> Sequence[Case]:
        sizes = random.Random(draw)
        return generated(
            shop, [(sizes.choice(SMALL), draw + i) for i in range(min(count, 20))], "generated"
        )

    def hidden_timed(count: int, draw: int) -> Sequence[Case]:
        return generated(shop, [(int(facts["size"]), draw + 1000 + i) for i in range(count)], "grown")

    return hidden, hidden_timed


def generated(shop: Workshop, wanted: list[tuple[int, int]], kind: str) -> list[Case]:
    """Cases from the user's generator, one for each (size, seed).

    Raises:
        UserError: The generator fails or does not return text.
    """
    file, _, name = shop.task.inputs.rpartition(":")
    inside = shop.sandbox.inside(shop.user_file(file))
    request = {"file": inside, "name": name, "wanted": [list(item) for item in wanted], "seconds": 60.0}
    try:
        reply = shop.maker().op("texts", request, 90)
    except Broken as broken:
        raise UserError(f"the generator {name} failed ({broken.evidence})", "mend it") from broken
    if reply.get("error"):
        raise UserError(
            f"the generator {name} failed ({_one_line(str(reply['error']).strip().splitlines()[-1])})",
            "it is called as make(size, seed) and returns the text of stdin",
        )
    return [
        Case(f"size {size} seed {draw}", kind, stdin=bytes(text), argv=shop.task.args, size=size)
        for (size, draw), text in zip(wanted, reply["texts"])
    ]


def _from_generator(shop: Workshop, judge: Judge, seed: int) -> tuple[Workload, dict[str, object]]:
    size = _grow(shop, judge, seed)
    visible = generated(shop, [(s, seed + i) for i, s in enumerate(SMALL) if s < size], "generated")
    timed = generated(shop, [(size, seed + 100 + i) for i in range(3)], "grown")
    kept = _steady(judge, [*visible, *timed])
    work = _timed(judge, kept, [case for case in kept if case.kind == "grown"] or kept, [])
    facts: dict[str, object] = {"size": size}
    hidden, hidden_timed = program_sources(shop, judge, work.visible, facts, seed)
    return replace(work, hidden=hidden, hidden_timed=hidden_timed), facts


def _grow(shop: Workshop, judge: Judge, seed: int) -> int:
    """A size at which the baseline runs for about TARGET_S beyond an empty program."""
    size, last, floor = 16, 0, empty_s(judge)
    while True:
        sample = judge.baseline.run(generated(shop, [(size, seed)], "grown")[0], limit_s=judge.limit_s)
        if sample.status is Status.TIMEOUT and last:
            return last
        if sample.status is not Status.OK:
            raise refusal(f"{sample.status}: {sample.evidence}", judge.limit_s)
        spent = sample.wall_s - floor
        if spent >= TARGET_S or size >= 10_000_000:
            return last if spent > 5 * TARGET_S and last else size
        last = size
        # The exponent errs on the side of quadratic programs.
        size = math.ceil(size * min(8.0, max(1.4, (TARGET_S / max(spent, 1e-4)) ** 0.6)))
