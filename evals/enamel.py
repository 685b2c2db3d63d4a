"""ENAMEL's protocol on our engine: levels, repeats, limits and scores as published, with the parent's clock.

Source: Qiu et al., ICLR 2025; the authors' evaluator (PyPI `enam` 0.2.0) for what the paper leaves open. What differs,
and why: each case is a fork (theirs shares a process with the evaluator); the clock is the parent's, and what a region
that does nothing costs is taken off on both sides; a case of less than `REGION_S` is timed as a batch of calls on fresh
copies, each call the first one of a module of its own, as theirs are; the reference is timed case by case beside the sample,
while theirs is timed once before a problem, because machines change their speed. A program that could keep something between calls
(evals/stateless.py) gets a fork for each repeat.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from codeopt.errors import UserError
from codeopt.evals import metrics
from codeopt.evals.humaneval import CASES, Problem, case_seed, checker_file, generator_source
from codeopt.evals.lane import Lane
from codeopt.evals.rows import Row, Statistic
from codeopt.evals.stateless import stateless
from codeopt.sandbox.choose import find_interpreter
from codeopt.sandbox.protocol import Limits, Mount
from codeopt.sandbox.rounds import Rounds, RoundSubject
from codeopt.sandbox.runner import codec
from codeopt.sandbox.session import Broken, Runtime
from codeopt.sandbox.subject import CannotStart, FunctionSpec
from codeopt.types import Status

HARDNESS = (0, 3, 3, 4)
REPEATS = 6
ALPHA = 2.0
TOLERANCE_S = 0.01
MEMORY_MB = 4096
MAKE_S = 120.0
FRESH_S = 2.0
"""As long a time of the reference is taken for true: rented machines change their speed by half within seconds."""
SLACK = 1.25
"""A sample is stopped at so many times its limit, which is known in the end only: the reference is timed beside it."""
REGION_S = 0.001
MAYBE_SHORT_S = 0.003
FIRST_COPIES = 20
MOST_COPIES = 100
"""Each has a module of its own."""
FORKS = 3
"""Among which the repeats of the shortest cases are shared out: their time differs more from fork to fork than in one."""
ALLOWED_LATE_S = 0.0005
"""For answers to arrive, beyond three times what the reference's needed."""
MODULE = "solution"
SHORT_S = 1e-4
"""References below it are also reported apart: a constant cost in every timing moves their scores most."""
# What answers may be made of: everything else would have to be built from names that a candidate chose.
CONTAINERS = frozenset(("tuple", "set", "frozenset", "complex"))
LATER_ONLY = ("builtins:MemoryError", "builtins:OverflowError")


class Score(Row):
    """What one sample is worth.

    Attributes:
        passed: Right on level 0, and never wrong later.
        levels: Raw f of the levels 0..3; it exceeds 1 where the sample beats the reference.
        e, e_capped: Efficiency with raw f, and with f capped at 1.
        seconds: Time of each case by level, as far as it got (Hodges-Lehmann over the repeats).
        reference_s: The reference's slowest case, each measured just before the sample's.
    """

    kind: ClassVar[str] = "efficiency"
    headline: ClassVar[str] = "eff@1"
    given_pass: ClassVar[str] = "efficiency_given_pass"
    gain_name: ClassVar[str] = "efficiency e of a sample (1: as fast as the reference)"
    ratio: ClassVar[bool] = False

    levels: tuple[float, float, float, float]
    e: float
    e_capped: float
    seconds: tuple[tuple[float, ...], ...]
    reference_s: float

    @property
    def gain(self) -> float:
        """Its efficiency."""
        return self.e

    @classmethod
    def at_k(cls, k: int) -> dict[str, Callable[[Sequence[Score]], float]]:
        """pass@k, eff@k, and eff@k with each level capped at 1."""
        return {
            f"pass@{k}": lambda group: metrics.pass_at_k(len(group), sum(one.passed for one in group), k),
            f"eff@{k}": lambda group: metrics.eff_at_k([one.e for one in group], k),
            f"eff@{k}_capped": lambda group: metrics.eff_at_k([one.e_capped for one in group], k),
        }

    @classmethod
    def apart(cls, groups: Sequence[Sequence[Score]]) -> dict[str, tuple[list[float], Statistic]]:
        """The efficiency of what passes; eff@1 where the reference needs at least `SHORT_S`, and where less."""
        parts = {short: [group for group in groups if (group[0].reference_s < SHORT_S) == short] for short in (False, True)}
        return {
            "efficiency_given_pass": (
                [statistics.fmean(one.e for one in group if one.passed) for group in groups if any(one.passed for one in group)],
                statistics.fmean,
            ),
            **{
                name: ([metrics.eff_at_k([one.e for one in group], 1) for group in parts[short]], statistics.fmean)
                for name, short in (("eff@1_longer", False), ("eff@1_short", True))
            },
        }

    @classmethod
    def columns(cls, ks: Sequence[int]) -> list[str]:
        """What passes and how good it is when it does stand beside eff@k, which mixes the two."""
        return [cls.headline, "pass@1", "efficiency_given_pass", *(f"eff@{k}" for k in ks if k > 1), "eff@1_capped"]

    def told(self) -> str:
        """Its efficiency, or why there is none."""
        return f"e {self.e:.2f}" if self.passed else self.why


