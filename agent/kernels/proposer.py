"""The rules for kernels as a proposer: templates that fit the module's graphs, tuned, then proposed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

from codeopt.agent.budget import Budget
from codeopt.agent.kernels.assemble import Made
from codeopt.agent.kernels.graph import Unsupported
from codeopt.agent.kernels.rules import Template, traced
from codeopt.agent.kernels.shop import KernelShop
from codeopt.agent.kernels.tuner import Tuner
from codeopt.agent.proposers.base import ProposeContext
from codeopt.sandbox.kernels.judge import KernelJudge
from codeopt.sandbox.kernels.subject import Failure
from codeopt.types import Proposal

GRAPH_S = 120.0


class KernelRules:
    """Own kernels for the reference, once; it has no ideas about other people's.

    Args:
        shop, judge: The reference is asked for its graphs, variants are timed.
        shapes: Numbers of the shapes that a search may see.
        stop: Ends the tuning early.
    """

    name = "rules"
    host = ""
    ended = ""

    def __init__(
        self, shop: KernelShop, judge: KernelJudge, shapes: Sequence[int], stop: Callable[[], bool] = lambda: False
    ) -> None:
        self._shop, self._judge, self._shapes, self._stop = shop, judge, list(shapes), stop
        self._found: dict[int, Template] | None = None
        self._lines: list[str] = []
        self._proposed = False

    def check(self, budget: Budget, kind: str) -> None:
        """Rules need nothing."""

    def close(self) -> None:
        """Sessions are the run's."""

    def propose(self, context: ProposeContext) -> Iterator[Proposal]:
        """The fastest choice for each shape, in one file."""
        if self._proposed:
            return
        self._proposed = True
        templates = self.prepare()
        for line in self._lines:
            self._say(context, line)
        if not templates:
            self._say(context, "no template fits this module")
            return
        tuner = Tuner(self._shop, self._judge, templates, self._stop)
        try:
            choices, seconds = tuner.best()
        finally:
            tuner.close()
        working = {shape: choice for shape, choice in choices.items() if math.isfinite(seconds[shape])}
        told = ", ".join(f"shape {shape} {seconds[shape] * 1e6:.1f} µs" for shape in working)
        self._say(context, f"{tuner.tried} variants tried: {told or 'none of them works'}")
        if tuner.evidence and len(working) < len(choices):
            self._say(context, f"a variant fails: {tuner.evidence.strip().splitlines()[-1][:300]}")
        made = (tuner.made(working) if working else None) or tuner.own()  # slower ones are judged, too: the run shows by how much
        if made is not None:
            yield self._proposal(made)

    def _proposal(self, made: Made) -> Proposal:
        configs = dict.fromkeys(", ".join(f"{key} {value}" for key, value in config.items()) for config in made.config)
        return Proposal(source=made.source, proposer=self.name, rule=made.rule, note=f"{made.note} ({' | '.join(configs)})")

    def prepare(self) -> dict[int, Template]:
        """What fits, for each shape that has a graph within the rules; found out once."""
        if self._found is None:
            self._found = {}
            for shape in self._shapes:
                reference = self._judge.reference
                try:
                    self._found[shape] = traced(reference.at(shape), reference.texts[shape], GRAPH_S)
                except (*Failure, Unsupported) as error:
                    told = getattr(error, "evidence", "") or str(error)
                    self._lines.append(f"shape {shape}: {told.strip().splitlines()[-1][:200] if told.strip() else error}")
        return self._found

    def _say(self, context: ProposeContext, line: str) -> None:
        if context.trace is not None:
            context.trace.note(line)
