"""The parent's side of a kernel session: builds a module in there, asks for answers, times regions of calls."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from codeopt.sandbox.kernels import counters
from codeopt.sandbox.kernels.counters import Counted
from codeopt.sandbox.kernels.ptx import Compiled, of_session
from codeopt.sandbox.protocol import Sandbox
from codeopt.sandbox.session import AROUND_S, Broken, Runtime, Session
from codeopt.types import Status

START_S = 180.0
INIT = 42
"""The seed of weights, as in KernelBench."""
Meta = tuple[str, tuple[int, ...]]
"""(dtype, shape) of a tensor."""
SIZES = {
    "float64": 8, "float32": 4, "float16": 2, "bfloat16": 2, "float8_e4m3fn": 1, "float8_e5m2": 1, "int64": 8, "int32": 4,
    "int16": 2, "int8": 1, "uint8": 1, "bool": 1, "complex64": 8, "complex128": 16,
}  # fmt: skip


class Refused(Exception):
    """The session goes on, but this was not done: `status` says what that means for the candidate."""

    def __init__(self, status: Status, evidence: str) -> None:
        super().__init__(evidence)
        self.status = status
        self.evidence = evidence


@dataclass(frozen=True)
class Device:
    """What a session runs on.

    Attributes:
        name: As its driver says it; "the processor" where there is no GPU.
        kind: "cuda" or "cpu".
        capability: (major, minor) of a CUDA device.
        l2, memory: Bytes.
        torch: PyTorch's version there.
    """

    name: str
    kind: str
    capability: tuple[int, ...]
    l2: int
    memory: int
    torch: str


@dataclass(frozen=True)
class Gradients:
    """What is differentiated, as the reference's process found it out.

    Attributes:
        spec: As the sessions read it (runner/kernel_call.py); None where calls are forward alone.
        names: What each gradient is one of: "gradient of argument 0".
        without: What has none, in words.
    """

    spec: dict[str, Any] | None = None
    names: tuple[str, ...] = ()
    without: tuple[str, ...] = ()

    @property
    def given(self) -> int:
        """How many of the outputs get an upstream gradient."""
        return sum(bool(used) for _, _, used in self.spec["outputs"]) if self.spec else 0

    def told(self, argument: int) -> str:
        """What an argument is called, of those that a call gets."""
        own = int(self.spec["count"]) if self.spec else argument + 1
        return f"argument {argument}" if argument < own else f"upstream gradient {argument - own}"


FORWARD = Gradients()


@dataclass(frozen=True)
class Answer:
    """One call, answered in full.

    Attributes:
        outputs: What each output is; gradients come after the module's own.
        changed: Arguments that are not what they were before the call; upstream gradients come after the module's own.
        alias: (output, argument) whose memory meets.
        given: Bytes of the arguments.
        missing: "" or which gradient it does not give; then it has no outputs.
        gradients: What is differentiated, where the call was not told.
    """

    outputs: tuple[Meta, ...]
    changed: tuple[int, ...]
    alias: tuple[tuple[int, int], ...]
    given: int
    missing: str = ""
    gradients: Gradients = FORWARD


@dataclass(frozen=True)
class Region:
    """Calls that were timed together.

    Attributes:
        wall_s: Seconds by the parent's clock from GO until DONE.
        late_s: From DONE until the chosen elements of the outputs were there.
        prep_s: From the request until everything was ready.
        seconds: Of each call, by the device's events.
        outputs: For each call what its outputs are.
        values: For each call and output, the bytes of the chosen elements.
        arguments: For each call the bytes of chosen elements of its tensors, after the calls.
        alias: For each call the (output, argument) whose memory meets.
        shared: Outputs of different calls share memory.
    """

    wall_s: float
    late_s: float
    prep_s: float
    seconds: tuple[float, ...]
    outputs: tuple[tuple[Meta, ...], ...] = ()
    values: tuple[tuple[bytes, ...], ...] = ()
    arguments: tuple[tuple[bytes, ...], ...] = ()
    alias: tuple[tuple[tuple[int, int], ...], ...] = ()
    shared: bool = False


@dataclass(frozen=True)
class Ask:
    """How a region is timed.

    Attributes:
        cold: The L2 cache is flushed before each call (else it holds what the calls before left there).
        one_by_one: The device is synchronised after each call: the wall-clock is then the time until an answer is there.
        late: The inputs are made after the clock has started.
        idle: No module is called: what a region costs by itself.
        hold_s: The device is kept busy for so long before each call: its kernels are launched by the time they can begin.
    """

    cold: bool = True
    one_by_one: bool = False
    late: bool = False
    idle: bool = False
    hold_s: float = 0.0


@dataclass(frozen=True)
class Side:
    """Which module a session runs.

    Attributes:
        source: The candidate's text; "" for the reference, whose text comes with each shape.
        cls: Name of the class.
        mode: "eager", or a mode of torch.compile.
        file: Path under which the text is known.
        backward: A call is forward and backward.
    """

    source: str = ""
    cls: str = "Model"
    mode: str = "eager"
    file: str = "/tmp/kernel.py"
    backward: bool = False


class KernelSession(Session):
    """A started runner that serves a module on `device` ("cuda" or "cpu").

    Raises from the constructor: as `Session`; Broken where PyTorch or the device does not work.
    """

    def __init__(
        self, sandbox: Sandbox, runtime: Runtime, device: str, *, rng: random.Random | None = None
    ) -> None:
        super().__init__(sandbox, runtime, rng=rng)
        try:
            self._send({"do": "kernel", "device": device})
            about = self._receive(time.monotonic() + START_S)
            if "error" in about:
                raise self._broken(Status.CRASHED, str(about["error"])[-2000:])
        except Broken:
            self.close()
            raise
        capability = tuple(int(part) for part in about["capability"])
        self.device = Device(
            str(about["device"]), str(about["kind"]), capability, int(about["l2"]), int(about["memory"]), str(about["torch"])
        )

    def _asked(self, message: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """The reply to a message. Raises Refused, Broken."""
        self._send(message)
        return self._heard(seconds)

    def _heard(self, seconds: float) -> dict[str, Any]:
        reply = self._receive(time.monotonic() + seconds)
        if "error" in reply:
            told = str(reply["error"]).strip()
            memory = told.startswith("out of memory")
            raise Refused(Status.OUT_OF_MEMORY if memory else Status.CRASHED, told[-2000:])
        return reply

    def module(self, side: Side, seconds: float) -> None:
        """Import the candidate's text. Raises Refused, Broken."""
        self._asked(
            {
                "do": "load",
                "class": side.cls,
                "mode": side.mode,
                "backward": side.backward,
                "source": side.source.encode("utf-8", "surrogateescape"),
                "module": "codeopt_kernel",
                "file": side.file,
                "project": [],
            },
            seconds,
        )

    def build(self, text: str, seconds: float) -> None:
        """Make the module for a shape. Raises Refused, Broken."""
        self._asked({"do": "build", "text": text, "init": INIT}, seconds)

    def answer(
        self, text: str, seed: int, sizes: Sequence[int], seconds: float, take: Callable[[Answer], Callable[[bytes], None] | None],
        gradients: Gradients = FORWARD,
    ) -> Answer:  # fmt: skip
        """One call, answered in full. Raises Refused, Broken.

        Args:
            sizes: Bytes of the outputs, by the reference: that much memory is poisoned before.
            take: Sees what the outputs are and says where their bytes go, None where they are not wanted.
            gradients: What is differentiated; where nothing is said of it, the session finds it out.
        """
        told = self._asked({"do": "answer", "text": text, "seed": seed, "sizes": list(sizes), "spec": gradients.spec}, seconds)
        try:
            found = Answer(
                metas(told["about"]),
                tuple(map(int, told["changed"])),
                tuple((int(i), int(j)) for i, j in told["alias"]),
                int(told["given"]),
                str(told.get("missing", ""))[:1000],
                Gradients(told.get("spec"), tuple(map(str, told.get("names", ()))), tuple(map(str, told.get("without", ())))),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise self._broken(Status.TAMPERED, f"a malformed answer ({error})") from error
        sink = take(found)
        for dtype, shape in found.outputs:
            left = count(shape) * SIZES.get(dtype, 0)
            while left > 0:
                piece = self._heard(seconds).get("piece")
                if not isinstance(piece, bytes) or not 0 < len(piece) <= left:
                    raise self._broken(Status.TAMPERED, "an output of another size than it was said to have")
                left -= len(piece)
                if sink is not None:
                    sink(piece)
        return found

    def region(
        self, text: str, seeds: Sequence[int], sizes: Sequence[int], ask: Ask, probes: int, limit_s: float,
        gradients: Gradients = FORWARD,
    ) -> Region:  # fmt: skip
        """Time one call for each seed. Raises Refused, Broken.

        Args:
            text: What makes the inputs of the shape.
            sizes: Bytes of each output, by the reference: that much memory is poisoned for each call.
            probes: Says which elements of the outputs are shown; the session hears it after DONE.
            limit_s: Until DONE.
            gradients: As of `answer`.
        """
        asked = time.perf_counter()
        self._asked(
            {
                "do": "region",
                "text": text,
                "seeds": list(seeds),
                "sizes": list(sizes),
                "spec": gradients.spec,
                "cold": ask.cold,
                "one_by_one": ask.one_by_one,
                "late": ask.late,
                "idle": ask.idle,
                "hold": ask.hold_s,
            },
            AROUND_S + limit_s,
        )
        started = time.perf_counter()
        self._byte(b"G")
        self._receive(time.monotonic() + limit_s)
        done = time.perf_counter()
        self._send({"probes": probes})
        told = self._heard(AROUND_S + limit_s)
        ended = time.perf_counter()
        try:
            return Region(
                wall_s=done - started,
                late_s=ended - done,
                prep_s=started - asked,
                seconds=tuple(float(value) for value in told["seconds"]),
                outputs=tuple(metas(call) for call in told["about"]),
                values=tuple(tuple(map(bytes, call)) for call in told["outputs"]),
                arguments=tuple(tuple(map(bytes, call)) for call in told["arguments"]),
                alias=tuple(tuple((int(i), int(j)) for i, j in call) for call in told["alias"]),
                shared=bool(told["shared"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise self._broken(Status.TAMPERED, f"a malformed answer ({error})") from error

    def compare(self, text: str, seed: int, seconds: float, gradients: Gradients = FORWARD) -> None:
        """Ask the reference to hold outputs against its own: `piece` gives them, `rows` is what came of it."""
        self._asked({"do": "compare", "text": text, "seed": seed, "init": INIT, "spec": gradients.spec}, seconds)

    def piece(self, data: bytes) -> None:
        """Part of an output that the reference is to look at. Raises Broken."""
        self._send({"piece": data})

    def rows(self, seconds: float) -> list[dict[str, Any]]:
        """What `kernel_error.row` says about each output. Raises Refused, Broken."""
        return [dict(row) for row in self._heard(seconds)["rows"]]

    def profile(self, text: str, seed: int, seconds: float, gradients: Gradients = FORWARD) -> list[tuple[str, float, int]]:
        """(kernel, seconds of one call, launches of one call), longest first. Raises Refused, Broken."""
        rows = self._asked({"do": "profile", "text": text, "seed": seed, "spec": gradients.spec}, seconds)["profile"]
        return [(str(name)[:400], float(spent), int(count)) for name, spent, count in rows]

    def compiled(self, text: str, seed: int, seconds: float, gradients: Gradients = FORWARD) -> list[Compiled]:
        """The module's own kernels, as they are launched by a call. Raises Refused, Broken."""
        rows = self._asked({"do": "compiled", "text": text, "seed": seed, "spec": gradients.spec}, seconds).get("compiled")
        return of_session(row for row in rows if isinstance(row, dict)) if isinstance(rows, list) else []

    def counters(self, text: str, seed: int, names: Sequence[str], seconds: float, gradients: Gradients = FORWARD) -> dict[str, Counted]:
        """What the hardware counts in the first of some kernels, by their own names.

        Raises Refused, Broken; the former where ncu is not there, may not read the counters, or takes longer than that.
        """
        what = {"text": text, "seed": seed, "init": INIT, "spec": gradients.spec}
        asked = {"do": "counters", **what, "options": counters.asked(names), "seconds": seconds}
        printed = str(self._asked(asked, seconds + AROUND_S).get("counters"))
        if told := counters.failure(printed):
            raise Refused(Status.CRASHED, told)
        return counters.parsed(printed)

    def graph(self, text: str, seconds: float, *, opened: bool = True) -> dict[str, Any]:
        """The module's operations as plain data (runner/kernel_graph.py), with its weights' sizes left open or as they are.

        Only the reference is asked. Raises Refused, Broken.
        """
        return self.plain("graph", {"text": text, "seed": INIT, "open": opened}, seconds)

    def plain(self, what: str, message: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """What the reference's own process finds out ("rates", "cost"). Raises Refused, Broken."""
        return dict(self._asked({"do": what, **message}, seconds)[what])


def metas(raw: Sequence[Sequence[Any]]) -> tuple[Meta, ...]:
    """(dtype, shape) of each output, from plain data."""
    return tuple((str(dtype), tuple(int(n) for n in shape)) for dtype, shape in raw)


def count(shape: Sequence[int]) -> int:
    """Elements of a tensor of that shape."""
    total = 1
    for n in shape:
        total *= n
    return total
