"""What compilers and libraries make of a module. It needs no model; `codeopt.agent.kernels.compiled` does the work."""

from __future__ import annotations

from collections.abc import Iterator

from codeopt.agent.budget import Budget
from codeopt.agent.proposers.base import ProposeContext, ProposerSettings
from codeopt.errors import UserError
from codeopt.types import Proposal


class Compile:
    """Stands for it until the task is known."""

    name = "compile"
    host = ""
    ended = ""

    def check(self, budget: Budget, kind: str) -> None:
        """Raises UserError where the task is no kernel."""
        if kind != "kernel":
            raise UserError("--proposer compile puts torch.compile and the like around PyTorch modules, and this is none", "leave compile out")

    def close(self) -> None:
        """It starts nothing."""

    def propose(self, context: ProposeContext) -> Iterator[Proposal]:
        """Nothing: a kernel's run puts the proposer for its task in its place."""
        return iter(())


def create(settings: ProposerSettings) -> Compile:
    """The proposer; it has no settings."""
    return Compile()
