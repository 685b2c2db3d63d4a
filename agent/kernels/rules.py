"""From a module's graph to whole candidates: the module itself, with kernels of its own where it had torch's.

A candidate keeps the class as it was written, and so its weights; `ModelNew` is made from it and overrides `forward`. What
the kernels were not made for (other types, other fixed sizes, gradients) goes to the forward as it was written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from codeopt.agent.kernels import forward, host
from codeopt.agent.kernels.graph import Graph, Unsupported
from codeopt.agent.kernels.lower import lowered
from codeopt.agent.kernels.plan import planned


@dataclass(frozen=True)
class KernelProposal:
    """A candidate's text, and what it is.

    Attributes:
        source: The whole file.
        note: What was put together, and why that should be faster.
        rule: Name of the template.
        config: The tuned numbers in it.
    """

    source: str
    note: str
    rule: str
    config: Mapping[str, int]


def proposals(graph: Graph, source: str) -> list[KernelProposal]:
    """Candidates for a module, the likeliest first; [] where no rule fits.

    Args:
        graph: The module's, as it would be called.
        source: The file that defines `Model`.
    """
    found: dict[str, KernelProposal] = {}
    for proposal in _all(graph, source):
        found.setdefault(proposal.source, proposal)
    return list(found.values())


def _all(graph: Graph, source: str) -> Iterator[KernelProposal]:
    try:
        plan = planned(lowered(graph))
    except Unsupported:
        return
    for config in host.CONFIGS:
        try:
            made = forward.candidate(graph, source, plan, config)
        except Unsupported:
            return
        if made is None:
            return
        yield KernelProposal(made.source, made.note, made.rule, {key: config[key] for key in made.keys})
