"""Whether a gain is one that a user would have: what a candidate does before the clock starts, and what it keeps.

Fresh inputs for each timed pair leave nothing to remember. These checks close what is left: work moved to the import
or before the clock, answers that are remembered where inputs have to come again (in the process, between the copies
of one batch, in files, in daemons), and processes that go on after the answer. All of it is measured by the parent.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from codeopt.sandbox import stats
from codeopt.sandbox.race import Finding, Race
from codeopt.sandbox.subject import CannotStart, Subject
from codeopt.sandbox.workload import Case
from codeopt.types import Measurement, Setup, Status

if TYPE_CHECKING:
    from codeopt.sandbox.verdict import Judge

PAYS_AFTER = 20  # calls after which a longer set-up has to be earned back where it is not short
EARLY_S, EARLY = 0.005, 0.2
ROUNDS = 5
COLD_SHARE = 0.6  # of the baseline's time: a candidate that needs as much in a fresh process has no gain there
GONE = 1.5
FIRST_S = 0.0002  # shorter calls drown in what a new process costs
APART = math.log(1.1)
ALONE = 0.4  # of the claimed gain of a call: one that comes alone must show as much
SETTLE_S = 0.5


def setup_of(baseline: Subject, candidate: Subject, race: Race, calls: int) -> tuple[Setup, Finding | None]:
    """How long both take to set up, and what is wrong with that: cheats.md, row 12.

    A longer import is honest where it is short, or no longer than `PAYS_AFTER` calls of the baseline. What a busy machine
    adds to it is not its own: where the CPU time of the whole session is known, the set-up is no longer than that.

    Args:
        calls: Calls in one timed region.
    """
    extra = candidate.setup_s - baseline.setup_s
    before, after = (seconds / calls for seconds in race.medians("wall"))
    gain = before - after
    pays = extra / gain if extra > 0 and gain > 0 else 0.0
    setup = Setup(baseline_s=baseline.setup_s, candidate_s=candidate.setup_s, calls_to_pay=pays)
    worked = candidate.setup_cpu_s - baseline.setup_cpu_s
    if (min(extra, worked) if math.isfinite(worked) else extra) > max(candidate.setup_allowance_s, PAYS_AFTER * before):
        told = f"its set-up takes {candidate.setup_s:.2f} s, the baseline's {baseline.setup_s:.2f} s"
        return setup, Finding(Status.NOT_FASTER, f"{told}: the work is moved to before the first call")
    return setup, None


def early_start(race: Race, copies: int) -> Finding | None:
    """Work that is done between the arrival of the inputs and the start of the clock: rows 10 and 12.

    It has to be done once for all `copies` of a call. Where samples are forks of their own, their CPU time tells more
    finely, and load does not disturb it: then a gain has to be one with that time counted in.
    """
    more = [candidate - baseline for baseline, candidate in race.early_s]
    if len(more) == len(race.cpu) and len(more) >= stats.LOOKS[0] and stats.signed_rank_p(more) < stats.ALPHA:
        pairs = zip(race.baseline_s, race.candidate_s, more, strict=True)
        counted_in = [math.log(old / max(new + early, 1e-9)) for (old, _), (new, _), early in pairs if old > 0]
        if stats.signed_rank_p(counted_in) >= stats.ALPHA:
            told = f"{statistics.median(more) * 1e3:.1f} ms of CPU time"
            return Finding(Status.TAMPERED, f"its gain is {told} that it spends before the clock starts")
    before, after = race.medians("wall")
    allowed = max(EARLY_S, EARLY * (before - after) / copies)
    gap = [candidate - baseline - allowed for baseline, candidate in race.before_s]
    if len(gap) >= stats.LOOKS[0] and stats.signed_rank_p(gap) < stats.ALPHA:
        longer = statistics.median(gap) + allowed
        return Finding(Status.TAMPERED, f"works {longer * 1e3:.0f} ms longer than the baseline before the clock starts")
    return None


def strays(baseline: Subject, candidate: Subject) -> int:
    """Processes of the candidate's session beyond those of the baseline's; 0 where they cannot be counted."""
    usual, found = baseline.processes(), candidate.processes()
    return 0 if usual is None or found is None else max(0, found - usual)


def left_running(baseline: Subject, candidate: Subject, race: Race) -> Finding | None:
    """Processes that go on after the answer: row 11. They may work ahead, or take the core from the baseline."""
    if statistics.median(race.strays) >= 1:
        return Finding(Status.TAMPERED, "processes of its still run after the answer, pair after pair")
    deadline = time.monotonic() + SETTLE_S
    while (found := strays(baseline, candidate)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return Finding(Status.TAMPERED, f"{found} process(es) of its still run after the answer") if found else None


def remembers(judge: Judge, candidate: Subject, cases: Sequence[Case], repeat: int, measured: Measurement) -> Finding | None:
    """Answers that are remembered from sample to sample, where timed inputs had to come again: row 7.

    The first sample in a fresh session cannot know its input. Where the candidate is then nearly as slow as the
    baseline, its gain was memory.
    """
    index = 0 if measured.clock == "cpu" else 1
    times: dict[Subject, list[float]] = {judge.baseline: [], candidate: []}
    for number in range(ROUNDS):
        case = cases[number % len(cases)]
        for subject in times:
            subject.close()
            try:
                subject.floor()  # the first fork of a process costs more than the next
                sample = subject.run(case, repeat=repeat, limit_s=judge.limit_s)
            except CannotStart as error:
                return Finding(error.status, error.evidence)
            if sample.status is not Status.OK:
                who = "the baseline" if subject is judge.baseline else "it"
                return Finding(sample.status, f"in a fresh process {who} fails: {sample.evidence}")
            times[subject].append((sample.cpu_s or 0.0, sample.wall_s)[index])
    slow, fast = (statistics.median(seconds) for seconds in times.values())
    cold = slow / max(fast, 1e-9)
    if fast >= COLD_SHARE * slow and fast - measured.candidate_s > EARLY_S / 2 and measured.speedup > GONE * cold:
        told = f"{cold:.2f}x in a fresh process, {measured.speedup:.2f}x when the same inputs come again"
        return Finding(Status.TAMPERED, f"it remembers answers: {told}")
    return None


def batches(
    judge: Judge, candidate: Subject, cases: Sequence[Case], repeat: int, race: Race, measured: Measurement
) -> tuple[bool, Finding | None]:
    """(whether a quarter of the copies of a call gives another ratio, what is wrong with that): row 7.

    Then the copies share something, and a call that comes once must show the gain. By CPU time where there is any:
    such short regions drown in the wall-clock of a busy machine.
    """
    few = max(1, repeat // 4)
    quarter = judge.race(candidate, cases, repeat=few, pairs=stats.LOOKS[0])
    if quarter.finding is not None or not quarter.wall:
        return False, quarter.finding
    counted = judge.clocks().threads == 1 and all(len(one.cpu) == len(one.wall) for one in (race, quarter))
    clock = "cpu" if counted else race.clock(judge.clocks())
    many, less = (one.cpu if clock == "cpu" else one.wall for one in (race, quarter))
    (many_low, many_high), (less_low, less_high) = stats.interval(many), stats.interval(less)
    if not (less_high + APART < many_low or many_high + APART < less_low):
        return False, None
    slow, fast = (seconds / repeat for seconds in race.medians(clock))
    if slow < FIRST_S or not (finding := _alone(judge, candidate, cases, clock, ALONE * (slow - fast))):
        return True, None
    if finding.status is not Status.NOT_FASTER:
        return True, finding
    ratios = f"{measured.speedup:.1f}x for {repeat} copies of a call, {math.exp(stats.hodges_lehmann(less)):.1f}x for {few}"
    return True, Finding(finding.status, f"its gain is in calls that come again: {ratios}, {finding.evidence}")


def _alone(judge: Judge, candidate: Subject, cases: Sequence[Case], clock: str, asked: float) -> Finding | None:
    """Whether a call that comes once gains less than `asked` seconds.

    A new process is slow in its first steps, and more so on a busy machine; the baseline's is, too.
    """
    race = Race()
    missing: list[float] = []
    for pairs in stats.LOOKS:
        judge.race(candidate, cases, repeat=1, pairs=pairs, race=race)
        if race.finding is not None or not race.wall:
            return race.finding
        index = 0 if clock == "cpu" and len(race.cpu) == len(race.wall) else 1
        times = zip(race.baseline_s, race.candidate_s, strict=True)
        missing = [asked - (before[index] - after[index]) for before, after in times]
        if min(stats.signed_rank_p(missing), stats.signed_rank_p([-m for m in missing])) < stats.ALPHA:
            break
    return Finding(Status.NOT_FASTER, "none for a first call") if stats.hodges_lehmann(missing) > 0 else None
