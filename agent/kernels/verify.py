"""`codeopt verify` for GPU kernels: right on every shape, and how fast beside eager, torch.compile and the roofline."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from pydantic import Field

from codeopt.agent.tasks.kernel import KernelFile, candidate_class, read_kernel
from codeopt.agent.verify import Side as File
from codeopt.errors import UserError
from codeopt.sandbox import stats
from codeopt.sandbox.choose import choose
from codeopt.sandbox.interpreter import find_interpreter
from codeopt.sandbox.kernels import device as gpu
from codeopt.sandbox.kernels.judge import HIDDEN, PAIRS, KernelJudge, KernelRace, geometric, measured
from codeopt.sandbox.kernels.session import Ask, Refused, Side
from codeopt.sandbox.kernels.subject import KernelSubject
from codeopt.sandbox.protocol import Sandbox
from codeopt.sandbox.session import Broken
from codeopt.sandbox.subject import CannotStart
from codeopt.types import Measurement, Record, Status

COMPILED = ("default", "max-autotune-no-cudagraphs")
EAGER = "eager"
TIES = 0.95  # of the roofline: nothing can beat what is that near to it
Failure = (CannotStart, Refused, Broken)


class ShapeRow(Record):
    """What was found on one shape. Times are seconds of one call; 0 where they were not taken.

    Attributes:
        name: The shape; held_out says that a search would not have seen it.
        error, base_error: The largest error of an output, relative to the oracle's norm, of the candidate and the reference.
        error_ratio: error over what is allowed.
        close: Within KernelBench's tolerance, too.
        device_s, warm_s, end_to_end_s: Device time with the L2 cache flushed and as it is left, and wall-clock until the
            answer of a single call is there.
        eager_s, eager_end_to_end_s: The same of the reference.
        compiled_s: Device time of torch.compile by mode, where it works.
        compile_s: Seconds until the candidate had built, compiled and answered for the first time.
        bytes, flops, roofline_s: What a call needs at least.
        share: roofline_s over device_s.
    """

    name: str
    held_out: bool = False
    error: float = 0.0
    base_error: float = 0.0
    error_ratio: float = 0.0
    close: bool = True
    device_s: float = 0.0
    warm_s: float = 0.0
    end_to_end_s: float = 0.0
    eager_s: float = 0.0
    eager_end_to_end_s: float = 0.0
    compiled_s: dict[str, float] = Field(default_factory=dict)
    compile_s: float = 0.0
    bytes: int = 0
    flops: int = 0
    roofline_s: float = 0.0
    share: float = 0.0


@dataclass
class KernelVerification:
    """A verdict with what is needed to read it.

    Attributes:
        status, evidence: As for any candidate.
        best: The pairs against the fastest rival; None where nothing was timed.
        eager: The pairs against the reference as it is.
        rival: "eager", or the mode of torch.compile that was the fastest.
        tie: Both it and the rival stand at the roofline: nothing can be faster.
    """

    file: str
    status: Status = Status.UNDECIDED
    evidence: str = ""
    best: Measurement | None = None
    eager: Measurement | None = None
    rival: str = EAGER
    tie: bool = False
    rows: list[ShapeRow] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    device: str = ""
    torch: str = ""
    sandbox: str = ""
    before: dict[str, float] = field(default_factory=dict)
    after: dict[str, float] = field(default_factory=dict)

    @property
    def accepted(self) -> bool:
        """Right, and faster than the fastest rival."""
        return self.status is Status.OK

    def summary(self) -> dict[str, Any]:
        """Plain data for `--json`."""
        return {
            "file": self.file,
            "kind": "kernel",
            "status": str(self.status),
            "accepted": self.accepted,
            "evidence": self.evidence,
            "rival": self.rival,
            "tie": self.tie,
            "best": self.best.model_dump(mode="json") if self.best else None,
            "eager": self.eager.model_dump(mode="json") if self.eager else None,
            "shapes": [row.model_dump(mode="json") for row in self.rows],
            "notes": self.notes,
            "device": self.device,
            "torch": self.torch,
            "sandbox": self.sandbox,
            "gpu_before": self.before,
            "gpu_after": self.after,
        }


class Bench:
    """The sessions of a kernel's task on one device. `close()` ends them.

    Args:
        kernel: The reference.
        sandbox: Where everything runs.
        device: "cuda" or "cpu".

    Raises:
        UserError: The interpreter has no PyTorch, or cannot be used.
    """

    def __init__(self, kernel: KernelFile, sandbox: Sandbox, device: str, python: str | None = None) -> None:
        self.kernel, self.sandbox, self.device = kernel, sandbox, device
        self._interpreter = find_interpreter(python)
        if not self._interpreter.has("torch"):
            raise UserError(f"PyTorch is not installed in {self._interpreter.path}", "install it, or name another --python")
        self._open: list[KernelSubject] = []

    def close(self) -> None:
        """End all sessions and let go of the sandbox. Idempotent."""
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(KernelSubject.close, self._open))
        self._open.clear()
        self.sandbox.close()

    def subject(self, side: Side) -> KernelSubject:
        """A module, not started yet. Only the reference's own sessions get the text that holds it."""
        texts = [shape.inputs if side.source else shape.whole for shape in self.kernel.shapes]
        cores = tuple(sorted(os.sched_getaffinity(0))) if self.device == "cuda" else ()
        runtime = gpu.runtime(self._interpreter.path, self._interpreter.mounts, self.device, cores)
        made = KernelSubject(self.sandbox, runtime, side, texts, self.device)
        self._open.append(made)
        return made


