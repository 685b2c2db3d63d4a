"""Choosing the numbers in templates, apart for each shape: one process tries them all.

A process and its CUDA context take seconds to start, and a template has dozens of configurations. They are text of our own
and not hostile, so they share a session, and are looked at rather than checked in full; what is chosen is then judged like
any other candidate, in a session of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from codeopt.agent.kernels.assemble import Made, candidate
from codeopt.agent.kernels.forward import Choice
from codeopt.agent.kernels.rules import TUNED, Template
from codeopt.agent.kernels.shop import KernelShop
from codeopt.agent.tasks.kernel import CANDIDATE
from codeopt.sandbox.kernels.judge import KernelJudge
from codeopt.sandbox.kernels.session import Ask, Side
from codeopt.sandbox.kernels.subject import Failure, KernelSubject
from codeopt.sandbox.session import Broken

NEAR = 1.15  # times the fastest: looked at again
AGAIN = 5  # regions, then
Choices = Mapping[int, Choice]


class Trials:
    """Variants of one author's text, tried in one session.

    Args:
        shop: Makes the session.
        judge: Knows how regions are made.

    Attributes:
        tried: Variants that were timed.
        evidence: Why the last one that failed did.
    """

    def __init__(self, shop: KernelShop, judge: KernelJudge) -> None:
        self._shop, self._judge = shop, judge
        self._subject: KernelSubject | None = None
        self.tried = 0
        self.evidence = ""

    def close(self) -> None:
        """End the session. Idempotent."""
        if self._subject is not None:
            self._shop.forget(self._subject)
            self._subject = None

    def _timed(self, source: str, shape: int, rounds: int) -> float:
        """Device seconds of a call; inf where it fails, or does not look right."""
        try:
            subject = self._with(source)
            wrong = self._judge.glance(subject, shape)
            if wrong is None:
                return self._judge.times(subject, shape, Ask(), rounds)
            self.evidence = wrong.evidence
        except Failure as error:
            self.evidence = error.evidence
            if isinstance(error, Broken) or "CUDA error" in error.evidence:
                self.close()  # a fault of one variant takes the context of all with it
        return math.inf

    def _with(self, source: str) -> KernelSubject:
        """The session with that text in it. Raises CannotStart, Broken."""
        if self._subject is None:
            self._subject = self._shop.subject(Side(source, CANDIDATE))
        elif self._subject.source != source:
            self._subject.swap(source)
        return self._subject


class Tuner(Trials):
    """Finds the numbers for the shapes that a search may see.

    Args:
        shop, judge: As of `Trials`.
        templates: What the rules make of each shape.
        stop: Ends it early, with what is known so far.
    """

    def __init__(
        self, shop: KernelShop, judge: KernelJudge, templates: Mapping[int, Template], stop: Callable[[], bool] = lambda: False
    ) -> None:
        super().__init__(shop, judge)
        self._templates, self._stop = templates, stop
        self._source = shop.kernel.source
        self._known: dict[tuple[str, int], tuple[float, Choice]] = {}
        self._plain: dict[int, float] = {}

    def made(self, choices: Choices) -> Made | None:
        """The candidate with those numbers."""
        return candidate(self._source, [self._templates[shape].part(choice) for shape, choice in choices.items()])

    def best(self) -> tuple[dict[int, Choice], dict[int, float]]:
        """For each shape the fastest choice, and its seconds: inf where nothing worked."""
        starts = {shape: template.starts for shape, template in self._templates.items()}
        found, seconds = self._of(starts)
        for name in TUNED:
            if self._stop():
                break
            others = {shape: [found[shape], *template.others(found[shape], name)] for shape, template in self._templates.items()}
            found, seconds = self._of(others)
        return found, seconds

    def own(self) -> Made | None:
        """The candidate with the fastest kernels of its own that work, whether torch's are faster or not."""
        fastest: dict[int, Choice] = {}
        for (_, shape), (spent, choice) in sorted(self._known.items(), key=lambda item: item[1][0]):
            if spent < math.inf and shape not in fastest and self.made({shape: choice}) is not None:
                fastest[shape] = choice
        return self.made(fastest) if fastest else None

    def _of(self, options: Mapping[int, Sequence[Choice]]) -> tuple[dict[int, Choice], dict[int, float]]:
        """For each shape the fastest of some choices."""
        count = max(map(len, options.values()))
        rows = [{shape: own[min(i, len(own) - 1)] for shape, own in options.items()} for i in range(count)]
        times = [self._times(row, list(row), 1) for row in rows]
        least = {shape: min(row[shape] for row in times) for shape in options}
        for index, row in enumerate(rows):
            near = [shape for shape in row if times[index][shape] <= NEAR * least[shape] < math.inf]
            distinct = [shape for shape in near if sum(other[shape] <= NEAR * least[shape] for other in times) > 1]
            if distinct and not self._stop():
                times[index] = {**times[index], **self._times(row, distinct, AGAIN)}
        found, seconds = {}, {}
        for shape in options:
            index = min(range(count), key=lambda i: times[i][shape])
            found[shape], seconds[shape] = rows[index][shape], times[index][shape]
        return found, seconds

    def _times(self, choices: Choices, shapes: Sequence[int], rounds: int) -> dict[int, float]:
        """Seconds of a call on each shape; inf where it fails, or nobody looked."""
        found: dict[int, float] = {}
        wanted = []
        for shape in shapes:
            known = self._known.get((repr(choices[shape]), shape)) if rounds == 1 else None
            if known is None:
                wanted.append(shape)
            else:
                found[shape] = known[0]
        if self._stop():
            return {**dict.fromkeys(wanted, math.inf), **found}
        made = self.made(choices) if wanted else None
        if made is None:  # nothing in kernels: the module as it is
            return {**{shape: self._as_it_is(shape) for shape in wanted}, **found}
        self.tried += rounds == 1
        for shape in wanted:
            found[shape] = self._timed(made.source, shape, rounds)
            self._known[repr(choices[shape]), shape] = found[shape], choices[shape]
        return found

    def _as_it_is(self, shape: int) -> float:
        if shape not in self._plain:
            self._plain[shape] = self._judge.times(self._judge.reference, shape, Ask(), AGAIN)
        return self._plain[shape]
