"""A program under judgement: knows how to get itself into a sandbox and run one case there.

A subject opens its session when it is first used and opens a new one after a crash or a time-out, so that one bad
case costs only itself.
"""

from __future__ import annotations

import ast
import math
import random
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from codeopt.sandbox.elf import code_hash
from codeopt.sandbox.protocol import Sandbox
from codeopt.sandbox.session import Broken, Runtime, Sample, Session
from codeopt.sandbox.workload import Case
from codeopt.types import Status, Usage

SETUP_LIMIT_S = 120.0

class CannotStart(Exception):
    """The program does not build, or its import fails or never ends."""

    def __init__(self, status: Status, evidence: str) -> None:
        super().__init__(evidence)
        self.status = status
        self.evidence = evidence


class Subject(ABC):
    """One version of the program, in its own sandbox session.

    Attributes:
        one_layout: The samples of a session are forks of one process, whose memory layout they share.
        opened_s: Seconds that the newest session took until the program was loaded.
        setup_s: Seconds of the quickest import or build so far, by the parent's clock; inf before the first.
        setup_cpu_s: CPU seconds of the whole session for the least of them; inf where they cannot be read.
        setup_limit_s: Seconds after which an import or a build is stopped.
        setup_allowance_s: Seconds by which it may be longer than the baseline's, whatever is gained.
        compiles: Names of the just-in-time compilers that it loaded; its first calls take longer.
    """

    setup_allowance_s = 0.25
    one_layout = False
    session_type = Session

    def __init__(self, sandbox: Sandbox, runtime: Runtime, source: str, *, seed: int = 0) -> None:
        self.source = source
        self.runtime = runtime
        self._sandbox = sandbox
        self._session: Session | None = None
        self._rng = random.Random(seed)
        self.opened_s = 0.0
        self.setup_s = self.setup_cpu_s = math.inf
        self.setup_limit_s = SETUP_LIMIT_S
        self.compiles: tuple[str, ...] = ()
        self._warm_calls: tuple[bytes, ...] = ()

    def session(self) -> Session:
        """The live session with the program loaded. Raises CannotStart."""
        if self._session is None or not self._session.alive:
            self.close()
            started = time.perf_counter()
            session = self.session_type(self._sandbox, self.runtime, rng=self._rng)
            try:
                self._load(session)
            except Broken as broken:
                session.close()
                raise CannotStart(broken.status, broken.evidence) from broken
            except BaseException:
                session.close()
                raise
            self._session = session
            self.opened_s = time.perf_counter() - started
        return self._session

    @abstractmethod
    def _load(self, session: Session) -> None:
        """Bring the program into a new session. Raises CannotStart or Broken."""

    def machine_code(self) -> str:
        """The hash of what it is built into; "" where nothing is built, or it cannot start."""
        return ""

    @abstractmethod
    def run(self, case: Case, *, repeat: int = 1, limit_s: float = 30, extras: bool = False) -> Sample:
        """Run one case. Raises CannotStart; everything else is in the sample's status."""

    @abstractmethod
    def floor(self) -> Sample:
        """A region that does nothing: the floor of the clocks for this kind of program."""

    def warm_on(self, calls: tuple[bytes, ...]) -> None:
        """Calls, never timed, on which a just-in-time compiler may compile before the first sample; the first ones stay."""
        self._warm_calls = self._warm_calls or calls

    def usage(self) -> Usage:
        """What the live session used so far; nothing where there is none."""
        return self._session.channel.usage() if self._session is not None else Usage()

    def processes(self) -> int | None:
        """How many processes the live session has; None where they cannot be counted, or there is no session."""
        return self._session.channel.processes() if self._session is not None else None

    @contextmanager
    def _setting_up(self, session: Session) -> Iterator[None]:
        """Time the block as an import or a build, unless it fails."""
        started, used = time.perf_counter(), session.channel.cpu_ns()
        yield
        self.setup_s = min(self.setup_s, time.perf_counter() - started)
        now = session.channel.cpu_ns()
        if used is not None and now is not None:
            self.setup_cpu_s = min(self.setup_cpu_s, (now - used) / 1e9)

    def close(self) -> None:
        """End the session. Idempotent."""
        if self._session is not None:
            self._session.close()
            self._session = None


