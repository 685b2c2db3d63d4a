"""What this machine's clocks resolve and how noisy it is: a fixed small program, judged against itself as any edit is."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from codeopt.errors import UserError
from codeopt.sandbox import profile_native
from codeopt.sandbox.choose import find_interpreter
from codeopt.sandbox.protocol import Limits, Mount, Sandbox
from codeopt.sandbox.race import Clocks
from codeopt.sandbox.runner import codec
from codeopt.sandbox.session import Broken, Runtime, Session
from codeopt.sandbox.subject import CannotStart, FunctionSpec, FunctionSubject
from codeopt.sandbox.verdict import Judge
from codeopt.sandbox.workload import Case, Workload
from codeopt.types import Measurement, Status

PROGRAM = "def f(n):\n    total = 0\n    for i in range(n):\n        total += i * i % 7\n    return total\n"
STEPS = 150_000
NOISE_SAMPLES = 15


@dataclass(frozen=True)
class Noise:
    """What came of judging a program against itself.

    Attributes:
        verdicts: Holdouts that were made, each with an interval of its own.
        held: Those whose interval holds the true ratio, 1.
        accepted: Those that took the program for faster than itself.
        pairs: Pairs of one holdout.
        half_width: Median half width of the intervals, relative: a gain has to be larger to show.
        region_s: Median seconds of one timed region.
        variation: Coefficient of variation of single regions.
        clock: "cpu" or "wall": which decided.
        seconds: How long it took.
    """

    verdicts: int
    held: int
    accepted: int
    pairs: int
    half_width: float
    region_s: float
    variation: float
    clock: str
    seconds: float


def clocks(sandbox: Sandbox) -> Clocks:
    """What the clocks resolve in a session that imports a program and answers a call rightly.

    Raises:
        UserError: The program does not start or does not answer there.
        SandboxBroken: The session ended by itself.
    """
    with _judge(sandbox) as (judge, _, workload):
        return _answers(judge, workload)


def noise(sandbox: Sandbox, seconds: float) -> Noise:
    """Judge the program against itself, holdout after holdout, for about `seconds`; at least one is made.

    Raises:
        UserError, SandboxBroken: As `clocks`; or a holdout ended without a measurement.
    """
    started = time.monotonic()
    with _judge(sandbox) as (judge, candidate, workload):
        _answers(judge, workload)
        region_s, variation, _ = judge.noise(workload.timed[0], 1, NOISE_SAMPLES)
        found = list[Measurement]()
        accepted, longest = 0, 0.0
        while not found or time.monotonic() - started + longest < seconds:
            begun = time.monotonic()
            verdict = judge.confirm(candidate, workload, seed=len(found))
            if verdict.holdout is None:
                raise UserError(f"the program does not do what it does itself ({verdict.status}: {verdict.evidence})", "report this")
            found.append(verdict.holdout)
            accepted += verdict.accepted
            longest = max(longest, time.monotonic() - begun)
    return Noise(
        verdicts=len(found),
        held=sum(one.low <= 1 <= one.high for one in found),
        accepted=accepted,
        pairs=found[0].pairs,
        half_width=statistics.median((one.high - one.low) / 2 for one in found),
        region_s=region_s,
        variation=variation,
        clock=statistics.mode(one.clock for one in found),
        seconds=time.monotonic() - started,
    )


def profiles(sandbox: Sandbox, profiler: str, binary: bytes, seconds: float = 5) -> int:
    """Rows of the profile that "perf" or "callgrind" makes of a program inside the sandbox.

    Args:
        binary: The program, built with -g from a source named program.cpp.

    Raises:
        UserError: It makes none there.
    """
    plan = profile_native.commands(profiler, "{folder}/program", "{folder}/stdin", "{folder}", (), seconds)
    interpreter = find_interpreter()
    try:
        with Session(sandbox, Runtime(interpreter.path, interpreter.mounts)) as session:
            files = {"program": binary, "stdin": b""}
            reply = session.run(plan.argvs, files=files, outputs=[plan.output], seconds=seconds + 5)
    except Broken as broken:
        raise UserError(f"{profiler} ends the session ({broken.evidence})", "try another --sandbox") from None
    text = bytes(reply["outputs"].get(plan.output, b"")).decode("utf-8", "replace")
    rows = profile_native.parse(profiler, text, ["program.cpp"]).rows if text else ()
    if not rows:
        said = [str(one.get("stderr") or "").strip() for one in reply["results"]]
        raise UserError(f"{profiler} makes no profile in the sandbox {sandbox.name} ({' '.join(filter(None, said))[-200:] or 'it says nothing'})", "")
    return len(rows)


def _answers(judge: Judge, workload: Workload) -> Clocks:
    try:
        sample = judge.baseline.run(workload.visible[0])
        if sample.status is not Status.OK:
            raise UserError(f"a session does not answer ({sample.status}: {sample.evidence})", "try another --sandbox")
        if sample.answer != codec.encode([(0, sum(i * i % 7 for i in range(STEPS)))]):
            raise UserError("a session answers wrongly", "try another --sandbox")
        return judge.clocks()
    except CannotStart as error:
        raise UserError(f"a session cannot load a program ({error.evidence.strip()[-300:]})", "try another --sandbox") from None


@contextmanager
def _judge(sandbox: Sandbox) -> Iterator[tuple[Judge, FunctionSubject, Workload]]:
    """A judge of the program, and the program as its own candidate, each in a session of its own on one core."""
    interpreter = find_interpreter()
    with tempfile.TemporaryDirectory(prefix="codeopt-noise-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "noise.py").write_text(PROGRAM, "utf-8")
        mount = Mount(folder, name)
        inside = sandbox.inside(mount)
        core = max(os.sched_getaffinity(0))
        runtime = Runtime(interpreter.path, (mount, *interpreter.mounts), Limits(cpus=(core,)))
        spec = FunctionSpec("noise", "f", f"{inside}/noise.py", (inside,))
        baseline, candidate = (FunctionSubject(sandbox, runtime, PROGRAM, spec) for _ in range(2))
        call = codec.encode({"args": [STEPS], "kwargs": {}})
        try:
            yield Judge(baseline), candidate, Workload((Case("v", "case", (call,)),), (Case("t", "case", (call,)),))
        finally:
            baseline.close()
            candidate.close()
