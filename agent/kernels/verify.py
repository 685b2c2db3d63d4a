"""`codeopt verify` for GPU kernels: right on every shape, and how fast beside eager, torch.compile and the roofline."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from pydantic import Field

from codeopt.agent.kernels.evidence import builds_told, by_name
from codeopt.agent.kernels.shop import KernelShop, sandbox_for
from codeopt.agent.tasks import cuda
from codeopt.agent.tasks.kernel import CANDIDATE, as_modules, candidate_class, launcher_of, read_kernel
from codeopt.agent.verify import Side as File
from codeopt.errors import UserError
from codeopt.sandbox.kernels import device as gpu
from codeopt.sandbox.kernels.confirm import confirmed, faster
from codeopt.sandbox.kernels.judge import HIDDEN, PAIRS, KernelJudge, KernelRace, geometric, measured
from codeopt.sandbox.kernels.session import Ask, KernelSession, Refused, Side
from codeopt.sandbox.kernels.subject import SETUP_S, Failure, KernelSubject
from codeopt.sandbox.race import Finding
from codeopt.sandbox.session import Broken
from codeopt.sandbox.subject import CannotStart
from codeopt.types import Measurement, ProfileRow, Record, Status

COMPILED = ("default", "max-autotune-no-cudagraphs")
EAGER = "eager"
WRITTEN = "as written"
TIES = 0.95  # of the roofline: nothing can beat what is that near to it


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
        rivals_s: Device time of the other rivals by mode: torch.compile's, where they work, and of the faster module that the
            reference's file has already ("as written").
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
    rivals_s: dict[str, float] = Field(default_factory=dict)
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
        rival: The fastest: "eager", a mode of torch.compile, or "as written".
        tie: It is not faster, and stands at the roofline: nothing can be.
        untimed: It is right, and nothing was timed.
        backward: What was checked and timed is forward and backward.
        label: Who does the work: "authored", "library" or "compiler"; "" where nobody looked.
        kernels: What a call of it runs on the first shape, longest first; [] where nobody looked.
    """

    file: str
    status: Status = Status.UNDECIDED
    evidence: str = ""
    best: Measurement | None = None
    eager: Measurement | None = None
    rival: str = EAGER
    tie: bool = False
    untimed: bool = False
    backward: bool = False
    label: str = ""
    kernels: list[ProfileRow] = field(default_factory=list)
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
            "rival_named": named(self.rival),
            "label": self.label,
            "kernels": [row.model_dump(mode="json") for row in self.kernels],
            "tie": self.tie,
            "backward": self.backward,
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


