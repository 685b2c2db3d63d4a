"""The verdict: does a candidate do the same, and is it faster?

The judge lives in the parent. It sends the same cases to the baseline and to the candidate, which run apart and
never see each other, compares their answers as plain data, and decides by the paired test of `stats`. Timed answers
are compared too, so there is no call that a candidate may treat as "only timed".
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from codeopt.errors import UserError
from codeopt.sandbox import fairness, stats, timing
from codeopt.sandbox.compare import compare_text
from codeopt.sandbox.compare_types import Tolerance as Closeness
from codeopt.sandbox.race import FLOORS, Clocks, Finding, Race, where
from codeopt.sandbox.session import Sample
from codeopt.sandbox.subject import SETUP_LIMIT_S, CannotStart, Subject, renew
from codeopt.sandbox.tolerance import Tolerance
from codeopt.sandbox.workload import Case, Workload, count_kinds, together
from codeopt.types import Counts, Status, Verdict

if TYPE_CHECKING:
    from codeopt.sandbox.memory import MemoryLimit
    from codeopt.sandbox.oracle import Answer, Oracle
    from codeopt.sandbox.sanitize import Sanitizer

REGION_S = 0.005  # short calls are repeated until the baseline's region lasts this long
WAITS = 40  # times the wall-clock that is wanted: enough even where a program waits more than it works
HOLDOUT_PAIRS = 20
SHORT = 2  # copies of a call in one region, from which on a gain may be in the copies
WARM = 3
STRAYS_EVERY = 4  # pairs
PATIENT_S = 5.0  # that a candidate's set-up may always take
COMPILE_S = 20.0  # that a just-in-time compiler may take for a new kind of input
LIGHT_BYTES = 1 << 20
PROBE_PAIRS = 3
PROBE_HOPE = math.log(1.01)


class Judge:
    """Judges candidates against one baseline on one workload.

    Args:
        baseline: The program as it is.
        tolerance: How answers are compared.
        limit_s: No single region may run longer.
        seed: For the order within pairs.
        patience: A candidate may take this many times as long as the baseline, and `allowance_s` more.
        layouts: Sessions that a holdout is spread over, at most.

    Attributes:
        oracle: What says how far from the truth numbers are; None where answers are held against the baseline's only.
        memory: What a candidate's peak memory may be; None where only the session's own limit holds.
        sanitizer: What runs a second build of what is about to be accepted (C++, C); None where nothing does.
        rival: What candidates race against: the baseline, or the best so far while a search climbs. Expected
            answers always come from the baseline, and `confirm` always races against it.
    """

    def __init__(
        self,
        baseline: Subject,
        tolerance: Tolerance | None = None,
        *,
        limit_s: float = 60,
        seed: int = 0,
        patience: float = 4.0,
        allowance_s: float = 1.0,
        layouts: int = timing.LAYOUTS,
    ) -> None:
        self.baseline = baseline
        self.rival = baseline
        self.tolerance = tolerance or Tolerance()
        self.limit_s = limit_s
        self.patience = patience
        self.allowance_s = allowance_s
        self.layouts = layouts
        self._rng = random.Random(seed)
        self.oracle: Oracle | None = None
        self.memory: MemoryLimit | None = None
        self.sanitizer: Sanitizer | None = None
        self._expected: dict[str, Sample] = {}
        self._steady: set[str] = set()
        self._truths: dict[str, Sequence[Answer | None]] = {}
        self._clocks: Clocks | None = None
        self._regions: timing.Regions | None = None
        self.threads = baseline.runtime.threads

    # --- sameness -----------------------------------------------------------------------------------------

    def difference(self, case: Case, expected: Sample, actual: Sample) -> str:
        """ "" where `actual` does the same as `expected` on `case`, else the first difference in one line."""
        if actual.status is not expected.status:
            return f"{actual.status}: {actual.evidence}"
        if case.calls:
            return (
                self._values(case, expected.answer, actual.answer)
                or self._after(case, expected.after, actual.after)
                or _printed(expected.stdout, actual.stdout)
            )
        if expected.exit != actual.exit:
            return f"exit status {actual.exit} instead of {expected.exit}\n{actual.stderr[-600:]}".strip()
        wanted = expected.answer if case.expected is None else case.expected
        return self.tolerance.output(wanted, actual.answer)

    def _values(self, case: Case, expected: bytes, actual: bytes, *, arguments: bool = False) -> str:
        truths = self.truths(case) if expected != actual else ()
        if not any(truths):
            return self.tolerance.values(expected, actual)
        # It loads NumPy, which most programs do without.
        from codeopt.sandbox.oracle import ARGUMENTS, VALUE, difference

        closeness = Closeness(self.tolerance.rel, self.tolerance.abs_)
        return difference(closeness, truths, expected, actual, ARGUMENTS if arguments else VALUE)

    def truths(self, case: Case) -> Sequence[Answer | None]:
        """What the oracle says about each call of a case (asked once, then remembered in the parent)."""
        if self.oracle is None:
            return ()
        if case.id not in self._truths:
            self._truths[case.id] = self.oracle(case)
        return self._truths[case.id]

    def _after(self, case: Case, expected: bytes, actual: bytes) -> str:
        if expected == actual or not expected:
            return ""
        if not actual:
            return "arguments after the call cannot be encoded any more"
        difference = self._values(case, expected, actual, arguments=True)
        return f"arguments after the call: {difference}" if difference else ""

    def expect(self, case: Case) -> Sample:
        """What the baseline does on a case (run once, then remembered in the parent)."""
        if case.id not in self._expected:
            found = self.baseline.run(case, limit_s=self.limit_s, extras=True)
            if found.status is Status.CRASHED:  # a machine in distress fails any program: ask once more
                found = self.baseline.run(case, limit_s=self.limit_s, extras=True)
            self._expected[case.id] = found
        return self._expected[case.id]

    def steady(self, cases: Sequence[Case], together: int = 1) -> tuple[list[Case], list[str]]:
        """The cases on which the baseline answers, twice the same (asked once); and why the others were left out.

        With `together`, so many calls are asked in one region, and one by one only where that fails or differs.
        """
        kept, reasons = list[Case](), list[str]()
        if together > 1:
            for at in range(0, len(cases), together):
                some = cases[at : at + together]
                whole = Case(f"{some[0].id} to {some[-1].id}", some[0].kind, tuple(call for case in some for call in case.calls))
                more, why = (list(some), []) if self.steady([whole])[0] else self.steady(some)
                kept, reasons = kept + more, reasons + why
            return kept, reasons
        for case in cases:
            if case.id in self._steady:
                kept.append(case)
                continue
            first = self.expect(case)
            if first.status is not Status.OK:
                reasons.append(f"{first.status}: {first.evidence}")
                continue
            again = self.baseline.run(case, limit_s=self.limit_s, extras=True)
            difference = self.difference(Case(case.id, case.kind, case.calls), first, again) if case.calls else ""
            if not case.calls:
                difference = self.tolerance.output(first.answer, again.answer)
            if difference:
                reasons.append(f"two runs of the program differ: {difference}")
                continue
            if case.expected is not None:
                difference = self.difference(case, first, first)
                if difference:
                    reasons.append(f"the program fails its own case {case.id}: {difference}")
                    continue
            self._steady.add(case.id)
            kept.append(case)
        return kept, reasons

    def limit(self, seconds: float, candidate: Subject) -> float:
        """How long a candidate may take where the baseline took that many seconds."""
        compiling = COMPILE_S if candidate.compiles else 0.0
        return min(self.limit_s, self.allowance_s + self.patience * seconds + compiling)

    def check(self, candidate: Subject, cases: Sequence[Case]) -> Finding | None:
        """The first way in which the candidate differs from the baseline on `cases`; None where it does not."""
        for case in cases:
            expected = self.expect(case)
            if expected.status is not Status.OK:
                return Finding(Status.UNDECIDED, where(case, f"the baseline itself fails: {expected.evidence}", expected))
            try:
                candidate.session()  # only then is it known whether it compiles
                actual = candidate.run(case, limit_s=self.limit(expected.wall_s, candidate), extras=True)
            except CannotStart as error:
                return Finding(error.status, error.evidence)
            if actual.status is Status.OK or actual.status is Status.WRONG_OUTPUT:
                difference = self.difference(case, expected, actual)
                if difference:
                    return Finding(Status.WRONG_OUTPUT, where(case, difference, actual))
            else:
                return Finding(actual.status, where(case, actual.evidence, actual))
        return None

    # --- speed --------------------------------------------------------------------------------------------

    def clocks(self) -> Clocks:
        """What the clocks can resolve here, by regions that do nothing: on a busy machine most of them wait for the core."""
        if self._clocks is None:
            samples = [self.baseline.floor() for _ in range(9)]
            self._clocks = Clocks(
                statistics.median(s.cpu_s or 0.0 for s in samples),
                min(s.wall_s for s in samples),
                self.threads,
                self.baseline.session().channel.cpu_ns() is not None,
            )
        return self._clocks

    def calibrate(self, case: Case, *, region_s: float = REGION_S, limit: int = 20_000) -> int:
        """Copies of a call for which the baseline's region is long enough to time. 1 for programs.

        Raises UserError where the baseline does not survive its own input.
        """
        if not case.calls:
            return 1
        repeat = 1
        wanted = max(region_s, FLOORS * self.clocks().wall_s)
        budget = 64 << 20  # bytes of decoded copies, roughly
        most = max(1, min(limit, budget // max(1, sum(map(len, case.calls)))))
        while True:
            sample = self.rival.run(case, repeat=repeat, limit_s=self.limit_s)
            if sample.status is not Status.OK:
                raise UserError(
                    f"the program itself does not survive its timing input ({sample.status}: {sample.evidence})",
                    "give another input with --inputs",
                )
            lasts = self.clocks().lasts(sample)
            if lasts >= wanted or sample.wall_s >= WAITS * wanted or repeat >= most:
                return repeat
            growth = wanted / max(lasts, 1e-6)
            repeat = min(most, max(repeat + 1, math.ceil(repeat * min(growth * 1.2, 50))))

    def noise(self, case: Case, repeat: int, samples: int = 5) -> tuple[float, float, str]:
        """(median seconds, coefficient of variation, clock) of the baseline's region: what a person should expect."""
        runs = [self.baseline.run(case, repeat=repeat, limit_s=self.limit_s) for _ in range(samples)]
        cpu = [run.cpu_s for run in runs if run.cpu_s]
        by_cpu = self.threads == 1 and len(cpu) == len(runs) and min(cpu) >= FLOORS * self.clocks().cpu_s
        times = cpu if by_cpu else [run.wall_s for run in runs]
        middle = statistics.median(times)
        return middle, statistics.stdev(times) / max(middle, 1e-9), "cpu" if by_cpu else "wall"

    def race(
        self,
        candidate: Subject,
        cases: Sequence[Case],
        *,
        repeat: int = 1,
        pairs: int | None = None,
        race: Race | None = None,
        more: Callable[[int], Sequence[Case]] | None = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> Race:
        """Measure pairs: up to a fixed number, or (None) until the sequential rule decides or `stop()` says so.

        With `race`, that one goes on. `more(n)` gives the regions that follow the first n, where there are any; else
        they come again.
        """
        race = race or Race()
        cases = list(cases)
        race.copies, race.calls = repeat, repeat * max(1, len(cases[0].calls))
        while pairs is None or len(race.wall) < pairs:
            if more is not None and len(race.wall) >= len(cases):
                cases.extend(more(len(cases)))
            case = cases[len(race.wall) % len(cases)]
            finding = self._pair(candidate, case, repeat, race)
            if finding is not None and finding.status is Status.UNDECIDED and len(cases) > timing.STEADY:
                cases.remove(case)  # drawn for this race, and the baseline itself fails on it
                continue
            if finding is not None:
                race.finding = finding
                return race
            d = race.ratios(self.clocks())
            if pairs is None and stats.look(d) is not stats.Decision.CONTINUE:
                return race
            if stop() and (pairs is None or len(d) >= stats.LOOKS[0]):
                return race
        return race

    def _pair(self, candidate: Subject, case: Case, repeat: int, race: Race) -> Finding | None:
        order = [self.rival, candidate]
        self._rng.shuffle(order)
        limit = self.limit_s
        if race.baseline_s:
            limit = self.limit(max(wall for _, wall in race.baseline_s), candidate)
        samples = {}
        # What it does beside its answer is looked at here too; that this will be asked shows only after the answer.
        light = sum(map(len, case.calls)) * repeat < LIGHT_BYTES
        extras = light or len(race.wall) % 4 == 0
        for subject in order:
            try:
                allowed = limit if subject is candidate else self.limit_s
                samples[subject] = subject.run(case, repeat=repeat, limit_s=allowed, extras=extras)
            except CannotStart as error:
                return Finding(error.status, error.evidence)
        base, new = samples[self.rival], samples[candidate]
        if base.status is not Status.OK:
            return Finding(Status.UNDECIDED, f"the baseline failed while it was timed: {base.evidence}")
        if new.status is not Status.OK:
            return Finding(new.status, where(case, new.evidence, new))
        difference = self.difference(case, base, new)
        if difference:
            return Finding(Status.WRONG_OUTPUT, where(case, difference, new))
        race.wall.append(math.log(base.wall_s / new.wall_s))
        if base.cpu_s and new.cpu_s:
            race.cpu.append(math.log(base.cpu_s / new.cpu_s))
        race.before_s.append((base.prep_s, new.prep_s))
        if base.early_s is not None and new.early_s is not None:
            race.early_s.append((base.early_s, new.early_s))
        if len(race.wall) % STRAYS_EVERY == 1:  # where there is no cgroup, the whole table of processes is read
            race.strays.append(fairness.strays(self.rival, candidate))
        race.baseline_s.append((base.cpu_s or 0.0, base.wall_s))
        race.candidate_s.append((new.cpu_s or 0.0, new.wall_s))
        return None

    # --- verdicts -----------------------------------------------------------------------------------------

    def judge(
        self,
        candidate: Subject,
        workload: Workload,
        *,
        probe: Race | None = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> Verdict:
        """Check on the visible inputs, then the sequential test. What the search learns from.

        With `probe`, what `self.probe` measured, that race goes on.
        """
        race = probe if probe is not None else self.probe(candidate, workload, stop=stop)
        if race.finding is None and self.promise(race) > PROBE_HOPE:
            timed = self.regions(workload)
            race = self.race(candidate, timed.cases, repeat=timed.repeat, race=race, more=timed.more, stop=stop)
        verdict = self.decide(race, workload)
        if not verdict.accepted:
            return verdict
        finding = self.memory.held(self, candidate, workload.visible)[2] if self.memory else None
        # Only now: a second build costs more than most candidates that fail.
        if finding is None and self.sanitizer is not None:
            told, finding = self.sanitizer.held(self, candidate, workload.visible)
            verdict = verdict.model_copy(update={"sanitized": told})
        return verdict if finding is None else verdict.model_copy(update={"status": finding.status, "evidence": finding.evidence})

    def probe(
        self, candidate: Subject, workload: Workload, *, stop: Callable[[], bool] = lambda: False
    ) -> Race:
        """Check on the visible inputs, then the first few pairs; `judge` can go on from there, now or later."""
        self.prepare(candidate, workload)
        finding = self.check(candidate, workload.visible)
        if finding is not None:
            return Race(finding=finding)
        timed = self.regions(workload)
        return self.race(
            candidate, timed.cases, repeat=timed.repeat, pairs=PROBE_PAIRS, more=timed.more, stop=stop
        )

    def machine_code(self, candidate: Subject, workload: Workload) -> str:
        """The hash of what a candidate is built into; "" where nothing is, or it does not build: its probe says why."""
        if candidate is not self.baseline:
            self.prepare(candidate, workload)
        return candidate.machine_code()

    def regions(self, workload: Workload) -> timing.Regions:
        """What the search times: drawn once for each number of copies, then the same for all candidates."""
        if self._regions is None or not self._regions.serve(workload):
            self._regions = timing.Regions(self, workload, self._rng.getrandbits(48))
        return self._regions

    def promise(self, race: Race) -> float:
        """The best log-ratio so far; minus infinity for a race that cannot be won.

        A probe without promise ends there: turning away can only lose acceptances.
        """
        if race.finding is not None or not race.wall:
            return -math.inf
        return max(race.ratios(self.clocks()))

    def estimate(self, race: Race) -> float:
        """The log-ratio that a race shows so far (Hodges-Lehmann). Raises ValueError without pairs."""
        return stats.hodges_lehmann(race.ratios(self.clocks()))

    def decide(self, race: Race, workload: Workload) -> Verdict:
        """The search verdict as far as a race has gone."""
        inputs = Counts(visible=count_kinds(workload.visible), not_encodable=workload.not_encodable)
        if race.finding is not None:
            return Verdict(status=race.finding.status, evidence=race.finding.evidence, inputs=inputs)
        if not race.wall:
            return Verdict(status=Status.UNDECIDED, evidence="no pair was measured in time", inputs=inputs)
        measured = race.measurement(self.clocks(), race.calls)
        d = race.ratios(self.clocks())
        decision = stats.look(d)
        early = fairness.early_start(race, race.copies) if decision is stats.Decision.FASTER else None
        if early is not None:
            return Verdict(status=early.status, evidence=early.evidence, inputs=inputs)
        status = {
            stats.Decision.FASTER: Status.OK,
            stats.Decision.NOT_FASTER: Status.NOT_FASTER,
        }.get(decision, Status.UNDECIDED)
        evidence = (
            "" if status is Status.OK else f"measured {measured.speedup:.2f}x over {measured.pairs} pairs"
        )
        return Verdict(status=status, evidence=evidence, search=measured, inputs=inputs)

    def confirm(
        self,
        candidate: Subject,
        workload: Workload,
        *,
        seed: int,
        pairs: int = HOLDOUT_PAIRS,
        hidden: int = 30,
        stop: Callable[[], bool] = lambda: False,
    ) -> Verdict:
        """The holdout: hidden inputs drawn now, then a fixed number of fresh pairs, on unseen inputs where there are.

        `stop` is for a budget that runs out: it may shorten the pairs to ten, whatever they say.

        The interval of this verdict is the one that a report may quote.
        """
        self.rival = self.baseline
        drawn, _ = self.steady(workload.hidden(hidden, seed))
        inputs = Counts(
            visible=count_kinds(workload.visible),
            hidden=count_kinds(drawn),
            not_encodable=workload.not_encodable,
        )
        self.prepare(candidate, workload)
        checked = (*workload.visible, *drawn, *together(workload.visible))
        usage, peaks, finding = self.memory.held(self, candidate, checked) if self.memory else (None, "", self.check(candidate, checked))
        sanitized = ""
        if finding is None and self.sanitizer is not None:
            sanitized, finding = self.sanitizer.held(self, candidate, (*workload.visible, *drawn))
        if finding is not None:
            return Verdict(status=finding.status, evidence=finding.evidence, inputs=inputs, sanitized=sanitized)
        notes = [] if drawn else ["none hidden: the candidate saw the kind of every input it was checked on"]
        notes += filter(None, [peaks])
        cases, repeat = timing.fresh(self, candidate, workload, pairs, seed)
        usage = usage or candidate.usage()
        race, parts = Race(), timing.layouts((self.baseline, candidate), self.layouts)
        for part in range(parts):
            self.race(candidate, cases, repeat=repeat, pairs=pairs * (part + 1) // parts, race=race, stop=stop)
            if race.finding is not None:
                return Verdict(status=race.finding.status, evidence=race.finding.evidence, inputs=inputs)
            if stop() and len(race.wall) >= stats.LOOKS[0]:
                break
            if part + 1 < parts:
                renew((self.baseline, candidate))
        if not race.wall:
            return Verdict(status=Status.UNDECIDED, evidence="no pair was measured", inputs=inputs)
        # Only now: nothing that is timed may have been seen before.
        finding = self.check(candidate, together(cases[:2]) if len(cases[0].calls) == 1 else [])
        if finding is not None:
            return Verdict(status=finding.status, evidence=finding.evidence, inputs=inputs)
        calls = repeat * max(1, len(cases[0].calls))
        measured = race.measurement(self.clocks(), calls)
        faster = measured.speedup > math.exp(stats.MARGIN) and measured.p_value < stats.ALPHA
        setup, finding = fairness.setup_of(self.baseline, candidate, race, calls)
        if faster:
            finding = finding or fairness.early_start(race, repeat) or fairness.left_running(self.baseline, candidate, race)
            if finding is None and repeat >= SHORT:
                warm, finding = fairness.batches(self, candidate, cases, repeat, race, measured)
                measured = measured.model_copy(update={"warm_cache": warm})
            if finding is None and len(cases) < len(race.wall):
                finding = fairness.remembers(self, candidate, cases, repeat, measured)
        told = Verdict(status=Status.OK, inputs=inputs, notes=tuple(notes), setup=setup, usage=usage, sanitized=sanitized)
        if faster and finding is not None:
            # A figure that is no gain is not reported as one.
            return told.model_copy(update={"status": finding.status, "evidence": finding.evidence})
        if not faster:
            evidence = f"measured {measured.speedup:.2f}x on fresh inputs over {measured.pairs} pairs"
            told = told.model_copy(update={"status": Status.NOT_FASTER, "evidence": evidence})
        return told.model_copy(update={"holdout": measured})

    def prepare(self, candidate: Subject, workload: Workload) -> None:
        """What a candidate is given before its first session; the baseline had it, too."""
        calls = tuple(call for case in workload.visible if case.kind != "grown" for call in case.calls[:1])
        for subject in (self.baseline, candidate):
            subject.warm_on(calls[:WARM])
        self.baseline.session()
        # Beyond what it may take: a busy machine must not stop what would be allowed.
        patience = PATIENT_S + candidate.setup_allowance_s
        candidate.setup_limit_s = min(SETUP_LIMIT_S, patience + 4 * self.baseline.setup_s)


def _printed(expected: bytes, actual: bytes) -> str:
    return "" if expected == actual else f"what is printed: {compare_text(expected, actual) or ''}"
