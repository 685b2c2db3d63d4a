"""The verdict on a module: is it right on every shape, and how much faster is it than the fastest of its rivals?

Answers come from the reference as it is (eager) and are held against the same in double precision; times are taken
against eager and against torch.compile, each in a process of its own. What decides is the device's time by its events,
with the L2 cache flushed before each call, unless the parent's clock says that more was done than the events show.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from codeopt.sandbox import stats
from codeopt.sandbox.kernels.numbers import UNSURE, Error, judged
from codeopt.sandbox.kernels.session import (
    FORWARD,
    INIT,
    SIZES,
    Answer,
    Ask,
    Gradients,
    Meta,
    Refused,
    Region,
    count,
)
from codeopt.sandbox.kernels.subject import CALL_S, Failure, KernelSubject
from codeopt.sandbox.race import Finding
from codeopt.sandbox.session import Broken
from codeopt.sandbox.subject import CannotStart
from codeopt.types import Measurement, Status

TARGET_S = {"cuda": 0.002, "cpu": 0.02}  # of device time in a region
MOST = 40  # calls in one
SHARE = 0.1  # of the device's memory for the inputs and outputs of a region
HOST_BYTES = 1 << 28
HOLDS, HOLD_S = 1.5, (3e-4, 2e-3)  # of what a call of the reference takes to its end; at least, at most
PAIRS = 10
HIDDEN = 2  # unseen inputs of each shape
HIDES = 0.1  # of its device time that a candidate may spend where its events do not show it
HIDES_S = 20e-6
LATE_ROUNDS = 10
FURTHER = (8, 32)  # inputs on which the reference's own error is found out, where it decides, and where it still does
NUMPY = {"float64": "f8", "float32": "f4", "float16": "f2", "int64": "i8", "int32": "i4", "int16": "i2", "int8": "i1", "uint8": "u1", "bool": "?"}


@dataclass
class Plan:
    """How the regions of a shape are made.

    Attributes:
        calls: In one region.
        outputs: What the reference answers with; gradients come last.
        sizes: Their bytes.
        alias: (output, argument) whose memory meets in the reference's own answer.
        changed: Arguments that the reference changes.
        gradients: What is differentiated.
        hold: Seconds for which the device is kept busy before a call, so that launching its kernels does not count.
        idle: Seconds of a region that calls nothing.
        errors: The candidate's, by output, of the last check.
        luck: Of further inputs, once they were needed, what is known of the reference's own outputs.
        glanced: Seeds, the choice of elements, and the reference's region, for `glance`.
    """

    calls: int
    outputs: tuple[Meta, ...]
    sizes: tuple[int, ...]
    alias: tuple[tuple[int, int], ...]
    changed: tuple[int, ...]
    gradients: Gradients = FORWARD
    hold: float = 0.0
    idle: float = 0.0
    errors: list[Error] = field(default_factory=list)
    luck: list[list[dict[str, Any]]] = field(default_factory=list)
    glanced: tuple[list[int], int, Region] | None = None

    def name(self, output: int) -> str:
        """What an output is called."""
        own = len(self.outputs) - len(self.gradients.names)
        return f"output {output}" if output < own else self.gradients.names[output - own]


@dataclass(frozen=True)
class Times:
    """Seconds of a call in one pair.

    Attributes:
        device: By events, with the device held before it.
        wall: By the parent's clock, without a hold, an idle region taken off; beside: by events in the same region.
        whole: By the parent's clock, with all that an idle region has too.
    """

    device: float
    wall: float
    beside: float
    whole: float


@dataclass
class KernelRace:
    """Paired regions of one shape as they come in.

    Attributes:
        device, wall: Log-ratios rival / candidate, by the device's events and by the parent's clock (idle regions
            subtracted).
        rival_s, candidate_s: Seconds of a call.
    """

    device: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    rival_s: list[Times] = field(default_factory=list)
    candidate_s: list[Times] = field(default_factory=list)
    finding: Finding | None = None

    def hides(self) -> bool:
        """Whether the candidate works where its events do not show it: on other streams, or after they were patched."""
        # Not `wall`: it cannot be less than nothing, as on a busy machine the idle region taken off can make it for both.
        gaps = [
            (mine.whole - mine.beside) - (theirs.whole - theirs.beside) - HIDES * mine.beside - HIDES_S
            for theirs, mine in zip(self.rival_s, self.candidate_s, strict=True)
        ]
        return len(gaps) >= stats.LOOKS[0] and stats.hodges_lehmann(gaps) > 0 and stats.signed_rank_p(gaps) < stats.ALPHA

    @property
    def clock(self) -> str:
        """ "device", or "wall" where the events do not tell the whole."""
        return "wall" if self.hides() else "device"

    @property
    def ratios(self) -> list[float]:
        """The log-ratios by the clock that decides."""
        return self.wall if self.hides() else self.device


def measured(races: Sequence[KernelRace], calls: int) -> Measurement:
    """The figures of races on several shapes: the geometric mean over shapes, pair by pair.

    Raises ValueError without pairs.
    """
    d = [statistics.fmean(pair) for pair in zip(*(race.ratios for race in races))]
    wall = [statistics.fmean(pair) for pair in zip(*(race.wall for race in races))]
    low, high = stats.interval(d)
    clocks = {race.clock for race in races}
    clock = "wall" if "wall" in clocks else "device"
    return Measurement(
        pairs=len(d),
        speedup=math.exp(stats.hodges_lehmann(d)),
        low=math.exp(low),
        high=math.exp(high),
        p_value=stats.signed_rank_p(d),
        clock=clock,
        wall_speedup=math.exp(stats.hodges_lehmann(wall)),
        baseline_s=sum(statistics.median(getattr(s, clock) for s in race.rival_s) for race in races),
        candidate_s=sum(statistics.median(getattr(s, clock) for s in race.candidate_s) for race in races),
        calls=calls,
    )


class KernelJudge:
    """Judges candidates against one reference.

    Args:
        reference: The module as it is, run eagerly: what is right comes from here.
        shapes: How many shapes there are; `reference.texts` holds what makes their inputs.
        rel: The task's tolerance; None takes KernelBench's for each type.
        limit_s: No region may run longer.
        seed: For everything random.
    """

    def __init__(
        self, reference: KernelSubject, *, rel: float | None = None, limit_s: float = CALL_S, seed: int | None = None
    ) -> None:
        self.reference = reference
        self.rel = rel
        self.limit_s = limit_s
        self._rng = random.Random(seed)
        self._plans: dict[int, Plan] = {}

    def seeds(self, number: int) -> list[int]:
        """Seeds that nobody has seen."""
        return [self._rng.getrandbits(40) for _ in range(number)]

    # --- what is right ------------------------------------------------------------------------------------

    def plan(self, shape: int) -> Plan:
        """How a shape's regions are made: found out once. Raises CannotStart, Refused, Broken: the reference fails."""
        if shape not in self._plans:
            found = self.reference.answer(shape, self._rng.getrandbits(40), (), lambda _: None)
            gradients = found.gradients
            if gradients.spec:  # what upstream gradients meet and keep shows in a call that gets them
                found = self.reference.answer(shape, self._rng.getrandbits(40), (), lambda _: None, gradients)
            sizes = tuple(count(dims) * SIZES[dtype] for dtype, dims in found.outputs)
            plan = Plan(1, found.outputs, sizes, found.alias, found.changed, gradients)
            tried = self._region(self.reference, shape, self.seeds(2), plan, Ask())
            one = max(statistics.median(tried.seconds), 1e-7)
            device = self.reference.at(shape).device
            memory = SHARE * device.memory if device.kind == "cuda" else HOST_BYTES
            # Outputs twice: they are poisoned in a place of their own.
            most = int(memory / max(1, found.given + 2 * sum(sizes)))
            plan.calls = max(1, min(math.ceil(TARGET_S[device.kind] / one), MOST, most))
            if device.kind == "cuda":
                alone = self._region(self.reference, shape, self.seeds(2), plan, Ask(cold=False, one_by_one=True))
                plan.hold = min(max(HOLD_S[0], HOLDS * alone.wall_s / 2), HOLD_S[1])
            plan.idle = self._idle(shape, plan)
            self._plans[shape] = plan
        return self._plans[shape]

    def _region(self, subject: KernelSubject, shape: int, seeds: Sequence[int], plan: Plan, ask: Ask, probes: int = 0) -> Region:
        return subject.region(shape, seeds, plan.sizes, ask, probes, self.limit_s, plan.gradients)

    def _idle(self, shape: int, plan: Plan) -> float:
        runs = [self._region(self.reference, shape, self.seeds(plan.calls), plan, Ask(idle=True)) for _ in range(5)]
        return statistics.median(run.wall_s + run.late_s for run in runs)

    def check(self, candidate: KernelSubject, shape: int, seed: int) -> Finding | None:
        """Whether the candidate answers one call as the reference does, in full; None where it does.

        Raises CannotStart, Refused, Broken where the reference itself fails.
        """
        plan = self.plan(shape)
        reference = self.reference.at(shape)
        where = f"on shape {shape}, input {seed}"
        wrong: list[str] = []
        asked: list[bool] = []

        def take(found: Answer) -> Callable[[bytes], None] | None:
            if found.missing:
                wrong.append(found.missing)
                return None
            if found.outputs != plan.outputs:
                wrong.append(f"it answers with {_told(found.outputs)}, the reference with {_told(plan.outputs)}")
                return None
            reference.compare(self.reference.texts[shape], seed, self.limit_s, plan.gradients)
            asked.append(True)
            return reference.piece

        try:
            found = candidate.answer(shape, seed, plan.sizes, take, plan.gradients)
        except CannotStart as error:
            return Finding(error.status, error.evidence)
        except (Refused, Broken) as error:
            if asked:
                self.reference.close()  # it waits for the rest of an output
            return Finding(error.status, f"{where}: {error.evidence}")
        if not wrong:
            rows = reference.rows(self.limit_s)
            plan.errors = [judged(row, dtype, self.rel) for row, (dtype, _) in zip(rows, plan.outputs, strict=True)]
            for inputs in FURTHER:
                if not any(error.told for error in plan.errors) or any(error.ratio > UNSURE for error in plan.errors):
                    break
                luck = self._luck(shape, plan, inputs)
                plan.errors = [
                    judged(row, dtype, self.rel, [of[index] for of in luck])
                    for index, (row, (dtype, _)) in enumerate(zip(rows, plan.outputs, strict=True))
                ]
            wrong = [f"{plan.name(i)}: {error.told}" for i, error in enumerate(plan.errors) if error.told]
        more = sorted(set(found.changed) - set(plan.changed))
        if not wrong and more:
            wrong.append(f"it changes its {plan.gradients.told(more[0])}")
        if not wrong and set(found.alias) - set(plan.alias):
            wrong.append(_shared(plan, found.alias))
        return Finding(Status.WRONG_OUTPUT, f"{where}: {wrong[0]}") if wrong else None

    def _luck(self, shape: int, plan: Plan, inputs: int) -> list[list[dict[str, Any]]]:
        """What `kernel_error.row` says of the reference's own outputs on so many further inputs, or more.

        Raises CannotStart, Refused, Broken.
        """
        missing = inputs - len(plan.luck)
        if missing > 0:
            asked = {"text": self.reference.texts[shape], "seeds": self.seeds(missing), "init": INIT, "spec": plan.gradients.spec}
            plan.luck += self.reference.at(shape).plain("errors", asked, missing * self.limit_s)["rows"]
        return plan.luck

    def glance(self, candidate: KernelSubject, shape: int) -> Finding | None:
        """Whether some elements of one call are as the reference's: enough for a search among its own variants, no verdict.

        The first one on a shape is checked in full: that tells how near is near enough. Raises CannotStart, Refused, Broken.
        """
        plan = self.plan(shape)
        if not plan.errors:
            return self.check(candidate, shape, self.seeds(1)[0])
        if plan.glanced is None:
            seeds, probes = self.seeds(1), self._rng.getrandbits(40)
            plan.glanced = seeds, probes, self._region(self.reference, shape, seeds, plan, Ask(), probes)
        seeds, probes, expected = plan.glanced
        told = self.differs(shape, expected, self._region(candidate, shape, seeds, plan, Ask(), probes))
        return Finding(Status.WRONG_OUTPUT, f"on shape {shape}: {told}") if told else None

    def differs(self, shape: int, expected: Region, actual: Region) -> str:
        """ "" or how the answers of a timed region differ, by the elements that were shown."""
        plan = self._plans[shape]
        if actual.outputs != expected.outputs:
            return f"it answers with {_told(actual.outputs[:1])} while it is timed"
        if actual.shared and not expected.shared:
            return "answers of different calls share memory"
        for met in actual.alias:
            if set(met) - set(plan.alias):
                return _shared(plan, met)
        if actual.arguments != expected.arguments and not plan.changed:
            return "it changes its arguments while it is timed"
        for number, (theirs, mine) in enumerate(zip(expected.values, actual.values, strict=True)):
            for index, (want, got) in enumerate(zip(theirs, mine, strict=True)):
                near = plan.errors[index].near if index < len(plan.errors) else 0.0
                if told := _differs(want, got, plan.outputs[index][0], near):
                    return f"{plan.name(index)} of timed call {number}: {told}"
        return ""

    # --- speed --------------------------------------------------------------------------------------------

    def race(
        self, rival: KernelSubject, candidate: KernelSubject, shape: int, *, pairs: int = PAIRS, race: KernelRace | None = None
    ) -> KernelRace:
        """Measure pairs of regions up to a fixed number. Raises CannotStart, Refused, Broken where the rival fails."""
        race = race or KernelRace()
        plan = self.plan(shape)
        while len(race.wall) < pairs and race.finding is None:
            seeds, probes = self.seeds(plan.calls), self._rng.getrandbits(40)
            order = [rival, candidate]
            self._rng.shuffle(order)
            found: dict[KernelSubject, list[Region]] = {}
            for subject in order:
                try:
                    found[subject] = self._twice(subject, shape, seeds, plan, probes)
                except Failure as error:
                    if subject is rival:
                        raise
                    race.finding = Finding(error.status, error.evidence)
                    return race
            for base, mine in zip(found[rival], found[candidate], strict=True):
                if told := self.differs(shape, base, mine):
                    race.finding = Finding(Status.WRONG_OUTPUT, f"on shape {shape}: {told}")
                    return race
            old, new = (self._per_call(found[subject], plan) for subject in (rival, candidate))
            race.device.append(math.log(old.device / new.device))
            race.wall.append(math.log(old.wall / new.wall))
            race.rival_s.append(old)
            race.candidate_s.append(new)
        return race

    def _twice(self, subject: KernelSubject, shape: int, seeds: Sequence[int], plan: Plan, probes: int) -> list[Region]:
        """A region for the device's clock and one for the parent's.

        While the device is held, work on another stream could go on unseen by both: so the parent's has no hold.
        """
        held = self._region(subject, shape, seeds, plan, Ask(hold_s=plan.hold), probes)
        return [held, self._region(subject, shape, seeds, plan, Ask(), probes)] if plan.hold else [held]

    def _per_call(self, regions: Sequence[Region], plan: Plan) -> Times:
        """Seconds of a call: the devices' medians, and the parent's mean with the idle region taken off."""
        plain = regions[-1]
        whole = plain.wall_s + plain.late_s
        return Times(
            device=max(statistics.median(regions[0].seconds), 1e-9),
            wall=max(whole - plan.idle, 1e-7 * plan.calls) / plan.calls,
            beside=max(statistics.median(plain.seconds), 1e-9),
            whole=whole / plan.calls,
        )

    def times(self, subject: KernelSubject, shape: int, ask: Ask, rounds: int = 3) -> float:
        """Seconds of a call: by the device's events, or where calls come one by one by the parent's clock. Raises as `race`."""
        plan = self.plan(shape)
        found = []
        ask = ask if ask.one_by_one else replace(ask, hold_s=plan.hold)
        for _ in range(rounds):
            region = self._region(subject, shape, self.seeds(plan.calls), plan, ask)
            found.append(region.wall_s / plan.calls if ask.one_by_one else statistics.median(region.seconds))
        return statistics.median(found)

    def early(self, rival: KernelSubject, candidate: KernelSubject, shape: int, race: KernelRace) -> Finding | None:
        """Work that is done before the clock starts, or that goes on after it: regions whose inputs are made within.

        Both sides make the same inputs, so what one is faster by must be what it is faster by there, too.
        """
        plan = self.plan(shape)
        claimed = [theirs.device - mine.device for theirs, mine in zip(race.rival_s, race.candidate_s)]
        missing = []
        for number in range(LATE_ROUNDS):
            seeds, probes, ask = self.seeds(plan.calls), self._rng.getrandbits(40), Ask(late=True)
            order = [rival, candidate]
            self._rng.shuffle(order)
            try:
                found = {subject: self._region(subject, shape, seeds, plan, ask, probes) for subject in order}
            except (Refused, Broken) as error:
                return Finding(error.status, error.evidence)
            if told := self.differs(shape, found[rival], found[candidate]):
                return Finding(Status.WRONG_OUTPUT, f"on shape {shape}: {told}")
            whole = {subject: (region.wall_s + region.late_s) / plan.calls for subject, region in found.items()}
            missing.append(0.5 * claimed[number % len(claimed)] - (whole[rival] - whole[candidate]) - HIDES_S)
        if statistics.median(claimed) > 0 and stats.signed_rank_p(missing) < stats.ALPHA and stats.hodges_lehmann(missing) > 0:
            told = f"its gain of {statistics.median(claimed) * 1e6:.0f} µs a call is not there when its inputs come after the clock has started"
            return Finding(Status.TAMPERED, told)
        return None


