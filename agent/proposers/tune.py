"""Launch parameters of Triton kernels. It needs no model; `codeopt.agent.kernels.tune` does the work on a kernel's task."""

from __future__ import annotations

from codeopt.agent.proposers.base import ForKernels, ProposerSettings


def create(settings: ProposerSettings) -> ForKernels:
    """The proposer; it has no settings."""
    return ForKernels("tune", "changes launch parameters of Triton kernels")
