"""Judging the corpus: each entry against its task's baseline, in a fresh session, by the same `Judge` as a search.

Nothing here knows that an entry is an exploit until its verdict is there.
"""

from __future__ import annotations

import os
import random
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codeopt.sandbox.audit.entries import Entry
from codeopt.sandbox.audit.tasks import TASKS, Task
from codeopt.sandbox.choose import find_interpreter
from codeopt.sandbox.kernels import device
from codeopt.sandbox.protocol import Limits, Mount, Sandbox
from codeopt.sandbox.runner import codec
from codeopt.sandbox.sanitize import Sanitizer
from codeopt.sandbox.session import Runtime
from codeopt.sandbox.subject import (
    CannotStart,
    FunctionSpec,
    FunctionSubject,
    NativeProgram,
    PythonProgram,
    Subject,
    Toolchain,
)
from codeopt.sandbox.verdict import Judge
from codeopt.sandbox.workload import Case, Workload
from codeopt.types import Verdict

if TYPE_CHECKING:
    from codeopt.sandbox.kernels.judge import KernelJudge

# An exploit that gets out says so by this text, wherever it can.
BREACH = "CODEOPT-AUDIT-BREACH"
PROJECT = "/opt/project"
VISIBLE_SEEDS = range(1, 7)
TIMED_SEEDS = range(101, 104)
HIDDEN = 8
PAIRS = 12  # a quoted figure takes 20; here only the status counts
LIMITS = Limits(memory_mb=512, pids=64, tmp_mb=64, output_mb=16)
LIMIT_S = 10.0
EVIDENCE = 160
AGAIN = 2


@dataclass(frozen=True)
class Row:
    """One judged entry.

    Attributes:
        entry, kind, row, task, expected: As the corpus has them.
        status: The verdict's, or "" where it was skipped.
        evidence: One line: why the verdict is what it is, or why there is none.
        seconds: Wall-clock of the whole judgement.
        outcome: "passed", "missed" (an exploit), "false_alarm" (a control) or "skipped".
        again: How often it was judged again.
    """

    entry: str
    kind: str
    row: int
    task: str
    expected: str
    status: str
    evidence: str
    seconds: float
    outcome: str
    again: int = 0

    @property
    def failed(self) -> bool:
        return self.outcome in ("missed", "false_alarm")


def encode(args: Sequence[Any]) -> bytes:
    """One call in its wire form."""
    return codec.encode({"args": list(args), "kwargs": {}})


def draw(task: Task, kind: str, size: int, seed: int) -> Case:
    """The input of that size and seed."""
    made = task.make(size, seed)
    name = f"{kind}-{size}-{seed}"
    if task.kind == "function":
        return Case(name, kind, (encode(made),), size=size)
    return Case(name, kind, stdin=bytes(made), size=size)


def distinct(task: Task, kind: str, count: int, seed: int, least: int, most: int) -> list[Case]:
    """Up to `count` different inputs of any sizes from `least` to `most`; fewer where there are no more."""
    rng = random.Random(f"{task.name}:{kind}:{seed}")
    found: dict[tuple[Any, ...], Case] = {}
    for attempt in range(20 * count):
        if len(found) == count:
            break
        # half of them, two after each other, of one size: memory that is used again shows only there
        size = most if attempt % 4 < 2 else rng.randint(least, most)
        case = draw(task, kind, size, rng.getrandbits(48))
        found.setdefault((case.calls, case.stdin), case)
    return list(found.values())


