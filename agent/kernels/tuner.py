"""Choosing among many variants of our own: all in one process, halved until one is left.

A process and its CUDA context take seconds to start, and a template has dozens of configurations. They are text of our own
and not hostile, so they share a session; what is chosen is then judged like any other candidate, in a session of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from codeopt.agent.kernels.shop import KernelShop
from codeopt.agent.tasks.kernel import CANDIDATE
from codeopt.sandbox.kernels.judge import KernelJudge, geometric
from codeopt.sandbox.kernels.session import Ask, Side
from codeopt.sandbox.kernels.subject import Failure, KernelSubject
from codeopt.sandbox.session import Broken

KEPT = 3  # one in so many goes on
ROUNDS = (1, 3, 5)  # regions of each shape
SLOW = 4.0  # times the fastest on the first shape: not looked at on the others


@dataclass(frozen=True)
class Variant:
    """A text, and its time.

    Attributes:
        source: The candidate.
        seconds: Of a call, by the device: the geometric mean over shapes; inf where it fails or is wrong.
        evidence: Why it fails.
    """

    source: str
    seconds: float
    evidence: str = ""


class Tuner:
    """Times variants on the shapes that a search may see.

    Args:
        shop: Makes the session that they share.
        judge: Knows how regions are made.
        shapes: Numbers of the shapes.
        stop: Ends it early, with what is known so far.
    """

    def __init__(
        self, shop: KernelShop, judge: KernelJudge, shapes: Sequence[int], stop: Callable[[], bool] = lambda: False
    ) -> None:
        self._shop, self._judge, self._shapes, self._stop = shop, judge, list(shapes), stop
        self._subject: KernelSubject | None = None

    def close(self) -> None:
        """End the session. Idempotent."""
        if self._subject is not None:
            self._shop.forget(self._subject)
            self._subject = None

    def ranked(self, sources: Sequence[str]) -> list[Variant]:
        """All of them, the fastest first; only those that were timed to the end are known well."""
        left = [Variant(source, 0.0) for source in sources]
        out: list[Variant] = []
        for rounds in ROUNDS:
            timed = self._round(left, rounds)
            timed.sort(key=lambda variant: variant.seconds)
            working = [variant for variant in timed if math.isfinite(variant.seconds)]
            left = working[: max(1, math.ceil(len(working) / KEPT))]
            out = timed[len(left) :] + out
            if len(left) <= 1 or self._stop():
                break
        return left + sorted(out, key=lambda variant: variant.seconds)

    def _round(self, variants: Sequence[Variant], rounds: int) -> list[Variant]:
        found: list[Variant] = []
        first = math.inf
        for variant in variants:
            if self._stop():
                found.append(variant if variant.seconds else Variant(variant.source, math.inf, "no time left"))
                continue
            times: list[float] = []
            evidence = ""
            try:
                subject = self._with(variant.source)
                for shape in self._shapes:
                    if not variant.seconds and (wrong := self._judge.check(subject, shape, self._judge.seeds(1)[0])):
                        evidence = wrong.evidence
                        break
                    times.append(self._judge.times(subject, shape, Ask(), rounds))
                    if len(times) == 1 and times[0] > SLOW * first:
                        evidence = f"{times[0] / first:.0f} times as slow as another on the first shape"
                        break
            except Failure as error:
                evidence = error.evidence
                if isinstance(error, Broken):
                    self.close()  # a fault of one variant takes the context of all with it
            if evidence or not times:
                found.append(Variant(variant.source, math.inf, evidence))
                continue
            first = min(first, times[0])
            found.append(Variant(variant.source, geometric(times)))
        return found

    def _with(self, source: str) -> KernelSubject:
        """The session with that variant in it. Raises CannotStart, Broken."""
        if self._subject is None:
            self._subject = self._shop.subject(Side(source, CANDIDATE))
        else:
            self._subject.swap(source)
        return self._subject