def renew(subjects: Sequence[Subject]) -> None:
    """End the sessions and open new ones, all at a time: most of it is waiting for the engine.

    One that cannot start says so when it is used next.
    """

    def again(subject: Subject) -> None:
        subject.close()
        with suppress(CannotStart):
            subject.session()

    with ThreadPoolExecutor(len(subjects)) as pool:
        list(pool.map(again, subjects))


@dataclass(frozen=True)
class FunctionSpec:
    """Where a function lives, as paths inside the sandbox.

    Attributes:
        module: Dotted name under which the file is imported.
        function: Qualified name.
        file: The file's path; the candidate's text stands in its place.
        project: Import roots.
        codec: A user's codec file, or "".
        cwd: Working directory, or "".
    """

    module: str
    function: str
    file: str
    project: tuple[str, ...]
    codec: str = ""
    cwd: str = ""


def imported(source: str) -> list[str]:
    """Dotted names of the modules that a Python text imports when it is imported itself; [] where it does not parse."""
    try:
        body = list(ast.parse(source).body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    names: list[str] = []
    while body:
        node = body.pop(0)
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.append(node.module)
        elif isinstance(node, ast.Try | ast.If):
            body += [*node.body, *node.orelse]
    return names


class FunctionSubject(Subject):
    """A Python function; single-threaded ones run one fork a sample, threaded ones in a persistent process.

    Attributes:
        native: What was loaded under the function's name is compiled code, as where a module ends with `from _c import *`.
    """

    one_layout = True

    def __init__(
        self, sandbox: Sandbox, runtime: Runtime, source: str, spec: FunctionSpec, *, seed: int = 0
    ) -> None:
        super().__init__(sandbox, runtime, source, seed=seed)
        self.spec = spec
        self.persistent = self.native = False

    def _load(self, session: Session) -> None:
        spec = self.spec
        # Libraries first: what is left of the import is the candidate's own.
        session.preload(imported(self.source), spec.project, self.setup_limit_s)
        with self._setting_up(session):
            reply = session.load(
                {
                    "module": spec.module,
                    "function": spec.function,
                    "file": spec.file,
                    "source": self.source.encode("utf-8", "surrogateescape"),
                    "project": list(spec.project),
                    "codec": spec.codec,
                    "cwd": spec.cwd,
                    "force_fork": self.runtime.threads <= 1,
                },
                self.setup_limit_s,
            )
            if "error" in reply:
                raise CannotStart(Status.BUILD_FAILED, str(reply["error"]).strip()[-2000:])
        self.persistent = bool(reply["persistent"])
        self.native = bool(reply.get("native"))
        self.compiles = tuple(map(str, reply["jit"]))
        if self._warm_calls and self._warmable():
            session.warm(self._warm_calls)

    def _warmable(self) -> bool:
        # A CUDA context does not survive a fork, and torch alone compiles nothing in one.
        return bool(self.compiles) and (self.persistent or self.compiles != ("torch",))

    def warm_on(self, calls: tuple[bytes, ...]) -> None:
        if self._warm_calls:
            return
        super().warm_on(calls)
        if self._session is not None and self._warmable():
            self.close()  # the next session is warmed

    def run(self, case: Case, *, repeat: int = 1, limit_s: float = 30, extras: bool = False) -> Sample:
        session = self.session()
        return session.sample(case.calls, repeat=repeat, limit_s=limit_s, extras=extras, forks=not self.persistent)

    def floor(self) -> Sample:
        session = self.session()
        return session.sample((), limit_s=10, forks=not self.persistent)


class PythonProgram(Subject):
    """A Python script, run as a whole process per case."""

    def __init__(
        self,
        sandbox: Sandbox,
        runtime: Runtime,
        source: str,
        file: str,
        project: tuple[str, ...],
        *,
        cwd: str = "",
        seed: int = 0,
    ) -> None:
        super().__init__(sandbox, runtime, source, seed=seed)
        self._file = file
        self._project = project
        self._cwd = cwd
        self._argv: tuple[str, ...] = ()
        self._empty: tuple[str, ...] = ()

    def empty(self) -> Sample:
        """A run of an empty script: what the interpreter itself costs."""
        session = self.session()
        return session.execute(self._empty, cwd=self._cwd, limit_s=10)

    def _load(self, session: Session) -> None:
        self.setup_s = self.setup_cpu_s = 0.0  # whatever it imports is in its timed run
        text = session.put("candidate.py", self.source.encode("utf-8", "surrogateescape"))
        roots = ":".join(self._project)
        start = (self.runtime.python, f"{session.runner_path}/script.py")
        self._argv = (*start, text, self._file, roots, "--")
        self._empty = (*start, session.put("empty.py", b""), self._file, roots, "--")

    def run(self, case: Case, *, repeat: int = 1, limit_s: float = 30, extras: bool = False) -> Sample:
        session = self.session()
        return session.execute((*self._argv, *case.argv), stdin=case.stdin, cwd=self._cwd, limit_s=limit_s)

    def floor(self) -> Sample:
        return self.session().execute(("/bin/true",), limit_s=10)


@dataclass(frozen=True)
class Toolchain:
    """How a native program is built: `compiler flags source -o program`, inside the sandbox."""

    compiler: str
    flags: tuple[str, ...]
    suffix: str = ".cpp"
    include: tuple[str, ...] = ()


class NativeProgram(Subject):
    """A C or C++ program in one file; built once inside a sandbox, its bytes carried to later sessions."""

    setup_allowance_s = 10.0

    def __init__(
        self,
        sandbox: Sandbox,
        runtime: Runtime,
        source: str,
        toolchain: Toolchain,
        *,
        extra_flags: tuple[str, ...] = (),
        seed: int = 0,
    ) -> None:
        super().__init__(sandbox, runtime, source, seed=seed)
        self.toolchain = toolchain
        self.extra_flags = extra_flags
        self.binary = b""
        self._refused: CannotStart | None = None
        self.remarks = ""
        self._path = ""

    def command(self, *more: str) -> tuple[str, ...]:
        """The build command, relative to the folder that holds the source as `program` + suffix."""
        tools = self.toolchain
        includes = tuple(f"-I{folder}" for folder in tools.include)
        return (
            tools.compiler,
            *tools.flags,
            *self.extra_flags,
            *more,
            *includes,
            "program" + tools.suffix,
            "-o",
            "program",
        )

    def build(self, session: Session, *more: str) -> bytes:
        """Compile inside `session`; the binary's bytes. Raises CannotStart with the compiler's first errors."""
        name = "program" + self.toolchain.suffix
        text = self.source.encode("utf-8", "surrogateescape")
        with self._setting_up(session):
            reply = session.run([self.command(*more)], files={name: text}, outputs=["program"], seconds=self.setup_limit_s)
        result = reply["results"][0]
        self.remarks = result["stderr"].decode("utf-8", "replace")
        if result["exit"] != 0 or "program" not in reply["outputs"]:
            errors = [
                line for line in self.remarks.splitlines() if "error" in line
            ] or self.remarks.splitlines()
            raise CannotStart(
                Status.BUILD_FAILED, "\n".join(errors[:6]) or f"{self.toolchain.compiler} failed"
            )
        return bytes(reply["outputs"]["program"])

    def _load(self, session: Session) -> None:
        if self._refused is not None:
            raise self._refused
        if not self.binary:
            try:
                self.binary = self.build(session)
            except CannotStart as error:
                self._refused = error  # a compiler says the same again
                raise
        self._path = session.put("program", self.binary, mode=0o755)

    def machine_code(self) -> str:
        with suppress(CannotStart):
            self.session()
        return code_hash(self.binary) if self.binary else ""

    def run(self, case: Case, *, repeat: int = 1, limit_s: float = 30, extras: bool = False) -> Sample:
        session = self.session()
        return session.execute((self._path, *case.argv), stdin=case.stdin, limit_s=limit_s)

    def floor(self) -> Sample:
        return self.session().execute(("/bin/true",), limit_s=10)