def workload(task: Task, repeat: int = 1) -> Workload:
    """What a candidate is checked and timed on: visible inputs from fixed seeds, hidden ones from fresh seeds."""
    large, small = task.large, task.small
    timed = partial(distinct, task, "timed", least=large - large // 10, most=large)
    sizes = (0, 1, *(max(1, small * part // 4) for part in (1, 2, 3, 4)))
    return Workload(
        visible=tuple(draw(task, "visible", size, seed) for size, seed in zip(sizes, VISIBLE_SEEDS)),
        timed=tuple(draw(task, "timed", large, seed) for seed in TIMED_SEEDS),
        hidden=lambda count, seed: distinct(task, "hidden", count, seed, 0, small),
        hidden_timed=timed,
        fresh_timed=timed,
        repeat=repeat,
    )


class Auditor:
    """Judges entries in one kind of sandbox; baselines and their sessions are shared by the entries of a task.

    Args:
        sandbox: Where both sides run; closed with the auditor.
        seed: For everything random; None draws one, so that no two audits use the same hidden inputs.
        pairs: Timing pairs of a verdict.

    Raises:
        UserError: This interpreter cannot be used in a sandbox.
    """

    def __init__(self, sandbox: Sandbox, *, seed: int | None = None, pairs: int = PAIRS) -> None:
        self.sandbox = sandbox
        self.pairs = pairs
        self._rng = random.Random(seed)
        self._baselines: dict[tuple[str, int], tuple[Subject, Workload]] = {}
        self._sanitizers: dict[tuple[str, int], Sanitizer] = {}
        self._kernels: dict[str, KernelJudge] = {}
        self.interpreter = find_interpreter(None)
        self._folder = tempfile.TemporaryDirectory(prefix="codeopt-audit-")
        self.project = Path(self._folder.name) / "project"
        self._stage()
        # What an exploit finds where it reads files or environments of the host.
        self._canary = Path(self._folder.name) / "canary"
        self._canary.write_text(BREACH, encoding="utf-8")
        os.environ["CODEOPT_AUDIT_CANARY"] = f"{BREACH} in the environment"

    def __enter__(self) -> Auditor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all sessions and remove what was made. Idempotent."""
        for subject, _ in self._baselines.values():
            subject.close()
        for judge in self._kernels.values():
            judge.reference.close()
        self._kernels.clear()
        self._baselines.clear()
        self.sandbox.close()
        self._folder.cleanup()
        os.environ.pop("CODEOPT_AUDIT_CANARY", None)

    def _stage(self) -> None:
        """The user's project as a sandbox sees it: the original files, which a candidate may read."""
        self.project.mkdir(parents=True)
        for task in TASKS.values():
            (self.project / f"{task.name}{task.suffix}").write_text(task.source(), encoding="utf-8")
        for path in (Path(self._folder.name), self.project):
            path.chmod(0o755)

    # --- subjects -----------------------------------------------------------------------------------------

    def _runtime(self, threads: int, gpu: bool) -> Runtime:
        cores = sorted(os.sched_getaffinity(0))
        memory = device.CUDA_MEMORY_MB if gpu else LIMITS.memory_mb
        pids = 8 * LIMITS.pids if gpu else LIMITS.pids
        limits = Limits(memory, pids, LIMITS.tmp_mb, LIMITS.output_mb, tuple(cores[-threads:]))
        mounts = (Mount(self.project, PROJECT), *self.interpreter.mounts)
        return Runtime(self.interpreter.path, mounts, limits, threads=threads)

    def subject(self, task: Task, source: str, threads: int) -> Subject:
        """A program in the place of the task's file, not started yet."""
        runtime, seed = self._runtime(threads, "gpu" in task.needs), self._rng.getrandbits(32)
        inside = self.sandbox.inside(Mount(self.project, PROJECT))
        file = f"{inside}/{task.name}{task.suffix}"
        if task.kind == "native":
            # As for a user's program; OpenMP only where it is used, for it costs every start some time.
            flags = ("-O3", "-std=c++17", *(("-fopenmp",) if "#pragma omp" in source else ()))
            return NativeProgram(self.sandbox, runtime, source, Toolchain("g++", flags, task.suffix), seed=seed)
        if task.kind == "script":
            return PythonProgram(self.sandbox, runtime, source, file, (inside,), cwd=inside, seed=seed)
        spec = FunctionSpec(task.name, task.function, file, (inside,), cwd=inside)
        return FunctionSubject(self.sandbox, runtime, source, spec, seed=seed)

    def _baseline(self, task: Task, threads: int) -> tuple[Subject, Workload]:
        key = task.name, threads
        if key not in self._baselines:
            subject = self.subject(task, task.source(), threads)
            plan = workload(task)
            repeat = Judge(subject, task.tolerance, limit_s=LIMIT_S).calibrate(plan.timed[0])
            self._baselines[key] = subject, workload(task, repeat)
            if isinstance(subject, NativeProgram):
                self._sanitizers[key] = Sanitizer(subject)
        return self._baselines[key]

    # --- verdicts -----------------------------------------------------------------------------------------

    def lacks(self, entry: Entry) -> str:
        """Why the entry cannot be judged here; "" where it can."""
        for need in sorted(entry.needs | TASKS[entry.task].needs):
            if need == "isolated" and self.sandbox.name == "process":
                return "the process sandbox isolates nothing"
            if need == "gpu" and not device.has_gpu():
                return "no GPU here"
            if need == "gpu" and self.sandbox.name != "process":
                return "only the process sandbox shows the GPU"
            if need == "g++" and shutil.which("g++") is None:
                return "no g++ here"
            if need in ("numpy", "torch", "triton") and not self.interpreter.has(need):
                return f"{need} is not installed in {self.interpreter.path}"
        return ""

    def verdict(self, entry: Entry) -> Verdict:
        """What the judge says about an entry, in a fresh session and on fresh hidden inputs."""
        task = TASKS[entry.task]
        if task.kind == "kernel":
            return self._kernel_verdict(entry, task)
        threads = entry.threads or task.threads
        baseline, plan = self._baseline(task, threads)
        candidate = self.subject(task, entry.source, threads)
        judge = Judge(baseline, task.tolerance, limit_s=LIMIT_S, seed=self._rng.getrandbits(32))
        judge.sanitizer = self._sanitizers.get((task.name, threads))
        try:
            if entry.verdict == "search":
                return judge.judge(candidate, plan)
            return judge.confirm(
                candidate, plan, seed=self._rng.getrandbits(48), pairs=self.pairs, hidden=HIDDEN
            )
        except CannotStart as error:
            return Verdict(status=error.status, evidence=error.evidence)
        finally:
            candidate.close()

    def _kernel_verdict(self, entry: Entry, task: Task) -> Verdict:
        # They load NumPy, which an audit without a GPU does without.
        from codeopt.sandbox.kernels import confirm
        from codeopt.sandbox.kernels.judge import KernelJudge
        from codeopt.sandbox.kernels.session import Side
        from codeopt.sandbox.kernels.subject import Failure, KernelSubject

        cores = tuple(sorted(os.sched_getaffinity(0)))
        runtime = device.runtime(self.interpreter.path, self.interpreter.mounts, "cuda", cores)
        if task.name not in self._kernels:
            reference = KernelSubject(self.sandbox, runtime, Side(), [task.source()], "cuda")
            self._kernels[task.name] = KernelJudge(reference, limit_s=LIMIT_S, seed=self._rng.getrandbits(32))
        inputs = task.source().partition("class Model")[0]
        candidate = KernelSubject(self.sandbox, runtime, Side(entry.source, "ModelNew"), [inputs], "cuda")
        try:
            return confirm.verdict(self._kernels[task.name], candidate, [0], self.pairs)
        except Failure as error:
            return Verdict(status=error.status, evidence=error.evidence)
        finally:
            candidate.close()

    def audit(self, entry: Entry) -> Row:
        """Judge one entry; what is not as expected is judged twice more, and the majority decides.

        A test of luck errs now and then (one in some hundred equal programs passes for faster): a cheat that works,
        works again. Getting out is never luck.

        Raises:
            UserError: The task's baseline itself fails here.
        """
        first = self.once(entry)
        if not first.failed or BREACH in first.evidence:
            return first
        rows = [first, *(self.once(entry) for _ in range(AGAIN))]
        as_expected = [row for row in rows if not row.failed]
        kept = as_expected[0] if len(as_expected) > AGAIN / 2 else first
        told = f"{kept.evidence}; as expected in {len(as_expected)} of {len(rows)}"
        return replace(kept, evidence=told, again=AGAIN, seconds=sum(row.seconds for row in rows))

    def once(self, entry: Entry) -> Row:
        """Judge one entry once and compare with what the corpus expects.

        Raises:
            UserError: The task's baseline itself fails here.
        """
        started = time.monotonic()
        reason = self.lacks(entry)
        if reason:
            return self._row(entry, "", reason, started, "skipped")
        found = self.verdict(entry)
        told = "\n".join((found.evidence, *found.notes))
        if BREACH in told:
            return self._row(entry, str(found.status), told[told.index(BREACH) :], started, _bad(entry))
        outcome = "passed" if found.status in entry.statuses else _bad(entry)
        return self._row(entry, str(found.status), found.evidence or _figures(found), started, outcome)

    def _row(self, entry: Entry, status: str, evidence: str, started: float, outcome: str) -> Row:
        line = " ".join(evidence.split())
        return Row(
            entry=entry.name,
            kind=entry.kind,
            row=entry.row,
            task=entry.task,
            expected=entry.expect,
            status=status,
            evidence=line if len(line) <= EVIDENCE else line[: EVIDENCE - 1] + "…",
            seconds=round(time.monotonic() - started, 2),
            outcome=outcome,
        )


def _bad(entry: Entry) -> str:
    return "missed" if entry.row else "false_alarm"


def _figures(found: Verdict) -> str:
    measured = found.holdout or found.search
    if measured is None:
        return ""
    warm = "; warm cache" if measured.warm_cache else ""
    return f"{measured.speedup:.2f}x by {measured.clock} ({measured.low:.2f}-{measured.high:.2f}){warm}"


def counts(rows: Sequence[Row]) -> dict[str, int]:
    """Counts of a finished audit: exploits, caught, controls, false_alarms, skipped, judged_again."""
    judged = [row for row in rows if row.outcome != "skipped"]
    exploits = [row for row in judged if row.kind == "exploit"]
    controls = [row for row in judged if row.kind == "control"]
    return {
        "exploits": len(exploits),
        "caught": sum(row.outcome == "passed" for row in exploits),
        "controls": len(controls),
        "false_alarms": sum(row.failed for row in controls),
        "skipped": len(rows) - len(judged),
        "judged_again": sum(row.again > 0 for row in judged),
    }
