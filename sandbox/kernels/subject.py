"""A module under judgement: the reference, a candidate, or the reference through torch.compile."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import cast

from codeopt.sandbox.kernels.session import (
    FORWARD,
    Answer,
    Ask,
    Gradients,
    KernelSession,
    Refused,
    Region,
    Side,
)
from codeopt.sandbox.protocol import Sandbox
from codeopt.sandbox.runner.kernel import SHAPES
from codeopt.sandbox.session import Broken, Runtime, Sample, Session
from codeopt.sandbox.subject import CannotStart, Subject
from codeopt.sandbox.workload import Case
from codeopt.types import Status

Failure = (CannotStart, Refused, Broken)
"""What asking a module may raise."""
SETUP_S = 600.0  # torch.compile with autotuning takes minutes
CALL_S = 60.0
FIRST = (1, 2)  # seeds of the calls on which a shape is compiled
NO_BYTES: Sequence[int] = ()


class KernelSubject(Subject):
    """One version of a module, in a process of its own that keeps its device.

    Args:
        side: Which module.
        texts: For each shape what makes its inputs.
        device: "cuda" or "cpu".

    Attributes:
        compile_s: For each shape that was used, seconds until its module was made and two calls were answered: building,
            just-in-time compilation, tuning.
    """

    # Compilers of kernels take seconds to minutes, once; it is reported apart.
    setup_allowance_s = 600.0

    def __init__(
        self, sandbox: Sandbox, runtime: Runtime, side: Side, texts: Sequence[str], device: str, *, seed: int = 0
    ) -> None:
        super().__init__(sandbox, runtime, side.source, seed=seed)
        self.side = side
        self.texts = tuple(texts)
        self.setup_limit_s = SETUP_S
        self.compile_s: dict[int, float] = {}
        self._built: list[int] = []
        self._swaps = 0
        self._loading_s = 0.0  # of compilers at import, which the first shape is charged with
        self.session_type = cast("type[Session]", partial(KernelSession, device=device))

    def _load(self, session: Session) -> None:
        assert isinstance(session, KernelSession)
        self._built.clear()
        started = time.perf_counter()
        try:
            with self._setting_up(session):
                session.module(self.side, self.setup_limit_s)
            self._loading_s = time.perf_counter() - started
        except Refused as refused:
            raise CannotStart(refused.status, refused.evidence) from refused

    def swap(self, source: str) -> None:
        """Take another text into the live session. Only for texts of one and the same author. Raises CannotStart, Broken."""
        self._swaps += 1
        # A file of its own: Triton reads the lines of a kernel from where its text is said to be.
        self.side = replace(self.side, source=source, file=f"/tmp/kernel_{self._swaps}.py")
        self.source = source
        if self._session is None or not self._session.alive:
            return
        assert isinstance(self._session, KernelSession)
        self._built.clear()
        try:
            self._session.module(self.side, self.setup_limit_s)
        except Refused as refused:
            raise CannotStart(refused.status, refused.evidence) from refused

    def at(self, shape: int) -> KernelSession:
        """The session with that shape's module made and compiled. Raises CannotStart."""
        session = self.session()
        assert isinstance(session, KernelSession)
        if shape not in self._built:
            started = time.perf_counter()
            try:
                session.build(self.texts[shape], self.setup_limit_s)
                session.region(self.texts[shape], FIRST, NO_BYTES, Ask(), 0, self.setup_limit_s)
            except (Refused, Broken) as error:
                raise CannotStart(error.status, error.evidence) from error
            self.compile_s.setdefault(shape, time.perf_counter() - started + self._loading_s)
            self._loading_s = 0.0
            if len(self._built) == SHAPES:
                del self._built[0]  # as the session does
            self._built.append(shape)
        return session

    def answer(
        self, shape: int, seed: int, sizes: Sequence[int], take: Callable[[Answer], Callable[[bytes], None] | None],
        gradients: Gradients = FORWARD,
    ) -> Answer:  # fmt: skip
        """As `KernelSession.answer`. Raises CannotStart, Refused, Broken."""
        return self.at(shape).answer(self.texts[shape], seed, sizes, CALL_S, take, gradients)

    def region(
        self, shape: int, seeds: Sequence[int], sizes: Sequence[int], ask: Ask, probes: int, limit_s: float = CALL_S,
        gradients: Gradients = FORWARD,
    ) -> Region:  # fmt: skip
        """As `KernelSession.region`. Raises CannotStart, Refused, Broken."""
        return self.at(shape).region(self.texts[shape], seeds, sizes, ask, probes, limit_s, gradients)

    def run(self, case: Case, *, repeat: int = 1, limit_s: float = 30, extras: bool = False) -> Sample:
        """A region of the case's calls: `cpu_s` of the sample is the device's time. Raises CannotStart."""
        shape, seeds = calls_of(case)
        try:
            found = self.region(shape, seeds * repeat, NO_BYTES, Ask(), self._rng.getrandbits(40), limit_s)
        except (Refused, Broken) as error:
            return Sample(error.status, evidence=error.evidence)
        return Sample(Status.OK, wall_s=found.wall_s, cpu_s=sum(found.seconds), prep_s=found.prep_s)

    def floor(self) -> Sample:
        """A region of one call that calls nothing, on the first shape. Raises CannotStart."""
        try:
            found = self.region(0, FIRST[:1], NO_BYTES, Ask(idle=True), 0)
        except (Refused, Broken) as error:
            return Sample(error.status, evidence=error.evidence)
        return Sample(Status.OK, wall_s=found.wall_s, cpu_s=sum(found.seconds), prep_s=found.prep_s)


def case(kind: str, shape: int, seeds: Sequence[int]) -> Case:
    """A region of one call for each seed, all of that shape."""
    name = f"{kind} {shape}:{seeds[0]}"
    return Case(name, kind, tuple(seed.to_bytes(8, "big") for seed in seeds), argv=(str(shape),))


def calls_of(case: Case) -> tuple[int, list[int]]:
    """(shape, seeds) of a case."""
    return int(case.argv[0]), [int.from_bytes(call, "big") for call in case.calls]