class Examiner:
    """Judges modules in full: right on every shape, then pairs against eager and against the fastest rival.

    Args:
        shop: Makes subjects.
        judge: Its reference is the shop's own, as it is.
        pairs: Timed pairs for each shape.
        compiled: Modes of torch.compile that count as rivals; by default those that the device has.
        written: Whether the faster module that the file has already is one, too.

    Attributes:
        rows: What is known of each shape before any candidate.
        device, torch: Where it all runs.
        notes: What a person should know about the task.
    """

    def __init__(
        self, shop: KernelShop, judge: KernelJudge, *, pairs: int = PAIRS, compiled: Sequence[str] | None = None, written: bool = True
    ) -> None:
        self.shop, self.judge, self.pairs = shop, judge, pairs
        self.compiled = compiled if compiled is not None else COMPILED if shop.device == "cuda" else COMPILED[:1]
        self.written = written and bool(shop.kernel.start)
        self.rows: list[ShapeRow] = []
        self.device = self.torch = ""
        self.notes: list[str] = []
        self._rivals: dict[str, tuple[KernelSubject, list[float]]] = {}
        self._compiling: dict[str, KernelSubject] = {}

    @property
    def shapes(self) -> range:
        """The numbers of the shapes."""
        return range(len(self.shop.kernel.shapes))

    def learn(self, *, timed: bool = True) -> None:
        """Run the reference once on each shape, and find out what it needs; where something will be timed, compile rivals
        meanwhile. Raises UserError where the reference fails."""
        judge = self.judge
        try:
            session = judge.reference.at(0)
            rates = gpu.cached_rates(session.device.name)
            if session.device.kind == "cuda" and not rates:  # with nothing else on the device
                rates = session.plain("rates", {}, judge.limit_s)
                gpu.keep_rates(session.device.name, rates)
            if timed:
                self.compile()
            for number, shape in enumerate(self.shop.kernel.shapes):
                self._differentiated(number)
                session = judge.reference.at(number)
                cost = session.plain("cost", {"text": shape.whole, "seed": 1}, judge.limit_s)
                self.device, self.torch = session.device.name, session.device.torch
                row = ShapeRow(name=shape.name, held_out=shape.held_out, bytes=int(cost["bytes"]), flops=int(cost["flops"]))
                self.rows.append(row.model_copy(update={"roofline_s": gpu.floor_s(cost, rates)}))
        except Failure as error:
            hint = "mend it, or make its shapes smaller"
            raise UserError(f"the reference fails on shape {len(self.rows)}: {said_last(error)}", hint) from error
        if len(self.rows) == 1:
            self.notes.append("one shape: nothing says that it works on others")

    def _differentiated(self, shape: int) -> None:
        """Run the reference once, and say what has no gradient. Raises UserError where nothing has; as `KernelJudge.plan`."""
        found = self.judge.plan(shape).gradients
        if not self.shop.backward:
            return
        if not found.names:
            without = f": none for {', '.join(found.without)}" if found.without else ""
            hint = "leave out --backward; integers, float8 and what is made under no_grad have no gradients"
            raise UserError(f"{self.shop.kernel.file.name}: the reference has no gradient on shape {shape}{without}", hint)
        line = f"no gradient: {', '.join(found.without)}"
        if found.without and line not in self.notes:
            self.notes.append(line)

    def compile(self) -> None:
        """Begin with the rivals that torch.compile makes; `rivals` waits for them."""
        self.shop.begin()
        for mode in self.compiled:
            self._compiling[mode] = self.shop.subject(Side(mode=mode))
            self.shop.warm(self._compiling[mode], list(self.shapes))

    def rivals(self, seconds: float = math.inf) -> dict[str, tuple[KernelSubject, list[float]]]:
        """Eager and what torch.compile makes of it: (subject, device seconds on each shape), by mode; measured once.

        Args:
            seconds: For compiling, from now; a mode that needs longer is no rival, and a note says so.

        Raises:
            UserError: The reference fails.
        """
        if self._rivals:
            return self._rivals
        if not self._compiling:
            self.compile()
        if self.written:
            self._written()
        ready, until = {EAGER: self.judge.reference}, time.monotonic() + seconds
        for mode, subject in self._compiling.items():  # nothing is timed while another one still compiles
            try:
                if self.shop.warmed(subject, None if seconds == math.inf else max(1.0, until - time.monotonic())):
                    ready[mode] = subject
                else:
                    self.notes.append(f"{named(mode)} was not compiled in the time that it had: it is not compared")
            except Failure as error:
                self._fails(mode, subject, error)
        for mode, subject in ready.items():
            try:
                self._rivals[mode] = subject, [self.judge.times(subject, shape, Ask()) for shape in self.shapes]
                self.shop.kept.add(subject)
            except Failure as error:
                if mode == EAGER:
                    raise UserError(f"the reference fails while it is timed: {said_last(error)}", "make its shapes smaller") from error
                self._fails(mode, subject, error)
        return self._rivals

    def _written(self) -> None:
        """The faster module that the file has already becomes a rival. Raises UserError where it is wrong."""
        name = self.shop.kernel.file.name
        subject = self.shop.subject(Side(*self.shop.kernel.module(self.shop.kernel.start)))
        for number in self.shapes:
            for seed in self.judge.seeds(1):
                try:
                    wrong = self.judge.check(subject, number, seed)
                except Failure as error:
                    raise UserError(f"{name}: the reference fails on {self.rows[number].name}: {said_last(error)}", "run it again") from error
                if wrong is not None:
                    why = wrong.evidence.strip().splitlines()
                    raise UserError(f"{name}: its {CANDIDATE} is {wrong.status} on {self.rows[number].name}: {why[-1][:200] if why else ''}", "mend it first")
        self._compiling[WRITTEN] = subject

    def _fails(self, mode: str, subject: KernelSubject, error: CannotStart | Refused | Broken) -> None:
        self.notes.append(f"{named(mode)} fails: {said_last(error)[:160]}")
        subject.close()

    def fastest(self, seconds: float = math.inf) -> str:
        """The mode of the fastest rival, by the geometric mean over shapes. Arguments and errors as of `rivals`."""
        rivals = self.rivals(seconds)
        return min(rivals, key=lambda mode: geometric(rivals[mode][1]))

    def examine(self, candidate: KernelSubject, *, timed: bool) -> KernelVerification:
        """The verdict on a candidate. Raises UserError where the reference fails."""
        found = KernelVerification(str(self.shop.kernel.file), sandbox=self.shop.sandbox.name)
        found.device, found.torch, found.rows, found.backward = self.device, self.torch, list(self.rows), self.shop.backward
        if self._right(candidate, found):
            if timed:
                self._timed(candidate, found)
            else:
                found.untimed, found.evidence = True, "not timed: there is no GPU here"
        found.notes = [*self.notes, *found.notes]
        return found

    def _right(self, candidate: KernelSubject, found: KernelVerification) -> bool:
        """Check every shape on unseen inputs; fills the rows."""
        for number in self.shapes:
            errors = []
            for seed in self.judge.seeds(HIDDEN):
                try:
                    wrong = self.judge.check(candidate, number, seed)
                except Failure as error:
                    raise UserError(f"the reference fails on shape {number}: {said_last(error)}", "run it again") from error
                if wrong is not None:
                    found.status, found.evidence = wrong.status, wrong.evidence
                    return False
                errors += self.judge.plan(number).errors
            row: dict[str, Any] = {"compile_s": candidate.compile_s.get(number, 0.0)}
            if errors:
                worst = max(errors, key=lambda error: error.ratio)
                row |= {"error": worst.relative, "base_error": worst.base_relative, "error_ratio": worst.ratio}
                row["close"] = all(error.close for error in errors)
            found.rows[number] = found.rows[number].model_copy(update=row)
        return True

    def _timed(self, candidate: KernelSubject, found: KernelVerification) -> None:
        """Pairs against eager and against the fastest rival; decides."""
        found.rival = self.fastest()
        try:
            pairs = confirmed(self.judge, candidate, self.shapes, self.rivals()[found.rival][0], self.pairs)
            wrong = pairs.finding
            if wrong is None:
                self._decide(found, measured(pairs.races, 1), measured(pairs.against, 1))
                self._fill(candidate, found, pairs.races)
        except Failure as error:
            wrong = Finding(Status.UNDECIDED, f"a rival fails while it is timed: {said_last(error)}")
        if wrong is not None:
            found.status, found.evidence, found.best, found.eager = wrong.status, wrong.evidence, None, None
            return
        found.tie = not found.accepted and all(row.share >= TIES for row in found.rows)
        if found.tie:
            found.evidence += "; it is at the roofline"

    def _decide(self, found: KernelVerification, eager: Measurement, best: Measurement) -> None:
        found.eager, found.best = eager, best
        found.status = Status.OK if faster(best) else Status.NOT_FASTER
        found.evidence = "" if found.accepted else f"{best.speedup:.2f}x against {named(found.rival)}"

    def _fill(self, candidate: KernelSubject, found: KernelVerification, races: Sequence[KernelRace]) -> None:
        judge, alone = self.judge, Ask(cold=False, one_by_one=True)
        for shape, race in enumerate(races):
            row, eager = found.rows[shape], measured([race], 1)
            others = {mode: times[shape] for mode, (_, times) in self.rivals().items() if mode != EAGER}
            times: dict[str, Any] = {
                "device_s": eager.candidate_s,
                "eager_s": eager.baseline_s,
                "warm_s": judge.times(candidate, shape, Ask(cold=False)),
                "end_to_end_s": judge.times(candidate, shape, alone),
                "eager_end_to_end_s": judge.times(judge.reference, shape, alone),
                "rivals_s": others,
                "share": row.roofline_s / eager.candidate_s,
            }
            found.rows[shape] = row.model_copy(update=times)
        if any(race.clock == "wall" for race in races):
            found.notes.append("by the wall-clock: its events show less than the device did")


