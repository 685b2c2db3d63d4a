"""Whether a gain is one that a user would have: what a candidate does before the clock starts, and what it keeps.

Fresh inputs for each timed pair leave nothing to remember. These checks close what is left: work moved to the import
or before the clock, answers that are remembered where inputs have to come again (in the process, between the copies
of one batch, in files, in daemons), and processes that go on after the answer. All of it is measured by the parent.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from codeopt.sandbox import stats
from codeopt.sandbox.race import Clocks, Finding, Race
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
FIRST_S = 0.0002
FIRST_SHARE = 0.3  # of a quarter batch: what comes once in it, over the floor
ALONE = 0.4  # of the claimed gain of a call: one that comes alone must show as much
SETTLE_S = 0.5


def setup_of(baseline: Subject, candidate: Subject, race: Race, calls: int) -> tuple[Setup, Finding | None]:
    """How long both take to set up, and what is wrong with that: cheats.md, row 12.

    A longer import is honest where it is short, or no longer than `PAYS_AFTER` calls of the baseline.

    Args:
        calls: Calls in one timed region.
    """
    extra = candidate.setup_s - baseline.setup_s
    before, after = (seconds / calls for seconds in race.medians("wall"))
    gain = before - after
    pays = extra / gain if extra > 0 and gain > 0 else 0.0
    setup = Setup(baseline_s=baseline.setup_s, candidate_s=candidate.setup_s, calls_to_pay=pays)
    if extra > max(candidate.setup_allowance_s, PAYS_AFTER * before):
        told = f"its set-up takes {candidate.setup_s:.2f} s, the baseline's {baseline.setup_s:.2f} s"
        return setup, Finding(Status.NOT_FASTER, f"{told}: the work is moved to before the first call")
    return setup, None


def early_start(race: Race, copies: int) -> Finding | None:
    """Work that is done between the arrival of the inputs and the start of the clock: rows 10 and 12.

    It has to be done once for all `copies` of a call.
    """
    before, after = race.medians("wall")
    allowed = max(EARLY_S, EARLY * (before - after) / copies)
    gap = [candidate - baseline - allowed for baseline, candidate in race.before_s]
    if len(gap) >= stats.LOOKS[0] and stats.signed_rank_p(gap) < stats.ALPHA:
        more = statistics.median(gap) + allowed
        return Finding(Status.TAMPERED, f"works {more * 1e3:.0f} ms longer than the baseline before the clock starts")
    return None


def strays(baseline: Subject, candidate: Subject) -> int:
    """Processes of the candidate's session beyond those of the baseline's; 0 where they cannot be counted."""
    usual, found = baseline.usage().processes, candidate.usage().processes
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
    if fast >= COLD_SHARE * slow and fast - measured.candidate_s > EARLY_S / 2 and measured.low > GONE * cold:
        told = f"{cold:.2f}x in a fresh process, {measured.speedup:.2f}x when the same inputs come again"
        return Finding(Status.TAMPERED, f"it remembers answers: {told}")
    return None


def batches(
    judge: Judge, candidate: Subject, cases: Sequence[Case], repeat: int, race: Race, measured: Measurement
) -> tuple[bool, Finding | None]:
    """(whether a quarter of the copies of a call gives another ratio, what is wrong with that): row 7.

    Then the copies share something. T(K) = a + b K by the two sizes gives the time of a call that comes once.
    """
    few = max(1, repeat // 4)
    quarter = judge.race(candidate, cases, repeat=few, pairs=stats.LOOKS[0])
    if quarter.finding is not None or not quarter.wall:
        return False, quarter.finding
    less = quarter.measurement(judge.clocks())
    if not (less.high * 1.1 < measured.low or measured.high * 1.1 < less.low):
        return False, None
    clock = race.clock(judge.clocks())
    (slow, many_s), (_, few_s) = race.medians(clock), quarter.medians(clock)
    each = max(0.0, (many_s - few_s) / (repeat - few))
    # Near the floor both sizes show nothing but the floor.
    first = few_s - each * few - _floor(judge.clocks(), clock)
    if first < FIRST_SHARE * few_s:
        return False, None
    # A new process is slower in its first steps, whatever it runs: a small `first` proves nothing.
    if first <= FIRST_S:
        return True, None
    # A large one may be those steps on a slow machine: then the baseline has them too, so both run one call in turn.
    alone = judge.race(candidate, cases, repeat=1, pairs=stats.LOOKS[2])
    if alone.finding is not None or not alone.wall:
        return True, alone.finding
    index = 0 if clock == "cpu" else 1
    claimed = (slow - race.medians(clock)[1]) / repeat
    missing = [
        ALONE * claimed - (before[index] - after[index])
        for before, after in zip(alone.baseline_s, alone.candidate_s, strict=True)
    ]
    if stats.signed_rank_p(missing) < stats.ALPHA:
        told = f"{measured.speedup:.1f}x for {repeat} copies of a call, {less.speedup:.1f}x for {few}"
        return True, Finding(Status.NOT_FASTER, f"its gain is in calls that come again: {told}, none for a first call")
    return True, None


def _floor(clocks: Clocks, clock: str) -> float:
    return clocks.cpu_s if clock == "cpu" else clocks.wall_s
