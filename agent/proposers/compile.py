"""What compilers and libraries make of a module. It needs no model; `codeopt.agent.kernels.compiled` does the work."""

from __future__ import annotations

from codeopt.agent.proposers.base import ForKernels, ProposerSettings


def create(settings: ProposerSettings) -> ForKernels:
    """The proposer; it has no settings."""
    return ForKernels("compile", "puts torch.compile and the like around PyTorch modules")