def sandbox_for(kind: str, device: str) -> Sandbox:
    """The sandbox for a kernel: containers do not show the GPU, so "auto" is a plain process there.

    Raises:
        UserError: A kind that has no GPU inside was named.
    """
    if device == "cpu":
        return choose(kind, trusted=False)
    if kind not in ("auto", "process"):
        raise UserError(f"--sandbox {kind} shows no GPU", "leave it out, or --sandbox process")
    if os.getuid() == 0:
        raise UserError("a GPU kernel would run as root", "run codeopt as another user, best one that owns no files")
    return choose("process", trusted=True)


def verify_kernel(
    before: File,
    after: File,
    *,
    sandbox: str = "auto",
    device: str | None = None,
    python: str | None = None,
    rel: float | None = None,
    pairs: int = PAIRS,
    compiled: Sequence[str] = COMPILED,
    seed: int | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> KernelVerification:
    """Judge a module against its reference.

    Args:
        before: The reference's file; see `codeopt.agent.tasks.kernel`.
        after: The candidate's: `ModelNew`, or `Model`.
        device: "cuda" or "cpu"; by default the GPU where there is one.
        rel: Tolerance of an output, relative to the oracle's norm; by default KernelBench's for its type.
        pairs: Timed pairs for each shape.
        compiled: Modes of torch.compile that it has to beat, too.
        tell: Gets a line for each step.

    Raises:
        UserError: Bad input; the reference cannot be run.
    """
    kernel = read_kernel(before.path, before.source)
    cls = candidate_class(after.path, after.source)
    where = device or ("cuda" if gpu.has_gpu() else "cpu")
    bench = Bench(kernel, sandbox_for(sandbox, where), where, python)
    found = KernelVerification(str(before.path), sandbox=bench.sandbox.name)
    found.before = gpu.state() if where == "cuda" else {}
    try:
        reference = bench.subject(Side())
        candidate = bench.subject(Side(after.source, cls))
        judge = KernelJudge(reference, rel=rel, seed=seed)
        _learn(judge, kernel, found)
        tell(f"{len(kernel.shapes)} shape(s) on {found.device}")
        if not _right(judge, candidate, kernel, found):
            return found
        if where == "cpu":
            found.evidence = "not timed: there is no GPU here"
            return found
        tell("right on all of them; timing")
        _timed(judge, bench, candidate, found, pairs, compiled)
        found.after = gpu.state()
        return found
    finally:
        bench.close()


def _learn(judge: KernelJudge, kernel: KernelFile, found: KernelVerification) -> None:
    """Run the reference once on each shape, and what it needs. Raises UserError where it fails."""
    try:
        for number, shape in enumerate(kernel.shapes):
            judge.plan(number)
            session = judge.reference.at(number)
            cost = session.plain("cost", {"text": shape.whole, "seed": 1}, judge.limit_s)
            found.device, found.torch = session.device.name, session.device.torch
            rates = gpu.cached_rates(found.device)
            if session.device.kind == "cuda" and not rates:
                rates = session.plain("rates", {}, judge.limit_s)
                gpu.keep_rates(found.device, rates)
            row = ShapeRow(
                name=shape.name,
                held_out=shape.held_out,
                bytes=int(cost["bytes"]),
                flops=int(cost["flops"]),
                roofline_s=gpu.floor_s(cost, rates),
            )
            found.rows.append(row)
    except Failure as error:
        last = error.evidence.strip().splitlines()[-1:] or [str(error.status)]
        raise UserError(f"the reference fails on shape {len(found.rows)}: {last[0]}", "mend it, or make its shapes smaller") from error
    if len(kernel.shapes) == 1:
        found.notes.append("one shape: nothing says that it works on others")


def _right(judge: KernelJudge, candidate: KernelSubject, kernel: KernelFile, found: KernelVerification) -> bool:
    """Check every shape on unseen inputs; fills the rows."""
    for number in range(len(kernel.shapes)):
        errors = []
        for seed in judge.seeds(HIDDEN):
            wrong = judge.check(candidate, number, seed)
            errors += judge.plan(number).errors
            if wrong is not None:
                found.status, found.evidence = wrong.status, wrong.evidence
                return False
        worst = max(errors, key=lambda error: error.ratio, default=None)
        row: dict[str, Any] = {"compile_s": candidate.compile_s.get(number, 0.0)}
        if worst is not None:
            row.update(
                error=worst.relative,
                base_error=worst.base_relative,
                error_ratio=worst.ratio,
                close=all(error.close for error in errors),
            )
        found.rows[number] = found.rows[number].model_copy(update=row)
    return True


def _timed(
    judge: KernelJudge,
    bench: Bench,
    candidate: KernelSubject,
    found: KernelVerification,
    pairs: int,
    compiled: Sequence[str],
) -> None:
    """Times of all, then pairs against eager and against the fastest; decides."""
    shapes = range(len(found.rows))
    rivals, times = _rivals(judge, bench, found, compiled)
    found.rival = min(times, key=lambda mode: geometric(times[mode]))
    best = rivals[found.rival]
    try:
        races = [judge.race(judge.reference, candidate, shape, pairs=pairs) for shape in shapes]
        against = races if best is judge.reference else [judge.race(best, candidate, shape, pairs=pairs) for shape in shapes]
        wrong = next((race.finding for race in (*races, *against) if race.finding is not None), None)
        if wrong is not None:
            found.status, found.evidence = wrong.status, wrong.evidence
            return
        found.eager, found.best = measured(races, 1), measured(against, 1)
        _fill(judge, candidate, found, races, times)
        # Again, now that it has been timed: what was right while it warmed up has to be right still.
        wrong = next(filter(None, (judge.check(candidate, shape, judge.seeds(1)[0]) for shape in shapes)), None)
        if wrong is None and found.eager.speedup > 1:
            slowest = max(shapes, key=lambda shape: found.rows[shape].eager_s)
            wrong = judge.early(judge.reference, candidate, slowest, races[slowest])
        if wrong is not None:
            found.status, found.evidence, found.best, found.eager = wrong.status, wrong.evidence, None, None
            return
    except Failure as error:
        found.status, found.evidence = Status.UNDECIDED, f"a rival fails while it is timed: {error.evidence[-300:]}"
        return
    faster = found.best.p_value < stats.ALPHA and found.best.low > 1
    found.status = Status.OK if faster else Status.NOT_FASTER
    found.tie = not faster and all(row.share >= TIES for row in found.rows)
    if not faster:
        tie = "; both are at the roofline" if found.tie else ""
        found.evidence = f"{found.best.speedup:.2f}x against {_named(found.rival)}{tie}"


def _rivals(
    judge: KernelJudge, bench: Bench, found: KernelVerification, compiled: Sequence[str]
) -> tuple[dict[str, KernelSubject], dict[str, list[float]]]:
    """Eager and what torch.compile makes of it: subjects, and device seconds on each shape, by mode."""
    shapes = range(len(found.rows))
    rivals = {EAGER: judge.reference}
    times = {EAGER: [judge.times(judge.reference, shape, Ask()) for shape in shapes]}
    for mode in compiled:
        subject = bench.subject(Side(mode=mode))
        try:
            times[mode] = [judge.times(subject, shape, Ask()) for shape in shapes]
            rivals[mode] = subject
        except Failure as error:
            last = error.evidence.strip().splitlines()[-1:] or [str(error.status)]
            found.notes.append(f"{_named(mode)} fails: {last[0][:160]}")
            subject.close()
    return rivals, times


def _fill(
    judge: KernelJudge,
    candidate: KernelSubject,
    found: KernelVerification,
    races: Sequence[KernelRace],
    times: dict[str, list[float]],
) -> None:
    for shape, race in enumerate(races):
        row = found.rows[shape]
        eager = measured([race], 1)
        took = eager.candidate_s
        found.rows[shape] = row.model_copy(
            update={
                "device_s": took,
                "eager_s": eager.baseline_s,
                "warm_s": judge.times(candidate, shape, Ask(cold=False)),
                "end_to_end_s": judge.times(candidate, shape, Ask(cold=False, one_by_one=True)),
                "eager_end_to_end_s": judge.times(judge.reference, shape, Ask(cold=False, one_by_one=True)),
                "compiled_s": {mode: seconds[shape] for mode, seconds in times.items() if mode != EAGER},
                "share": row.roofline_s / took if took else 0.0,
            }
        )
    if any(race.clock == "wall" for race in races):
        found.notes.append("by the wall-clock: its events show less than the device did")


def _named(mode: str) -> str:
    return "eager" if mode == EAGER else f"torch.compile({mode})"
