"""From a task to things that run: interpreter, staged project, sandbox, and a subject for any version of the file."""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from pathlib import Path

from codeopt.agent.tasks.model import Task
from codeopt.agent.tasks.stage import stage
from codeopt.agent.tasks.tools import compiler_home
from codeopt.config import memory_limit
from codeopt.errors import UserError
from codeopt.sandbox.interpreter import find_interpreter
from codeopt.sandbox.memory import MemoryLimit
from codeopt.sandbox.protocol import Limits, Mount, Sandbox
from codeopt.sandbox.sanitize import Sanitizer
from codeopt.sandbox.session import Runtime, Session
from codeopt.sandbox.subject import (
    CannotStart,
    FunctionSpec,
    FunctionSubject,
    NativeProgram,
    PythonProgram,
    Subject,
    Toolchain,
)
from codeopt.sandbox.tolerance import Tolerance
from codeopt.types import Proposal

USER_FILES = "/opt/codeopt/user"


class Workshop:
    """Makes subjects of a task in one sandbox. `close()` ends everything that it started.

    Args:
        task: What is optimised.
        sandbox: Where it runs.
        source: The baseline's text, where it is not the file's own (another revision of it).
        cores: Where both sides run; by default the last ones.

    Attributes:
        original: The file's text, where the baseline is not what the file held.

    Raises:
        UserError: The interpreter cannot be used, or the project cannot be staged.
    """

    def __init__(
        self, task: Task, sandbox: Sandbox, source: str | None = None, cores: tuple[int, ...] = ()
    ) -> None:
        self.task = task
        self.sandbox = sandbox
        self._source = source
        self.original: str | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="codeopt-")
        self._open: list[Subject | Session] = []
        self._makers: dict[bool, Session] = {}
        self.interpreter = find_interpreter(task.python or None)
        self.stage = stage(task, Path(self._folder.name) / "stage")
        self._staged = Mount(self.stage.root_host, self.stage.root_inside)
        self._make_mount_points()
        self._own = Mount(self.stage.root_origin, str(self.stage.root_origin))
        self.limits = Limits(memory_mb=task.memory_mb, cpus=cores or cores_of(task.threads))
        self.tolerance = Tolerance(task.rel, task.abs, task.float_tol or None)

    def __enter__(self) -> Workshop:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End every session, let go of the sandbox and remove the staged copy. Idempotent."""
        for thing in self._open:
            thing.close()
        self._open.clear()
        self._makers.clear()
        self.sandbox.close()
        self._folder.cleanup()

    def _make_mount_points(self) -> None:
        """Places in the staged copy for mounts inside the project: a virtual environment usually lies there.

        The copy is mounted read-only, so a sandbox cannot make them itself.
        """
        for mount in self.interpreter.mounts:
            inside = Path(mount.inside)
            if not inside.is_relative_to(self.stage.root_inside):
                continue
            point = self.stage.root_host / inside.relative_to(self.stage.root_inside)
            if mount.host.is_dir():
                point.mkdir(parents=True, exist_ok=True)
            else:
                point.parent.mkdir(parents=True, exist_ok=True)
                point.touch()
            for folder in (point, *point.parents):
                if folder == self.stage.root_host:
                    break
                if folder.is_dir():
                    folder.chmod(0o755)

    # --- paths --------------------------------------------------------------------------------------------

    def _inside(self, path: str, mount: Mount) -> str:
        """A path of the project as it is seen in the sandbox."""
        base = self.sandbox.inside(mount)
        relative = Path(path).relative_to(self.stage.root_origin)
        return base if str(relative) == "." else f"{base}/{relative}"

    def _roots(self, mount: Mount) -> tuple[str, ...]:
        staged = [root for root in self.task.roots if Path(root).is_relative_to(self.stage.root_origin)]
        return tuple(self._inside(root, mount) for root in staged)

    def user_file(self, path: str, part: str = "") -> Mount:
        """A single file of the user's (a generator, a codec), mounted apart from the project.

        `part` keeps apart what may have the same name.
        """
        return Mount(Path(path), "/".join(filter(None, (USER_FILES, part, Path(path).name))))

    def oracle_file(self) -> Mount:
        """The file of the task's oracle, in a folder of its own: it may hold the generator as well."""
        return self.user_file(self.task.oracle.rpartition(":")[0], "oracle")

    def _runtime(self, mount: Mount, *extra: Mount) -> Runtime:
        return Runtime(
            python=self.interpreter.path,
            mounts=(mount, *self.interpreter.mounts, *self._compiler_mounts(), *extra),
            limits=self.limits,
            threads=self.task.threads,
        )

    def _compiler_mounts(self) -> tuple[Mount, ...]:
        """What a compiler outside /usr needs, where the interpreter's own folders do not hold it."""
        home = compiler_home(self.task.compiler) if self.task.compiler else None
        if home is None or any(home.is_relative_to(mount.inside) for mount in self.interpreter.mounts):
            return ()
        return (Mount(home, str(home)),)

    def _spec(self, mount: Mount) -> tuple[FunctionSpec, tuple[Mount, ...]]:
        task = self.task
        codec = self.user_file(task.codec) if task.codec else None
        spec = FunctionSpec(
            module=task.module,
            function=task.function,
            file=self._inside(task.file, mount),
            project=self._roots(mount),
            codec=self.sandbox.inside(codec) if codec else "",
            cwd=self._inside(str(Path(task.file).parent), mount),
        )
        return spec, (codec,) if codec else ()

    # --- subjects -----------------------------------------------------------------------------------------

    def baseline_source(self) -> str:
        """The text that everything is compared with: the file as it was when the run began."""
        if self._source is None:
            self._source = Path(self.task.file).read_bytes().decode("utf-8", "surrogateescape")
        return self._source

    def outcome(self, source: str) -> tuple[str, str]:
        """The file as it was, and as it is with a candidate in it."""
        return self.baseline_source() if self.original is None else self.original, source

    def subject(
        self, source: str, flags: tuple[str, ...] = (), seed: int = 0, function: str = ""
    ) -> Subject:
        """A version of the program, not started yet; `function` is its name there where it is another."""
        task = self.task
        subject: Subject
        if task.language == "cpp":
            folder = str(Path(task.file).parent)
            include = (
                (self._inside(folder, self._staged),)
                if Path(folder).is_relative_to(self.stage.root_origin)
                else ()
            )
            tools = Toolchain(task.compiler, task.flags, Path(task.file).suffix, include)
            subject = NativeProgram(
                self.sandbox, self._runtime(self._staged), source, tools, extra_flags=flags, seed=seed
            )
        elif task.kind == "function":
            spec, extra = self._spec(self._staged)
            spec = replace(spec, function=function or spec.function)
            subject = FunctionSubject(self.sandbox, self._runtime(self._staged, *extra), source, spec, seed=seed)
        else:
            file = self._inside(task.file, self._staged)
            subject = PythonProgram(
                self.sandbox,
                self._runtime(self._staged),
                source,
                file,
                self._roots(self._staged),
                cwd=str(Path(file).parent),
                seed=seed,
            )
        self._open.append(subject)
        return subject

    def proposed(self, proposal: Proposal, seed: int = 0) -> Subject:
        """The version that a proposal makes."""
        return self.subject(proposal.source, proposal.flags, seed)

    def forget(self, subject: Subject) -> None:
        """Close a subject that is not needed any more."""
        subject.close()
        if subject in self._open:
            self._open.remove(subject)

    def memory_limit(self) -> MemoryLimit | None:
        """What the task says about peak memory. Raises UserError where none can be read here."""
        asked = self.task.memory_at_most
        if not asked:
            return None
        if not self.maker().channel.usage().peak_memory_mb:
            raise UserError(
                f"the peak memory of a session cannot be read in the sandbox {self.sandbox.name}, so --memory-at-most {asked} cannot be checked",
                "take --sandbox docker (or be root), or leave it out",
            )
        return MemoryLimit(*memory_limit(asked))

    def sanitizer(self, baseline: Subject) -> Sanitizer | None:
        """What runs builds with sanitizers against a baseline; None where the task wants none, or nothing is built."""
        return Sanitizer(baseline) if self.task.sanitize and isinstance(baseline, NativeProgram) else None

    def maker(self, *, whole_project: bool = False) -> Session:
        """A session with the untouched program loaded, for making inputs; the same one each time, while it lives.

        With `whole_project` the user's own tests and data are visible too: only the user's own code runs there.
        Raises UserError where the program cannot be loaded.
        """
        known = self._makers.get(whole_project)
        if known is not None and known.alive:
            return known
        session = self._makers[whole_project] = self._maker(whole_project)
        return session

    def _maker(self, whole_project: bool) -> Session:
        mount = self._own if whole_project else self._staged
        extra: list[Mount] = []
        if whole_project:
            extra += [Mount(Path(path), path) for path in self._named_files()]
        if self.task.inputs:
            extra.append(self.user_file(self.task.inputs.rpartition(":")[0]))
        if self.task.oracle:
            extra.append(self.oracle_file())
        if self.task.relations:
            extra.append(self.user_file(self.task.relations, "relations"))
        spec, codec = self._spec(mount) if self.task.kind == "function" else (None, ())
        runtime = self.with_tools(self._runtime(mount, *extra, *codec))
        if spec is None:
            session = Session(self.sandbox, runtime)
            self._open.append(session)
            return session
        maker = FunctionSubject(self.sandbox, runtime, self.baseline_source(), spec)
        self._open.append(maker)
        try:
            session = maker.session()
        except CannotStart as error:
            last = error.evidence.strip().splitlines()[-1:] or [str(error.status)]
            raise UserError(
                f"{self.task.file} cannot be imported ({last[0]})",
                f"make `import {self.task.module}` work with {self.interpreter.path}, or name another --python",
            ) from error
        if maker.native:
            name = f"{self.task.module}.{self.task.function}"
            raise UserError(f"compiled code takes the place of {name}", "name a function whose Python text is what runs")
        return session

    def tool_session(self) -> Session:
        """A new session with the untouched function loaded and codeopt's tools in reach; the caller closes it.

        Unlike `maker`, an operation may bring hostile code into it: nothing else is done there. Raises CannotStart.
        """
        spec, codec = self._spec(self._staged)
        subject = FunctionSubject(
            self.sandbox, self.with_tools(self._runtime(self._staged, *codec)), self.baseline_source(), spec
        )
        return subject.session()

    def project_session(self) -> Session:
        """A session that sees the user's whole project and has nothing loaded; only the user's own code runs there."""
        extra = [Mount(Path(path), path) for path in self._named_files()]
        session = Session(self.sandbox, self.with_tools(self._runtime(self._own, *extra)))
        self._open.append(session)
        session.load(
            {"bare": True, "project": list(self._roots(self._own)), "file": self.task.file, "module": "", "source": b""}
        )
        return session

    def _named_files(self) -> list[str]:
        """Tests, and what the command's arguments name, that lie outside the project."""
        found = []
        for word in (*self.task.command, *self.task.args, *self.task.tests):
            path = Path(word)
            if path.is_absolute() and path.exists() and not path.is_relative_to(self.stage.root_origin):
                found.append(str(path))
        return found

    def with_tools(self, runtime: Runtime) -> Runtime:
        """The same with codeopt's own packages last on the path of operations."""
        tools = tool_mounts()
        return replace(
            runtime,
            mounts=(*runtime.mounts, *tools),
            env={**runtime.env, "CODEOPT_TOOLS": ":".join(self.sandbox.inside(item) for item in tools)},
        )


def tool_mounts() -> tuple[Mount, ...]:
    """The folder of codeopt's own packages, for the tools that make inputs and profiles (never for candidates)."""
    import hypothesis

    folder = Path(hypothesis.__file__).resolve().parent.parent
    return (Mount(folder, "/opt/codeopt/tools"),)


def cores_of(threads: int) -> tuple[int, ...]:
    """The cores for both sides of a comparison: the last ones, so that the engine keeps the first."""
    cores = sorted(os.sched_getaffinity(0))
    return tuple(cores[-max(1, min(threads, len(cores))) :])