def verify_kernel(
    before: File,
    after: File,
    *,
    sandbox: str = "auto",
    device: str | None = None,
    python: str | None = None,
    rel: float | None = None,
    pairs: int = PAIRS,
    compiled: Sequence[str] | None = None,
    seed: int | None = None,
    backward: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> KernelVerification:
    """Judge a module against its reference.

    Args:
        before: The reference's file; see `codeopt.agent.tasks.kernel`.
        after: The candidate's: `ModelNew`, or `Model`.
        device: "cuda" or "cpu", where it is then timed; by default the GPU, and without one nothing is timed.
        rel: Tolerance of an output, relative to the oracle's norm; by default KernelBench's for its type.
        pairs: Timed pairs for each shape.
        compiled: Modes of torch.compile that it has to beat, too; by default those that the device has.
        backward: What is checked and timed is forward and backward.
        tell: Gets a line for each step.

    Raises:
        UserError: Bad input; the reference cannot be run.
    """
    kernel = read_kernel(before.path, before.source)
    if cuda.is_source(after.path, after.source):
        new, cls = cuda.module_text(after.path, kernel.launcher or launcher_of(kernel, before.path), after.source), CANDIDATE
    else:
        new = as_modules(after.path, after.source)
        cls = candidate_class(after.path, new)
    where = device_of(device)
    with closing(KernelShop(kernel, sandbox_for(sandbox, where, python), where, python, backward=backward)) as shop:
        cuda.needs_cuda(after.path, after.source, shop.torch)
        judge = KernelJudge(shop.subject(Side()), rel=rel, seed=seed)
        examiner = Examiner(shop, judge, pairs=pairs, compiled=compiled, written=before.source != after.source)
        stood = gpu.state() if where == "cuda" else {}
        timed = where == "cuda" or device is not None
        if after.path.suffix == cuda.SUFFIX and not timed:
            return _compiled(shop, new, cls)
        examiner.learn(timed=timed)
        tell(f"{len(kernel.shapes)} shape(s) on {examiner.device}")
        found = examiner.examine(shop.subject(Side(new, cls)), timed=timed)
        found.before, found.after = stood, gpu.state() if where == "cuda" else {}
        return found


def _compiled(shop: KernelShop, new: str, cls: str) -> KernelVerification:
    """All that can be said of a CUDA file without a GPU."""
    found = KernelVerification(str(shop.kernel.file), sandbox=shop.sandbox.name, device="no GPU")
    found.torch = shop.torch
    try:
        session = shop.subject(Side(new, cls)).session()
        assert isinstance(session, KernelSession)
        found.evidence = "it compiles; it was not run: there is no GPU here"
        found.notes = [f"{name}: {builds_told(builds)}" for name, builds in by_name(session.compiled("", 0, SETUP_S)).items()]
    except Failure as error:
        found.status, found.evidence = error.status, error.evidence
    return found


def device_of(asked: str | None) -> str:
    """The device that is meant. Raises UserError for one that is not there."""
    if asked not in (None, "cuda", "cpu"):
        raise UserError(f"--device {asked}: no such device", "cuda or cpu")
    if asked == "cuda" and not gpu.has_gpu():
        raise UserError("--device cuda: there is no GPU here", "leave it out: then everything but the time is checked")
    return asked or ("cuda" if gpu.has_gpu() else "cpu")


def named(mode: str) -> str:
    """A rival, for a person."""
    return {EAGER: "eager", WRITTEN: "the kernel as it is"}.get(mode, f"torch.compile({mode})")


def said_last(error: CannotStart | Refused | Broken) -> str:
    """The line of a failure that says most: torch.compile ends its own with advice."""
    lines = [line.strip() for line in error.evidence.splitlines() if line.strip() and not line.startswith(("Set TORCH", "For even more"))]
    named = [line for line in lines if re.match(r"[\w.]*(?:Error|Exception)\b", line) or " error: " in line]
    return (named or lines or [str(error.status)])[-1]
