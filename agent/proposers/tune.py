"""Launch parameters of Triton kernels. It needs no model; `codeopt.agent.kernels.tune` does the work on a kernel's task."""

from __future__ import annotations

from collections.abc import Iterator

from codeopt.agent.budget import Budget
from codeopt.agent.proposers.base import ProposeContext, ProposerSettings
from codeopt.errors import UserError
from codeopt.types import Proposal


class Tune:
    """Stands for the tuner until the task is known."""

    name = "tune"
    host = ""
    ended = ""

    def check(self, budget: Budget, kind: str) -> None:
        """Raises UserError where the task is no kernel."""
        if kind != "kernel":
            raise UserError("--proposer tune changes launch parameters of Triton kernels, and this is none", "leave tune out")

    def close(self) -> None:
        """It starts nothing."""

    def propose(self, context: ProposeContext) -> Iterator[Proposal]:
        """Nothing: a kernel's run puts the tuner in its place."""
        return iter(())


def create(settings: ProposerSettings) -> Tune:
    """The proposer."""
    return Tune()
