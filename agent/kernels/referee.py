"""The judge as a search sees it: probes, races that go on, verdicts; on the shapes that are not held out."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field

from codeopt.errors import UserError
from codeopt.sandbox import stats
from codeopt.sandbox.kernels.judge import KernelJudge, KernelRace, measured
from codeopt.sandbox.kernels.subject import Failure, KernelSubject
from codeopt.sandbox.race import Finding
from codeopt.sandbox.verdict import PROBE_PAIRS
from codeopt.sandbox.workload import Case, Workload
from codeopt.types import Counts, Status, Verdict

CHECKED = 1  # unseen inputs of each shape for each candidate


@dataclass
class Races:
    """One race a shape, and what was found wrong."""

    races: list[KernelRace] = field(default_factory=list)
    finding: Finding | None = None

    @property
    def ratios(self) -> list[float]:
        """The log-ratios of the pairs: means over shapes."""
        return [statistics.fmean(pair) for pair in zip(*(race.ratios for race in self.races))]


class Referee:
    """Judges candidates of a search.

    Args:
        judge: Asks the sessions.
        shapes: Those that a search may see.
        rival: What candidates race against at first: the fastest of eager and torch.compile.

    Attributes:
        baseline, rival: As those of `codeopt.sandbox.verdict.Judge`.
    """

    def __init__(self, judge: KernelJudge, shapes: list[int], rival: KernelSubject) -> None:
        self._judge = judge
        self._shapes = shapes
        self.baseline = judge.reference
        self.rival = rival

    def machine_code(self, candidate: KernelSubject, workload: Workload) -> str:
        """Nothing: a module is built on the first call on each shape."""
        return ""

    def probe(self, candidate: KernelSubject, workload: Workload, *, stop: Callable[[], bool] = lambda: False) -> Races:
        """Check one unseen input of each shape, then the first few pairs."""
        found = Races([KernelRace() for _ in self._shapes])
        for shape in self._shapes:
            for seed in self._judge.seeds(CHECKED):
                try:
                    found.finding = self._judge.check(candidate, shape, seed)
                except Failure as error:
                    raise UserError(f"the reference fails on shape {shape}: {error.evidence[-200:]}", "run it again") from error
                if found.finding is not None:
                    return found
        self._more(candidate, found, PROBE_PAIRS, stop)
        return found

    def _more(self, candidate: KernelSubject, found: Races, pairs: int, stop: Callable[[], bool]) -> None:
        """Pairs up to that number, one shape after the other, so that all have as many whenever it ends."""
        while len(found.races[0].device) < pairs and not stop():
            for shape, race in zip(self._shapes, found.races, strict=True):
                try:
                    self._judge.race(self.rival, candidate, shape, pairs=len(race.device) + 1, race=race)
                except Failure as error:
                    race.finding = Finding(Status.UNDECIDED, f"the best so far fails while it is timed: {error.evidence[-300:]}")
                if race.finding is not None:
                    found.finding = race.finding
                    return

    def judge(
        self,
        candidate: KernelSubject,
        workload: Workload,
        *,
        probe: Races | None = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> Verdict:
        """Check, then the sequential test; a probe goes on."""
        found = probe if probe is not None else self.probe(candidate, workload, stop=stop)
        if self.promise(found) > 0:
            while found.finding is None and not stop() and stats.look(found.ratios) is stats.Decision.CONTINUE:
                self._more(candidate, found, len(found.ratios) + 1, stop)
        return self.decide(found, workload)

    def promise(self, race: Races) -> float:
        """The best log-ratio so far; minus infinity for a race that cannot be won."""
        return max(race.ratios, default=-math.inf) if race.finding is None else -math.inf

    def estimate(self, race: Races) -> float:
        """The log-ratio that a race shows so far. Raises ValueError without pairs."""
        return stats.hodges_lehmann(race.ratios)

    def decide(self, race: Races, workload: Workload) -> Verdict:
        """The verdict as far as a race has gone."""
        inputs = Counts(visible={"generated": CHECKED * len(self._shapes)})
        if race.finding is not None:
            return Verdict(status=race.finding.status, evidence=race.finding.evidence, inputs=inputs)
        if not race.ratios:
            return Verdict(status=Status.UNDECIDED, evidence="no pair was measured in time", inputs=inputs)
        figures = measured(race.races, 1)
        decision = stats.look(race.ratios)
        faster, slower = decision is stats.Decision.FASTER, decision is stats.Decision.NOT_FASTER
        status = Status.OK if faster else Status.NOT_FASTER if slower else Status.UNDECIDED
        evidence = "" if faster else f"measured {figures.speedup:.2f}x over {figures.pairs} pairs"
        return Verdict(status=status, evidence=evidence, search=figures, inputs=inputs)

    def calibrate(self, case: Case) -> int:
        """Regions of modules have several calls already."""
        return 1
