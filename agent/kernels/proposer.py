"""The rules for kernels as a proposer: templates that fit the module's graph, tuned, then proposed one by one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

from codeopt.agent.budget import Budget
from codeopt.agent.kernels.graph import Unsupported, read
from codeopt.agent.kernels.rules import KernelProposal, proposals
from codeopt.agent.kernels.shop import KernelShop
from codeopt.agent.kernels.tuner import Tuner, Variant
from codeopt.agent.proposers.base import ProposeContext
from codeopt.sandbox.kernels.judge import KernelJudge
from codeopt.sandbox.kernels.subject import Failure
from codeopt.types import Proposal

GRAPH_S = 120.0


class KernelRules:
    """Own kernels for the module as it is; it has no ideas about other people's.

    Args:
        shop, judge: The reference is asked for its graph, variants are timed.
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

    def check(self, budget: Budget) -> None:
        """Rules need nothing."""

    def propose(self, context: ProposeContext) -> Iterator[Proposal]:
        """The fastest variant of each template, the fastest of all first."""
        if context.source != self._shop.baseline_source():
            return
        found = self._variants(context)
        if not found:
            self._say(context, "no template fits this module")
            return
        tuner = Tuner(self._shop, self._judge, self._shapes, self._stop)
        try:
            ranked = tuner.ranked(list(found))
        finally:
            tuner.close()
        self._tell(context, ranked)
        done: set[str] = set()
        for variant in ranked:
            made = found[variant.source]
            if math.isfinite(variant.seconds) and made.rule not in done:
                done.add(made.rule)
                config = ", ".join(f"{key} {value}" for key, value in made.config.items())
                note = f"{made.note} ({config})" if config else made.note
                yield Proposal(source=made.source, proposer=self.name, rule=made.rule, note=note)

    def _variants(self, context: ProposeContext) -> dict[str, KernelProposal]:
        """By their text; from the graphs of all shapes, for types may differ between them."""
        found: dict[str, KernelProposal] = {}
        for shape in self._shapes:
            reference = self._judge.reference
            try:
                graph = read(reference.at(shape).graph(reference.texts[shape], GRAPH_S))
            except (*Failure, Unsupported) as error:
                told = getattr(error, "evidence", "") or str(error)
                self._say(context, f"shape {shape} has no graph: {told.strip().splitlines()[-1][:200] if told.strip() else error}")
                continue
            for made in proposals(graph, self._shop.baseline_source()):
                found.setdefault(made.source, made)
        return found

    def _tell(self, context: ProposeContext, ranked: Sequence[Variant]) -> None:
        working = [variant for variant in ranked if math.isfinite(variant.seconds)]
        best = f", the fastest {working[0].seconds * 1e6:.1f} µs a call" if working else ""
        self._say(context, f"{len(ranked)} variants tuned, {len(working)} of them work{best}")
        for variant in ranked:
            if variant.evidence and not working:
                self._say(context, f"a variant fails: {variant.evidence.strip().splitlines()[-1][:300]}")
                return

    def _say(self, context: ProposeContext, line: str) -> None:
        if context.trace is not None:
            context.trace.note(line)
