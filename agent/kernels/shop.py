"""From a kernel's task to things that run: sandbox, interpreter, and a subject for any version of the module."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import replace
from threading import Lock
from typing import cast

from codeopt.agent.tasks.kernel import REFERENCE, KernelFile, defined
from codeopt.agent.tasks.model import Task
from codeopt.errors import SandboxBroken, SandboxUnavailable, UserError
from codeopt.sandbox.choose import check_kind, choose
from codeopt.sandbox.interpreter import find_interpreter
from codeopt.sandbox.kernels import device as gpu
from codeopt.sandbox.kernels.choose import gpu_sandbox
from codeopt.sandbox.kernels.session import KernelSession, Side
from codeopt.sandbox.kernels.subject import KernelSubject
from codeopt.sandbox.protocol import Sandbox
from codeopt.sandbox.session import Broken, Runtime, Session
from codeopt.types import Proposal

MOST_WARMING = 4  # compilers at work beside one another
MOST_HELPERS = 8  # processes of one compiler
ENDING_S = 0.2


class Spare:
    """A session that is started before somebody needs it: importing PyTorch and making a context take seconds.

    Args:
        device: "cuda" or "cpu".
    """

    def __init__(self, sandbox: Sandbox, device: str) -> None:
        self._sandbox, self._device = sandbox, device
        self._pool = ThreadPoolExecutor(1)
        self._lock = Lock()
        self._next: tuple[Runtime, Future[KernelSession]] | None = None
        self._ended = False

    def begin(self, runtime: Runtime) -> None:
        """Start one, beside whatever else goes on. Nothing where there is one."""
        with self._lock:
            if self._next is None and not self._ended:
                self._next = runtime, self._pool.submit(KernelSession, self._sandbox, runtime, self._device)

    def session(self, sandbox: Sandbox, runtime: Runtime, *, rng: random.Random | None = None) -> KernelSession:
        """The one that was started, if it is like that, and begin with the next; else a new one. Raises as `KernelSession`."""
        with self._lock:  # several candidates may start at a time
            waiting, self._next = self._next, None
        found: KernelSession | None = None
        if waiting is not None:
            with suppress(Broken, SandboxBroken, SandboxUnavailable):  # whatever went wrong does so again, where it is asked for
                found = waiting[1].result()
        if found is not None and (waiting is None or waiting[0] != runtime or not found.alive):
            found.close()
            found = None
        if found is None:
            found = KernelSession(sandbox, runtime, self._device, rng=rng)
        self.begin(runtime)
        return found

    def close(self) -> None:
        """End it. Idempotent."""
        self._ended = True
        waiting, self._next = self._next, None
        self._pool.shutdown(wait=True)
        if waiting is not None:
            with suppress(Exception):
                waiting[1].result().close()


class KernelShop:
    """The sessions of a kernel's task on one device. `close()` ends them.

    Args:
        kernel: The reference.
        sandbox: Where everything runs.
        device: "cuda" or "cpu".
        task: As it was detected, where it was.
        keep_sandbox: Leave the sandbox to others at the end.
        backward: A call is forward and backward, of every subject.

    Attributes:
        kept: Subjects that `forget` leaves open: the rivals, which the decision needs again.

    Raises:
        UserError: The interpreter has no PyTorch, or cannot be used.
    """

    def __init__(
        self,
        kernel: KernelFile,
        sandbox: Sandbox,
        device: str,
        python: str | None = None,
        task: Task | None = None,
        keep_sandbox: bool = False,
        backward: bool = False,
    ) -> None:
        self.backward = backward
        self.kernel, self.sandbox, self.device, self._keep = kernel, sandbox, device, keep_sandbox
        self.task = task or Task(kind="kernel", file=str(kernel.file))
        self.interpreter = find_interpreter(python)
        if not self.interpreter.has("torch"):
            raise UserError(f"PyTorch is not installed in {self.interpreter.path}", "install it, or name another --python")
        self._open: list[KernelSubject] = []
        self.kept: set[KernelSubject] = set()
        self._warming: dict[KernelSubject, Future[None]] = {}
        self._given_up: set[KernelSubject] = set()
        self._offered: dict[str, KernelSubject] = {}
        self._pool = ThreadPoolExecutor(MOST_WARMING)
        self._ending = False
        # On the processor a session that is being started would take the time of those that are timed.
        self._spare = Spare(sandbox, device) if device == "cuda" else None

    @property
    def torch(self) -> str:
        """PyTorch's version in the interpreter; "" where it does not say."""
        return self.interpreter.versions(("torch",)).get("torch", "")

    def close(self) -> None:
        """End all sessions and let go of the sandbox. Idempotent."""
        self._ending = True
        if self._spare is not None:
            self._spare.close()
        self._pool.shutdown(wait=False, cancel_futures=True)
        while any(not future.done() for future in self._warming.values()):
            for subject in self._warming:  # one that is just being started comes into being after a first close
                subject.close()
            wait(self._warming.values(), timeout=ENDING_S)
        if self._open:
            with ThreadPoolExecutor(len(self._open)) as pool:
                list(pool.map(KernelSubject.close, self._open))
        self._open.clear()
        if not self._keep:
            self.sandbox.close()

    def baseline_source(self) -> str:
        """The text that a search begins with: the faster module that is there already, else the reference."""
        return self.kernel.start or self.kernel.source

    def outcome(self, source: str) -> tuple[str, str]:
        """The file as it was, and as it is with a candidate in it: beside the reference, where there was a module before."""
        kernel = self.kernel
        if not kernel.start or kernel.is_cuda:
            return self.baseline_source(), source
        # What rules write holds the reference's class.
        return kernel.written, source if REFERENCE in defined(source) else kernel.merged(source)

    def begin(self) -> None:
        """Have a session ready for the first candidate."""
        if self._spare is not None:
            self._spare.begin(self._runtime(1))

    def _runtime(self, helpers: int) -> Runtime:
        cores = sorted(os.sched_getaffinity(0))
        on = tuple(cores) if self.device == "cuda" else tuple(cores[-1:])
        return gpu.runtime(self.interpreter.path, self.interpreter.mounts, self.device, on, helpers)

    def subject(self, side: Side) -> KernelSubject:
        """A module, not started yet. Only the reference's own sessions get the text that holds it."""
        texts = [shape.inputs if side.source else shape.whole for shape in self.kernel.shapes]
        # The compiler of a rival, whose text is trusted, may have helpers; a candidate's would count as left running.
        helpers = 1 if side.source else max(1, min(MOST_HELPERS, len(os.sched_getaffinity(0)) // 2))
        runtime = self._runtime(helpers)
        made = KernelSubject(self.sandbox, runtime, replace(side, backward=self.backward), texts, self.device)
        if side.source and self._spare is not None:
            made.session_type = cast("type[Session]", self._spare.session)
        self._open.append(made)
        return made

    def warm(self, subject: KernelSubject, shapes: Sequence[int]) -> None:
        """Begin to make a subject's modules for some shapes, beside whatever else goes on."""

        def made() -> None:
            for shape in shapes:
                if not self._ending and subject not in self._given_up:
                    subject.session()
                    if subject in self._given_up:  # while it was being started, where nobody could end it
                        subject.close()
                        return
                    subject.at(shape)

        self._warming[subject] = self._pool.submit(made)

    def warmed(self, subject: KernelSubject, seconds: float | None = None) -> bool:
        """Wait until `warm` has ended; False where it has not after so many seconds, and is given up. Raises CannotStart."""
        if subject in self._warming:
            try:
                self._warming[subject].result(seconds)
            except TimeoutError:
                self._given_up.add(subject)
                subject.close()
                return False
            except BaseException:
                self._warming.pop(subject)
                raise
            self._warming.pop(subject)
        return True

    def offer(self, source: str, subject: KernelSubject) -> None:
        """Have `proposed` take a subject that is compiled already."""
        self._offered[source] = subject

    def withdraw(self, source: str) -> None:
        """End a subject that was offered, where nobody took it."""
        subject = self._offered.pop(source, None)
        if subject is not None:
            self.forget(subject)

    def proposed(self, proposal: Proposal, seed: int = 0) -> KernelSubject:
        """The module that a proposal makes. Raises UserError where it defines none."""
        offered = self._offered.pop(proposal.source, None)
        return offered or self.subject(Side(*self.kernel.module(proposal.source)))

    def forget(self, subject: KernelSubject) -> None:
        """Close a subject that is not needed any more."""
        if subject in self.kept:
            return
        subject.close()
        if subject in self._open:
            self._open.remove(subject)


def sandbox_for(kind: str, device: str, python: str | None = None) -> Sandbox:
    """The sandbox for a kernel: on a GPU what shows it, by default Docker where that does, else a plain process.

    Raises:
        UserError: A kind that has no GPU inside was named; a plain process would be root's; the interpreter cannot be used.
    """
    if device == "cpu":
        return choose(kind, trusted=False)
    check_kind(kind)
    return gpu_sandbox(kind, find_interpreter(python))
