"""From a module's graph to whole candidates: the module itself, with kernels of its own where it had torch's.

A candidate keeps the class as it was written, and so its weights; `ModelNew` is made from it and overrides `forward`. What
the kernels were not made for (other types, other fixed sizes, gradients) goes to the forward as it was written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from codeopt.agent.kernels import attention, forward, host, matmul
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
    config: Mapping[str, int | str]


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
        flash = attention.attentions(plan)
        products = {name: one for name, one in matmul.products(plan).items() if name not in flash}
        heads = attention.configs(flash) if flash else ()
        tiles = matmul.configs(products) if products else ()
        # What costs the most comes first: attentions, then products, then what surrounds them.
        tried: list[tuple[host.Config, matmul.Config | None, attention.Config | None]] = []
        tried += [(host.CONFIGS[0], None, head) for head in heads]
        tried += [(host.CONFIGS[0], tile, heads[0] if heads else None) for tile in tiles]
        tried += [(config, None, None) for config in host.CONFIGS]
        for config, tile, head in tried:
            made = forward.candidate(graph, source, plan, config, tile, head)
            if made is not None:
                every = {**config, **{f"tile_{key}": number for key, number in (tile or {}).items()}}
                every |= {f"head_{key}": number for key, number in (head or {}).items()}
                yield KernelProposal(made.source, made.note, made.rule, {key: every[key] for key in made.keys})
    except Unsupported:
        return
