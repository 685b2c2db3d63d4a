"""The decision on a module: everything that has to hold before a figure of its own is quoted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from codeopt.sandbox import stats
from codeopt.sandbox.kernels.judge import HIDDEN, PAIRS, KernelJudge, KernelRace, measured
from codeopt.sandbox.kernels.subject import KernelSubject
from codeopt.sandbox.race import Finding
from codeopt.types import Counts, Measurement, Status, Verdict


@dataclass
class Confirmed:
    """What came of the pairs.

    Attributes:
        races: Against the reference as it is, one a shape.
        against: Against the rival.
        finding: What is wrong with it; None for an honest module.
    """

    races: list[KernelRace] = field(default_factory=list)
    against: list[KernelRace] = field(default_factory=list)
    finding: Finding | None = None


def confirmed(
    judge: KernelJudge, candidate: KernelSubject, shapes: Sequence[int], rival: KernelSubject, pairs: int = PAIRS
) -> Confirmed:
    """Pairs against the reference and a rival, then what a cheat would show by now. Raises as `KernelJudge.race`."""
    found = Confirmed()
    if rival is judge.reference:
        found.against = found.races  # the same pairs serve both
    for subject, races in {judge.reference: found.races, rival: found.against}.items():
        for shape in shapes:
            races.append(judge.race(subject, candidate, shape, pairs=pairs))
            if races[-1].finding is not None:
                found.finding = races[-1].finding
                return found
    # Now that it has been timed: what was right while it warmed up has to be right still, and its gain a gain.
    for shape in shapes:
        found.finding = judge.check(candidate, shape, judge.seeds(1)[0])
        if found.finding is not None:
            return found
    if measured(found.races, 1).speedup > 1:
        slowest = max(range(len(shapes)), key=lambda number: sum(theirs.device for theirs in found.races[number].rival_s))
        found.finding = judge.early(judge.reference, candidate, shapes[slowest], found.races[slowest])
    return found


def faster(figures: Measurement) -> bool:
    """Whether pairs prove a gain."""
    return figures.p_value < stats.ALPHA and figures.low > 1


def verdict(judge: KernelJudge, candidate: KernelSubject, shapes: Sequence[int], pairs: int = PAIRS) -> Verdict:
    """The verdict against the reference as it is: right on unseen inputs of each shape, and faster.

    Raises CannotStart, Refused, Broken where the reference fails.
    """
    inputs = Counts(hidden={"generated": HIDDEN * len(shapes)})
    for shape in shapes:
        for seed in judge.seeds(HIDDEN):
            if wrong := judge.check(candidate, shape, seed):
                return Verdict(status=wrong.status, evidence=wrong.evidence, inputs=inputs)
    found = confirmed(judge, candidate, shapes, judge.reference, pairs)
    if found.finding is not None:
        return Verdict(status=found.finding.status, evidence=found.finding.evidence, inputs=inputs)
    figures = measured(found.races, 1)
    if faster(figures):
        return Verdict(status=Status.OK, holdout=figures, inputs=inputs)
    return Verdict(status=Status.NOT_FASTER, evidence=f"measured {figures.speedup:.2f}x", holdout=figures, inputs=inputs)