@dataclass
class Test:
    """One case of a problem.

    Attributes:
        call: Encoded arguments.
        answer: What the reference answered, as encoded.
        first_s: Seconds of its first call, which warms up, too.
        seconds: The reference's time and when it was taken, by whether each repeat had a fork of its own.
        copies: Calls in one timed region.
        idle_s: Seconds of a region of that many calls that do nothing.
        late_s: Seconds until that many answers of the reference were there.
    """

    call: bytes
    answer: bytes
    first_s: float
    seconds: dict[bool, tuple[float, float]] = field(default_factory=dict)
    copies: int = 1
    idle_s: float = 0.0
    late_s: float = 0.0


def subject_of(lane: Lane, source: str, function: str) -> RoundSubject:
    """A Python text in a session of its own."""
    lane.folder.chmod(0o755)
    file = lane.folder / f"{MODULE}.py"
    file.touch()
    interpreter = find_interpreter(None)
    mount = Mount(lane.folder, "/opt/eval")
    inside = lane.sandbox.inside(mount)
    limits = Limits(memory_mb=MEMORY_MB, cpus=lane.cores)
    runtime = Runtime(interpreter.path, (mount, *interpreter.mounts), limits)
    spec = FunctionSpec(MODULE, function, f"{inside}/{MODULE}.py", (inside,))
    return RoundSubject(lane.sandbox, runtime, source, spec)


class Bench:
    """One problem: its cases, its reference, its checker.

    Raises:
        UserError: The problem's own programs do not work here.
    """

    def __init__(self, problem: Problem, lane: Lane) -> None:
        self.problem = problem
        self._lane = lane
        self._reference = subject_of(lane, problem.reference, problem.entry_point)
        self._checker = subject_of(lane, _checker(problem), "accepts")
        try:
            self.levels = self._tests()
        except BaseException:
            self.close()
            raise
        self._accepted: set[tuple[bytes, bytes]] = set()
        self._counted = [test for level, tests in enumerate(self.levels) if HARDNESS[level] for test in tests]
        self._anew = not stateless(problem.reference)
        self._prepared = False

    def close(self) -> None:
        """End its sessions. Idempotent."""
        for subject in (self._reference, self._checker):
            subject.close()

    def _broken(self, why: str) -> UserError:
        return UserError(f"{self.problem.task_id}: {why}", "take the data as published")

    def _tests(self) -> list[list[Test]]:
        maker = subject_of(self._lane, _maker(self.problem), "make_call")
        try:
            return [[self._test(maker, level, case) for case in range(count)] for level, count in enumerate(CASES)]
        except (Broken, CannotStart) as error:
            raise self._broken(f"it cannot be set up here: {error}") from error
        finally:
            maker.close()

    def _test(self, maker: RoundSubject, level: int, case: int) -> Test:
        made = codec.decode_plain(maker.session().invoke(_call(level, case), MAKE_S))
        if not isinstance(made, dict) or not isinstance(made.get("ok"), bytes):
            raise self._broken(f"no input for level {level}, case {case}")
        once = self._reference.rounds(made["ok"], copies=1, rounds=1, limit_s=MAKE_S, every=False)
        if once.status is not Status.OK or failure(once.answer):
            raise self._broken(f"its reference fails: {once.evidence}")
        return Test(made["ok"], once.answer, once.seconds[0])

    def calibrate(self) -> None:
        """Find out how cases are timed, and forget what the reference needed: it is timed beside each sample."""
        self.prepare()
        for test in self._counted:
            test.seconds.clear()

    def time_reference(self, test: Test, anew: bool) -> None:
        """Time the reference on a case as a sample of that kind is, unless that was done within `FRESH_S`.

        ENAMEL times it before a problem's samples; here each case of it is timed just before the sample's.
        """
        _, taken = test.seconds.get(anew, (0.0, -math.inf))
        if time.monotonic() - taken > FRESH_S:
            test.seconds[anew] = metrics.case_time(self._timed(test, REPEATS, anew)), time.monotonic()

    def prepare(self) -> None:
        """How many copies make a region long enough, and what a region costs that does nothing. Idempotent."""
        if self._prepared:
            return
        idle: dict[int, float] = {}
        for test in self._counted:
            if test.first_s < MAYBE_SHORT_S:
                test.copies = FIRST_COPIES
                each = min(self._timed(test, 3, self._anew))
                test.copies = min(MOST_COPIES, math.ceil(REGION_S / max(each, 1e-7)))
            if test.copies not in idle:
                regions = self._reference.rounds(
                    test.call, copies=test.copies, rounds=2 * REPEATS, limit_s=MAKE_S, every=False, idle=True
                )
                idle[test.copies] = metrics.case_time(regions.seconds)
            test.idle_s = idle[test.copies]
        self._prepared = True

    def _timed(self, test: Test, repeats: int, anew: bool) -> list[float]:
        """Seconds of single calls of the reference. Raises UserError where it fails."""
        found = []
        for regions in _regions(self._reference, test, anew, repeats, MAKE_S):
            if regions.status is not Status.OK:
                raise self._broken(f"its reference fails: {regions.evidence}")
            test.late_s = max(test.late_s, regions.late_s)
            found += _each(regions, test)
        return found

    def slowest(self, anew: bool, level: int | None = None) -> float:
        """Seconds of the reference's slowest case that was timed, of one level or of all that count."""
        return max(test.seconds[anew][0] for test in (self._counted if level is None else self.levels[level]) if anew in test.seconds)

    def score(self, number: int, source: str) -> Score:
        """Run and judge one sample, `source` being a program or the body that belongs under the prompt."""
        program = self.problem.prompt.rstrip() + "\n    pass\n\n" + source + "\n"
        self.prepare()
        subject = subject_of(self._lane, program, self.problem.entry_point)
        anew = not stateless(source)
        # The slowest case says how long a sample may take.
        slowest = max(self._counted, key=lambda test: test.seconds[anew][0] if anew in test.seconds else test.first_s)
        self.time_reference(slowest, anew)
        attempt = _Attempt(self, subject, anew)
        try:
            attempt.run()
        except CannotStart as error:
            attempt.fail(error.status, error.evidence)
        finally:
            subject.close()
        return attempt.score(number)

    def accepts(self, test: Test, answer: bytes) -> bool:
        """Whether the benchmark's own checker accepts an answer; what the reference answered needs no asking."""
        if answer == test.answer or (test.call, answer) in self._accepted:
            return True
        if not plain(answer):
            return False
        asked = codec.encode({"args": [test.call, test.answer, answer], "kwargs": {}})
        try:
            found = codec.decode_plain(self._checker.session().invoke(asked, MAKE_S))
        except Broken:
            return False
        if isinstance(found, dict) and found.get("ok") is True:
            self._accepted.add((test.call, answer))
            return True
        return False


