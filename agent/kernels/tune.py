"""Launch parameters of a Triton or CUDA kernel as a proposer: other numbers in the text as it is, by successive halving.

Each round begins with every variant that differs from the best in one number, and with the one that takes the best value of
each number that seemed to gain; all are timed once, the better half again with twice the regions, and so on to the last two
(Jamieson and Talwalkar, "Non-stochastic Best Arm Identification and Hyperparameter Optimization", AISTATS 2016). The text that
comes out is judged like any candidate, by the sequential test and in a session of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

from codeopt.agent.budget import Budget
from codeopt.agent.kernels.launch import Number, cuda_numbers, edited, numbers, told
from codeopt.agent.kernels.shop import KernelShop
from codeopt.agent.kernels.tuner import Trials
from codeopt.agent.proposers.base import ProposeContext
from codeopt.sandbox.kernels.judge import KernelJudge
from codeopt.types import Proposal

RULE = "launch parameters"
PAYS = 0.99  # of the best so far: less is no step
Values = dict[Number, int]


class KernelTune(Trials):
    """Tunes the text of a parent, unless rules wrote it: they tune their own.

    Args:
        shop, judge: As of `Trials`.
        shapes: Numbers of the shapes that a search may see.
        stop: Ends the tuning early.
    """

    name = "tune"
    host = ""
    ended = ""

    def __init__(
        self, shop: KernelShop, judge: KernelJudge, shapes: Sequence[int], stop: Callable[[], bool] = lambda: False
    ) -> None:
        super().__init__(shop, judge)
        self._shapes, self._stop = list(shapes), stop
        self._done: set[str] = set()

    def check(self, budget: Budget, kind: str) -> None:
        """It needs nothing."""

    def close(self) -> None:
        """Sessions are the run's."""

    def propose(self, context: ProposeContext) -> Iterator[Proposal]:
        """The text with the numbers that were the fastest, if others than its own were."""
        found = cuda_numbers(context.source) if self._shop.kernel.is_cuda else numbers(context.source)
        if not found or context.source in self._done or context.parent.proposal.proposer == "rules":
            return
        self._done.add(context.source)
        try:
            best = self._best(context.source, found)
        finally:
            self.close()
        changed = told(best)
        if context.trace is not None:
            context.trace.note(f"{self.tried} launches tried: {changed or 'none is faster'}")
        if changed:
            source = edited(context.source, best)
            self._done.add(source)
            yield Proposal(source=source, proposer=self.name, rule=RULE, note=changed)

    def _best(self, source: str, found: Sequence[Number]) -> Values:
        """Climb from the numbers as they are until no variant pays."""
        known: dict[tuple[tuple[Number, int], ...], float] = {}

        def cost(values: Values) -> float:
            return known.get(tuple(values.items()), math.inf)

        def time(values: Values, rounds: int) -> None:
            """Note the geometric mean of a call's seconds over the shapes; of what fails, infinity."""
            if self._stop():
                return
            self.tried += tuple(values.items()) not in known
            logs, text = [], self._shop.kernel.module(edited(source, values))[0]
            for shape in self._shapes:
                logs.append(math.log(self._timed(text, shape, rounds)))
                if logs[-1] == math.inf:
                    break
            known[tuple(values.items())] = math.exp(sum(logs) / len(logs))

        best: Values = {number: number.value for number in found}
        while not self._stop():
            time(best, 2)
            limit = PAYS * cost(best)
            rivals = [{**best, number: other} for number in found for other in number.others if other != best[number]]
            rivals = [values for values in rivals if tuple(values.items()) not in known]
            for values in rivals:
                time(values, 1)
            rivals.sort(key=cost)
            together = dict(best)
            for values in reversed(rivals):  # of each number the best value comes last
                if cost(values) < limit:
                    together |= {number: value for number, value in values.items() if value != best[number]}
            if tuple(together.items()) not in known:
                time(together, 1)
                rivals.append(together)
            rounds = 2
            while len(rivals) > 1:
                rivals = sorted(rivals, key=cost)[: len(rivals) // 2]
                for values in rivals:
                    if cost(values) < math.inf:
                        time(values, rounds)
                rounds *= 2
            if not rivals or cost(rivals[0]) >= limit:
                break
            best = rivals[0]
        return best
