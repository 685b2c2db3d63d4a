"""Paired timings of two programs, which clock decides between them, and the figures that come of it."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, field

from codeopt.sandbox import stats
from codeopt.sandbox.session import Sample
from codeopt.sandbox.workload import Case
from codeopt.types import Measurement, Status

FLOORS = 20  # a region must last this many empty round trips to be believed
# Where all CPU time is counted, a region this long is believed from fewer floors on: what they add to both sides only makes
# ratios smaller, while by the wall-clock of a busy machine a program gains that splits itself into more processes. In a
# shorter one the kernel's bookkeeping drowns what is measured, unless the wall-clock is the worse of the two by `STEADIER`.
WHOLE_FLOORS, WHOLE_S = 5, 0.02
STEADIER = 1.5
WAITS_P = 0.05  # that a candidate's longer waiting is chance
# CPU time and wall-clock may differ by this factor before the wall-clock takes over.
CLOCKS_AGREE = math.log(1.25)


@dataclass(frozen=True)
class Finding:
    """Why a candidate is not the same program, or not an honest one."""

    status: Status
    evidence: str


def where(case: Case, difference: str, sample: Sample) -> str:
    """An evidence: on which input, what is different, and what the sample itself said about it."""
    place = f"on {case.kind} input {case.id}: {difference}"
    return f"{place}\n{sample.evidence}" if sample.evidence and sample.evidence not in difference else place


@dataclass(frozen=True)
class Clocks:
    """What the clocks of a kind of program can resolve.

    Attributes:
        cpu_s, wall_s: Seconds of a region that does nothing.
        threads: How many the program may use.
        whole: CPU time is that of everything in the session, so that only waiting can hide from it.
    """

    cpu_s: float
    wall_s: float
    threads: int
    whole: bool = False

    def lasts(self, sample: Sample) -> float:
        """Seconds that a region lasts by itself. On a busy machine most of its wall-clock may be that of others."""
        return sample.cpu_s if self.whole and self.threads == 1 and sample.cpu_s else sample.wall_s


@dataclass
class Race:
    """Paired timings as they come in. `cpu` and `wall` are log-ratios baseline / candidate.

    Attributes:
        baseline_s, candidate_s: (CPU, wall) seconds of each region.
        before_s: Seconds that the (baseline, candidate) took from the request until they were ready.
        early_s: CPU seconds of (baseline, candidate) before the clock, where samples are forks of their own.
        strays: Processes of the candidate's session beyond those of the baseline's, after some of the pairs.
        calls, copies: Calls in one region; copies of each different one.
    """

    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    baseline_s: list[tuple[float, float]] = field(default_factory=list)
    candidate_s: list[tuple[float, float]] = field(default_factory=list)
    before_s: list[tuple[float, float]] = field(default_factory=list)
    early_s: list[tuple[float, float]] = field(default_factory=list)
    strays: list[int] = field(default_factory=list)
    finding: Finding | None = None
    calls: int = 1
    copies: int = 1

    def clock(self, clocks: Clocks) -> str:
        """CPU time for single-threaded regions well above the floor, unless the wall-clock contradicts it."""
        if clocks.threads > 1 or len(self.cpu) < len(self.wall):
            return "wall"
        least, spent = FLOORS * clocks.cpu_s, statistics.median(cpu for cpu, _ in self.baseline_s)
        if clocks.whole:
            least = min(least, max(WHOLE_FLOORS * clocks.cpu_s, WHOLE_S))
        if spent < least and not (clocks.whole and spent >= WHOLE_FLOORS * clocks.cpu_s and self._wall_is_worse()):
            return "wall"
        if len(self.cpu) >= 10:
            gap = [c - w for c, w in zip(self.cpu, self.wall)]
            if stats.hodges_lehmann(gap) > CLOCKS_AGREE and stats.signed_rank_p(gap) < 0.002 and self._waits(clocks):
                return "wall"
        return "cpu"

    def _wall_is_worse(self) -> bool:
        """Whether ratios by the wall-clock are spread much wider, as on a busy machine. Says nothing about where they lie."""
        if len(self.cpu) < stats.LOOKS[0]:
            return False
        cpu, wall = (statistics.quantiles(d, n=4) for d in (self.cpu, self.wall))
        return wall[2] - wall[0] > STEADIER * (cpu[2] - cpu[0])

    def _waits(self, clocks: Clocks) -> bool:
        """Whether the candidate may be doing its work where its CPU time does not show.

        On a busy machine both wait for the core, and a shorter region loses more of its ratio by it. Where all CPU
        time is counted, a candidate that does not clearly wait longer than the baseline hides nothing.
        """
        pairs = zip(self.baseline_s, self.candidate_s, strict=True)
        longer = [(new[1] - new[0]) - (old[1] - old[0]) for old, new in pairs]
        return not clocks.whole or stats.signed_rank_p(longer) < WAITS_P

    def ratios(self, clocks: Clocks) -> list[float]:
        """The log-ratios by the clock that decides."""
        return self.cpu if self.clock(clocks) == "cpu" else self.wall

    def medians(self, clock: str) -> tuple[float, float]:
        """Median seconds of (baseline, candidate) by "cpu" or "wall". Raises StatisticsError without pairs."""
        index = 0 if clock == "cpu" else 1
        return (
            statistics.median(times[index] for times in self.baseline_s),
            statistics.median(times[index] for times in self.candidate_s),
        )

    def measurement(self, clocks: Clocks, calls: int = 1) -> Measurement:
        """The figures of a race. Raises ValueError without pairs."""
        clock = self.clock(clocks)
        d = self.ratios(clocks)
        low, high = stats.interval(d)
        baseline_s, candidate_s = self.medians(clock)
        return Measurement(
            pairs=len(d),
            speedup=math.exp(stats.hodges_lehmann(d)),
            low=math.exp(low),
            high=math.exp(high),
            p_value=stats.signed_rank_p(d),
            clock=clock,
            wall_speedup=math.exp(stats.hodges_lehmann(self.wall)),
            baseline_s=baseline_s,
            candidate_s=candidate_s,
            calls=calls,
            at_least=candidate_s < FLOORS * (clocks.cpu_s if clock == "cpu" else clocks.wall_s),
        )