class _Attempt:
    """One sample on its way through the levels."""

    def __init__(self, bench: Bench, subject: RoundSubject, anew: bool) -> None:
        self._bench, self._subject, self._anew = bench, subject, anew
        self._stop_s = SLACK * ALPHA * bench.slowest(anew)
        self._seconds: list[tuple[float, ...]] = []
        self._passed = True
        self._status, self._evidence = Status.OK, ""

    def fail(self, status: Status, evidence: str) -> None:
        """Wrong for good: it scores nothing."""
        self._passed, self._status, self._evidence = False, status, evidence.strip()[-500:]

    def run(self) -> None:
        """Level after level, until one is not completed."""
        for level, tests in enumerate(self._bench.levels):
            times = []
            for test in tests:
                if HARDNESS[level]:
                    self._bench.time_reference(test, self._anew)
                seconds = self._case(test, REPEATS if HARDNESS[level] else 1)
                if seconds is None:
                    if level == 0:
                        self._passed = False
                    return
                times.append(seconds)
            self._seconds.append(tuple(times))

    def _case(self, test: Test, repeats: int) -> float | None:
        """A case's time; None where the sample goes no further."""
        limit = self._stop_s * test.copies + test.idle_s + TOLERANCE_S
        times: list[float] = []
        for regions in _regions(self._subject, test, self._anew, repeats, limit):
            if not self._right(test, regions):
                return None
            times += _each(regions, test)
        return metrics.case_time(times)

    def _right(self, test: Test, regions: Rounds) -> bool:
        if regions.status in (Status.TIMEOUT, Status.OUT_OF_MEMORY):
            self._status, self._evidence = regions.status, regions.evidence.strip()[-500:]
            return False
        if regions.status is not Status.OK:
            self.fail(regions.status, regions.evidence)
            return False
        raised = failure(regions.answer)
        if raised in LATER_ONLY:
            self._status, self._evidence = Status.OUT_OF_MEMORY, raised
            return False
        if raised:
            self.fail(Status.CRASHED, raised)
            return False
        if not self._bench.accepts(test, one_of(regions.answer, test.copies if self._anew else 1)):
            self.fail(Status.WRONG_OUTPUT, "the benchmark's checker refuses its answer")
            return False
        return True

    def score(self, number: int) -> Score:
        """What all of it is worth."""
        levels = [0.0] * len(CASES)
        limit = ALPHA * self._bench.slowest(self._anew)
        for level, times in enumerate(self._seconds if self._passed else ()):
            if any((seconds - limit) * test.copies > TOLERANCE_S for test, seconds in zip(self._bench.levels[level], times)):
                self._status, self._evidence = Status.TIMEOUT, f"{max(times):.3g} s, {limit:.3g} s allowed"
                self._passed = level > 0
                break
            reference = self._bench.slowest(self._anew, level) if HARDNESS[level] else 0.0
            levels[level] = metrics.level_efficiency(max(times), reference, limit)
        capped = [min(1.0, value) for value in levels]
        return Score(
            task_id=self._bench.problem.task_id,
            sample=number,
            passed=self._passed,
            levels=(levels[0], levels[1], levels[2], levels[3]),
            e=metrics.efficiency(levels, HARDNESS),
            e_capped=metrics.efficiency(capped, HARDNESS),
            seconds=tuple(self._seconds),
            status=self._status,
            evidence=self._evidence,
            reference_s=self._bench.slowest(self._anew),
        )


