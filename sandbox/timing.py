"""The regions that are timed: of inputs that nobody has seen, wherever there is a source of them.

A region of several calls is made of different ones: copies of one call would let a candidate do the work once. A
region does not come again within a race while the source gives more: what is remembered from pair to pair is of no
use there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from codeopt.sandbox.race import FLOORS
from codeopt.sandbox.stats import LOOKS
from codeopt.sandbox.subject import Subject
from codeopt.sandbox.workload import Case, Draw, Workload
from codeopt.types import Status

if TYPE_CHECKING:
    from codeopt.sandbox.verdict import Judge

STEADY = 4
LEAST_REGION_S = 0.002
POOL = 512  # different calls that are drawn for a holdout, or at a time for a search, at most
DRAW_S = 3.0  # of the baseline's own time for them
LAYOUTS = 4
RENEWALS_S = 2.0  # for all renewals of a holdout's sessions; one is always made
CHUNK = LOOKS[0] + 2  # regions that a search draws at a time


class Regions:
    """What a search times: regions drawn as its pairs need them, the same for every candidate.

    Each candidate has sessions of its own, so what one of them kept is of no use to the next.

    Args:
        judge: Its baseline says which inputs can be used.
        workload: `fresh_timed` is the source; where it gives nothing usable, `timed` is all there is.
        seed: Of the draws.

    Attributes:
        cases: The regions so far; at least one.
        repeat: Copies of each call in a region.
    """

    def __init__(self, judge: Judge, workload: Workload, seed: int) -> None:
        self._judge = judge
        self._workload = workload
        self._seed = seed
        self.cases, self.repeat = self._draw(CHUNK)
        self._endless = bool(self.cases)
        self.cases = self.cases or list(workload.timed)

    def serve(self, workload: Workload) -> bool:
        """Whether these are regions of that workload, with its number of copies."""
        mine = self._workload
        return (mine.fresh_timed, mine.timed, mine.repeat) == (workload.fresh_timed, workload.timed, workload.repeat)

    def more(self, have: int) -> Sequence[Case]:
        """The regions after the first `have`, drawn now where there are none; () where the source has ended."""
        if self._endless and len(self.cases) <= have:
            drawn, _ = self._draw(CHUNK)
            known = {_input(case) for case in self.cases}
            drawn = [case for case in drawn if _input(case) not in known]
            self._endless = bool(drawn)
            self.cases.extend(drawn)
        return self.cases[have:]

    def _draw(self, count: int) -> tuple[list[Case], int]:
        """(regions, copies of each call in them); ([], copies of the workload's own) where the source gives none."""
        self._seed += POOL  # a source may count up from its seed
        first = self._workload.fresh_timed(count, self._seed)
        kept = _steady_ones(self._judge, first)
        copies = self._workload.repeat
        if not kept or copies < 2:
            return kept, copies
        return _batches(self._judge, self._workload.fresh_timed, kept, copies, count * copies, self._seed + count)


def fresh(judge: Judge, candidate: Subject, workload: Workload, pairs: int, seed: int) -> tuple[list[Case], int]:
    """(regions of a holdout, copies of each call): of inputs that nobody has seen, where the source has any.

    One for each pair where it has so many.
    """
    kept = _steady_ones(judge, workload.hidden_timed(pairs + 1, seed))
    if not kept:
        return list(workload.timed), _repeat(judge, candidate, workload.timed[0], workload.repeat)
    # What the candidate is tried on here is not timed: from two answers that it remembered it got 1.06x.
    tried = kept.pop() if len(kept) > pairs else kept[0]
    count = _repeat(judge, candidate, tried, workload.repeat)
    if count < 2:
        return kept, 1
    return _batches(judge, workload.hidden_timed, kept, count, count * pairs, seed + 1)


def layouts(subjects: Sequence[Subject], most: int = LAYOUTS) -> int:
    """How many sessions of theirs a holdout is spread over, at most `most`: 1 where each sample is a process of its own.

    A session's addresses have a speed of their own, of which `runner/scatter.py` takes most.
    """
    if not any(subject.one_layout for subject in subjects):
        return 1
    renewal_s = max(sum(subject.opened_s for subject in subjects), 1e-3)
    return 1 + max(1, min(most - 1, int(RENEWALS_S / renewal_s)))


def _batches(
    judge: Judge, source: Draw, kept: Sequence[Case], count: int, wanted: int, seed: int
) -> tuple[list[Case], int]:
    """Regions of about `count` different calls each, of `kept` and of up to `wanted` more; and copies of each call."""
    first = judge.expect(kept[0])
    spent = first.cpu_s or first.wall_s  # on a busy machine the wall-clock would make regions few and short
    affordable = int(DRAW_S / max(spent, 1e-6))
    more = source(min(POOL, wanted, max(affordable, count)), seed)
    calls = list(dict.fromkeys(call for case in (*kept, *more) for call in case.calls))
    different = len(calls) * spent >= LEAST_REGION_S
    if different:
        count = min(count, len(calls))  # rather a shorter region than copies
    batches = [calls[at : at + count] for at in range(0, len(calls) - count + 1, count)] or [calls]
    cases = [Case(f"{kept[0].id} batch {i}", kept[0].kind, tuple(batch)) for i, batch in enumerate(batches)]
    return cases, 1 if different else max(1, round(count / len(batches[0])))


def _input(case: Case) -> tuple[object, ...]:
    """What makes two cases the same input, whatever they are called."""
    return case.calls, case.stdin, case.argv


def _steady_ones(judge: Judge, drawn: Sequence[Case]) -> list[Case]:
    """Different cases; whether the baseline is steady shows on a few, and the race compares every answer anyway."""
    distinct = list({_input(case): case for case in drawn}.values())
    kept, _ = judge.steady(distinct[:STEADY])
    return kept + distinct[STEADY:] if len(kept) == len(distinct[:STEADY]) else kept


def _repeat(judge: Judge, candidate: Subject, case: Case, repeat: int) -> int:
    """More copies where the candidate's region is too near the floor and the baseline's stays under a second."""
    if not case.calls:
        return 1
    base = judge.baseline.run(case, repeat=repeat, limit_s=judge.limit_s)
    new = candidate.run(case, repeat=repeat, limit_s=judge.limit_s)
    if base.status is not Status.OK or new.status is not Status.OK:
        return repeat
    wanted = FLOORS * judge.clocks().wall_s / max(judge.clocks().lasts(new), 1e-6)
    allowed = 0.5 / max(base.wall_s, 1e-6)
    memory = (256 << 20) / max(1, repeat * sum(map(len, case.calls)))
    return max(repeat, math.floor(repeat * min(max(1.0, wanted), max(1.0, allowed), max(1.0, memory))))