def _shared(plan: Plan, alias: Sequence[tuple[int, int]]) -> str:
    """What is wrong where memory of an output meets an argument's, as it does not in the reference's own answer."""
    output, argument = min(set(alias) - set(plan.alias))
    return f"its {plan.name(output)} shares memory with {plan.gradients.told(argument)}"


def _told(outputs: Sequence[Any]) -> str:
    return ", ".join(f"{dtype}{list(shape)}" for dtype, shape in outputs) or "nothing"


def _differs(want: bytes, got: bytes, dtype: str, near: float) -> str:
    if want == got:
        return ""
    one, other = _array(want, dtype), _array(got, dtype)
    if one is None or other is None or one.shape != other.shape:
        return "other bytes"
    if one.dtype.kind != "f":
        return f"expected {one[one != other][0]}, got {other[one != other][0]}" if (one != other).any() else ""
    with np.errstate(all="ignore"):
        same = (one == other) | (np.isnan(one) & np.isnan(other))
        off = ~(same | (np.abs(one - other) <= near))
    if off.any():
        first = int(np.argmax(off))
        return f"expected {float(one[first])!r}, got {float(other[first])!r}; {near:.3g} apart is allowed"
    return ""


def _array(raw: bytes, dtype: str) -> Any:
    """Numbers from the bytes of a tensor; None for a type that NumPy cannot hold."""
    if dtype == "bfloat16":
        return (np.frombuffer(raw, "u2").astype("u4") << 16).view("f4").astype("f8")
    kind = NUMPY.get(dtype)
    if kind is None:
        return None
    found = np.frombuffer(raw, kind)
    return found.astype("f8") if found.dtype.kind == "f" else found


def geometric(values: Mapping[str, float] | Sequence[float]) -> float:
    """The geometric mean. Raises StatisticsError without values."""
    return statistics.geometric_mean(values.values() if isinstance(values, Mapping) else values)