def _maker(problem: Problem) -> str:
    """A file that defines `make_call(level, case)`: the encoded call of that case, by ENAMEL's seeds."""
    seeds = [[case_seed(problem, level, case) for case in range(count)] for level, count in enumerate(CASES)]
    return f"""{generator_source(problem)}

def make_call(level, case):
    import sys
    random.seed({seeds!r}[level][case])
    made = generate_input(size={list(problem.levels)!r}[level], lid=level, cid=case)
    return sys.modules["_codeopt_runner.codec"].encode({{"args": list(made), "kwargs": {{}}}})
"""


def _checker(problem: Problem) -> str:
    """A file that defines `accepts(call, answer, output)` over encoded values."""
    return f"""{checker_file(problem)}

def accepts(call, answer, output):
    import sys
    decode = sys.modules["_codeopt_runner.codec"].decode_live
    return bool(__check(decode(call)["args"], decode(answer)[0][1], decode(output)[0][1]))
"""


def _call(*arguments: object) -> bytes:
    return codec.encode({"args": list(arguments), "kwargs": {}})


def _regions(subject: RoundSubject, test: Test, anew: bool, repeats: int, limit_s: float) -> Iterator[Rounds]:
    """A case's regions: in one fork or few, or (`anew`) each in its own, until one fails."""
    forks = repeats if anew else min(repeats, FORKS) if test.copies == MOST_COPIES else 1
    for _ in range(forks):
        found = subject.rounds(test.call, copies=test.copies, rounds=repeats // forks, limit_s=limit_s, every=anew)
        if found.status is Status.OK and len(found.seconds) < repeats // forks and not failure(found.answer):
            found.status, found.evidence = Status.TAMPERED, "it says that it is done too early"
        yield found
        if found.status is not Status.OK:
            return


def _each(regions: Rounds, test: Test) -> list[float]:
    """Seconds of one call, of each region; what came too late for an answer that was there belongs to the last."""
    times = list(regions.seconds)
    times[-1] += max(0.0, regions.late_s - 3 * test.late_s - ALLOWED_LATE_S) if test.late_s else 0.0
    return [max(0.0, seconds - test.idle_s) / test.copies for seconds in times]


def one_of(answers: bytes, copies: int) -> bytes:
    """The encoded answer of one call, where all `copies` of them are the same bytes; else b""."""
    head, size = 1, copies
    if copies > 15:
        head = 3 if copies < 1 << 16 else 5
    item, rest = divmod(len(answers) - head, size)
    body = answers[head:]
    return b"\x91" + body[:item] if not rest and body == body[:item] * copies else b""


def failure(answer: bytes) -> str:
    """The class of the exception that a call ended in, "module:Name"; "" where it returned; "?" where that cannot be told."""
    try:
        first = codec.decode_plain(answer)[0]
        raised, value = first.value
    except Exception:  # whatever a candidate wrote instead of an answer
        return "?"
    return "" if raised == 0 else str(getattr(value, "name", "?")) or "?"


def plain(answer: bytes) -> bool:
    """Whether an answer is made of numbers, texts and plain containers only."""

    def walk(value: object) -> bool:
        if isinstance(value, codec.Tagged):
            return value.kind in CONTAINERS and not value.name and walk(value.value)
        if isinstance(value, dict):
            return all(map(walk, value)) and all(map(walk, value.values()))
        return all(map(walk, value)) if isinstance(value, list) else True

    try:
        return walk(codec.decode_plain(answer))
    except (codec.Malformed, RecursionError):
        return False
