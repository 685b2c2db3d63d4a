"""torch.compile, CUDA graphs, memory formats and library calls as a proposer: each a candidate of its own, around the module.

What is compared already is not proposed: a mode of torch.compile that is a rival would tie with itself. It comes with something
that is new: another layout, a library's call, each size compiled apart, CUDA graphs. A candidate is compiled in its own
session before anything is timed, within what is left of the time.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from codeopt.agent.budget import Budget
from codeopt.agent.kernels.assemble import alike
from codeopt.agent.kernels.calls import calls
from codeopt.agent.kernels.graph import Graph, Unsupported, read
from codeopt.agent.kernels.layers import Stack, images
from codeopt.agent.kernels.proposer import GRAPH_S
from codeopt.agent.kernels.rewritten import Way, rewritten
from codeopt.agent.kernels.shop import MOST_WARMING, KernelShop
from codeopt.agent.kernels.verify import EAGER, Examiner, named, said_last
from codeopt.agent.proposers.base import ProposeContext
from codeopt.sandbox import stats
from codeopt.sandbox.kernels.judge import geometric
from codeopt.sandbox.kernels.session import Side
from codeopt.sandbox.kernels.subject import Failure, KernelSubject
from codeopt.types import Proposal

SEED = 1
PROFILE_S = 60.0
SHARE = 0.6  # of the time that a search has left: what is compiled at a time may take it
TUNING = 3.0  # times as long as without autotuning
RECORDS = {"default": "reduce-overhead", "max-autotune-no-cudagraphs": "max-autotune"}
"""Modes of torch.compile, and the same with CUDA graphs."""
AUTOTUNED = "max-autotune-no-cudagraphs"


@dataclass(frozen=True)
class Idea:
    """A candidate before it is compiled.

    Attributes:
        stack: What it is.
        like: The rival that takes as long to compile; "" where nothing is compiled.
        longer: Or so many times as long.
    """

    stack: Stack
    like: str = ""
    longer: float = 1.0

    @property
    def told(self) -> str:
        """For a person."""
        return ", then ".join(self.stack.told)


class KernelCompile:
    """What compilers and libraries make of the reference, once.

    Args:
        shop: Makes sessions.
        examiner: Knows the rivals, once they are measured.
        shapes: Numbers of the shapes that a search may see.
        time_left: Seconds that the search has yet.
        kept_s: Seconds that the decision on all shapes has.
    """

    name = "compile"
    host = ""
    ended = ""

    def __init__(
        self,
        shop: KernelShop,
        examiner: Examiner,
        shapes: Sequence[int],
        time_left: Callable[[], float] = lambda: math.inf,
        kept_s: float = math.inf,
    ) -> None:
        self._shop, self._examiner, self._judge = shop, examiner, examiner.judge
        self._shapes, self._time_left, self._kept_s = list(shapes), time_left, kept_s
        self._ideas: list[Idea] | None = None
        self._ready: list[tuple[Idea, KernelSubject]] = []
        self._lines: list[str] = []

    def check(self, budget: Budget, kind: str) -> None:
        """It needs nothing."""

    def close(self) -> None:
        """Sessions are the run's."""

    def propose(self, context: ProposeContext) -> Iterator[Proposal]:
        """One candidate after the other, each compiled. It goes on where it was left."""
        if self._ideas is None:
            self._ideas = self.ideas()
            self._say(context)
        while self._ready or self._ideas:
            if not self._ready:
                self._ready = self._compiled(self._ideas)
                self._say(context)
                continue
            idea, subject = self._ready.pop(0)
            source = idea.stack.source()
            self._shop.offer(source, subject)
            try:
                yield Proposal(source=source, proposer=self.name, rule="+".join(idea.stack.kinds), note=idea.told)
            finally:
                self._shop.withdraw(source)
                if self._time_left() <= 0 and self._ideas:
                    self._lines.append(f"left out for want of time: {'; '.join(other.told for other in self._ideas)}")
                    self._ideas = []
                    self._say(context)

    def _say(self, context: ProposeContext) -> None:
        lines, self._lines = self._lines, []
        if context.trace is not None:
            for line in lines:
                context.trace.note(line)

    # --- what could be tried ------------------------------------------------------------------------------

    def ideas(self) -> list[Idea]:
        """Candidates, those first that take no time to compile. Raises UserError where the reference fails."""
        rivals = self._examiner.rivals()
        modes = [mode for mode in self._examiner.compiled if mode in rivals]
        for mode in self._examiner.compiled:
            if mode not in rivals:
                self._lines.append(f"{named(mode)} is not compared: nothing is built on it")
        plain, static = Stack(self._shop.kernel.source), len(self._examiner.shapes) > 1
        others, alone = self._others(plain)
        found = [Idea(other) for other in others]
        cuda = self._shop.device == "cuda"
        if cuda and alone:
            found += self._replayed(plain, others)
        found += [Idea(other.compiled(mode, static), mode) for mode in modes for other in others]
        if not cuda and modes:  # no rival there
            found += [Idea(other.compiled(AUTOTUNED, static), modes[0], TUNING) for other in (plain, *others)]
        if static:
            found += [Idea(plain.compiled(mode, static), mode) for mode in modes]
        if cuda and alone:
            found += [Idea(plain.compiled(RECORDS[mode], static), mode) for mode in modes if mode in RECORDS and self._pays(mode)]
        return found

    def _others(self, plain: Stack) -> tuple[list[Stack], bool]:
        """The module in other forms, and whether its calls leave its arguments alone: only then they may be copied."""
        try:
            plans = [self._judge.plan(shape) for shape in self._shapes]
        except Failure:
            return [], False
        alone = not any(plan.changed or plan.alias for plan in plans)
        graphs: list[Graph] = []
        for shape in self._shapes:
            reference = self._judge.reference
            try:
                graph = read(reference.at(shape).graph(reference.texts[shape], GRAPH_S))
            except (*Failure, Unsupported) as error:
                told = getattr(error, "evidence", "") or str(error)
                self._lines.append(f"shape {shape}: no graph, so no library calls: {(told.strip().splitlines() or [''])[-1][:200]}")
                continue
            if all(alike(graph) != alike(other) for other in graphs):
                graphs.append(graph)
        found = []
        library = self._library(plain, graphs)
        if library is not None:
            found.append(library)
        convolved = images(graphs[0]) if graphs and alone else None
        if convolved is not None:
            found.append((library or plain).laid_out(*convolved))
        return found, alone

    def _library(self, plain: Stack, graphs: Sequence[Graph]) -> Stack | None:
        """The module with library calls, where some fit."""
        ways: list[Way] = []
        told: dict[str, None] = {}
        for graph in graphs:
            made = calls(graph)
            if made:
                try:
                    ways.append(rewritten(graph, made))
                except Unsupported as error:
                    self._lines.append(f"library calls would fit, and {error} keeps them out")
                    continue
                told.update(dict.fromkeys(call.what for call in made.values()))
        return plain.library(ways, ", ".join(told)) if ways else None

    def _replayed(self, plain: Stack, others: Sequence[Stack]) -> list[Idea]:
        """CUDA graphs around the module, and around other forms of it, where time is lost between kernels."""
        found = [Idea(plain.replayed())] if self._pays(EAGER) else []
        if self._gain(EAGER, EAGER) >= math.exp(stats.MARGIN):
            found += [Idea(other.replayed()) for other in others]
        return found

    def _pays(self, mode: str) -> bool:
        """Whether a rival, launched as one, could be faster than the fastest: by no more than what is between its kernels."""
        pays = self._gain(mode, self._examiner.fastest()) >= math.exp(stats.MARGIN)
        if not pays:
            self._lines.append(f"no CUDA graph of {named(mode)}: its kernels alone take as long as the fastest rival")
        return pays

    def _gain(self, mode: str, rival: str) -> float:
        """How many times faster than one rival another can be without what is between its kernels; infinite where it cannot be said."""
        rivals = self._examiner.rivals()
        subject, busy = rivals[mode][0], []
        try:
            for shape in self._shapes:
                rows = subject.at(shape).profile(subject.texts[shape], SEED, PROFILE_S)
                busy.append(sum(seconds for _, seconds, _ in rows))
        except Failure:
            return math.inf
        if not all(busy):
            return math.inf
        return geometric([rivals[rival][1][shape] for shape in self._shapes]) / geometric(busy)

    # --- compiling ----------------------------------------------------------------------------------------

    def _compiled(self, ideas: list[Idea]) -> list[tuple[Idea, KernelSubject]]:
        """The next few that compile in time, in sessions of their own; they are taken from `ideas`.

        On the processor one at a time: all sessions have the same core.
        """
        most = MOST_WARMING if self._shop.device == "cuda" else 1
        allowed = SHARE * self._time_left()
        chosen: list[tuple[Idea, KernelSubject]] = []
        while ideas and len(chosen) < most and (not chosen or bool(ideas[0].like) == bool(chosen[0][0].like)):
            idea = ideas.pop(0)
            needed, in_all = self._needed(idea, self._shapes), self._needed(idea, self._examiner.shapes)
            if allowed <= 0 or needed > allowed or in_all > self._kept_s:
                self._lines.append(f"left out for want of time: {idea.told} (about {max(needed, in_all):.0f} s to compile)")
                continue
            subject = self._shop.subject(Side(*self._shop.kernel.module(idea.stack.source())))
            self._shop.warm(subject, self._shapes)
            chosen.append((idea, subject))
        until, ready = time.monotonic() + allowed, []
        for idea, subject in chosen:
            try:
                if self._shop.warmed(subject, None if allowed == math.inf else max(1.0, until - time.monotonic())):
                    ready.append((idea, subject))
                    continue
                self._lines.append(f"left out for want of time: {idea.told} was not compiled after {allowed:.0f} s")
            except Failure as error:
                self._lines.append(f"{idea.told} fails: {said_last(error)[:300]}")
            self._shop.forget(subject)
        return ready

    def _needed(self, idea: Idea, shapes: Sequence[int]) -> float:
        """Seconds that it will take to compile for some shapes, by what the rival took."""
        if not idea.like:
            return 0.0
        known = self._examiner.rivals()[idea.like][0].compile_s
        return idea.longer * sum(known.get(shape, 0.0) for shape in shapes)
