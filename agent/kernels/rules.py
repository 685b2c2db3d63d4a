"""From a module's graphs to candidates: the module itself, with kernels of its own where it had torch's."""

from __future__ import annotations

from dataclasses import replace

from codeopt.agent.kernels import attention, host, matmul, topk
from codeopt.agent.kernels.assemble import Made, Part, candidate
from codeopt.agent.kernels.forward import Choice
from codeopt.agent.kernels.graph import MOST, Graph, Unsupported, read, too_large
from codeopt.agent.kernels.lower import lowered
from codeopt.agent.kernels.plan import planned
from codeopt.sandbox.kernels.session import KernelSession

TUNED = ("heads", "tiles", "config")
"""What costs the most comes first."""


class Template:
    """What the rules make of one graph.

    Args:
        graph: The module's, as it would be called. Raises Unsupported where it is beyond the rules.

    Attributes:
        starts: Choices to begin with: everything in own kernels, then with more and more left to torch; with a large and a
            small tile each, for which of them suits decides about the rest.
    """

    def __init__(self, graph: Graph) -> None:
        if len(graph.nodes) > MOST:
            raise too_large()
        self.graph = graph
        self.plan = planned(lowered(graph))
        vectors = lowered(graph, vectors=True)
        self._vectors = self.plan if vectors.values == self.plan.program.values else planned(vectors)
        flash = attention.attentions(self.plan)
        heads = attention.configs(flash) if flash else ()
        products = matmul.products(self.plan)
        self._heads, self._tiles = heads, matmul.configs(self.plan) if products else ()
        within = {one.scores.name for one in flash.values() if one.scores is not None}
        tile = self._tiles[0] if set(products) - set(flash) - within else None
        head, config = heads[0] if heads else None, host.CONFIGS[0]
        whole = bool(tile) and matmul.products(self.plan, True) != products
        found = [Choice(config, tile, head, True)] if whole else []
        found += [Choice(config, tile, head), Choice(config, None, head), Choice(config, self._tiles[0] if products else None), Choice(config)]
        if self._vectors is not self.plan:
            found.insert(-1, replace(found[0], vectors=True))
        if topk.selections(self.plan):
            found = [*(replace(choice, selections=True) for choice in found), found[-1]]
        found = [other for choice in found for other in self._sized(choice)]
        self.starts: list[Choice] = [choice for i, choice in enumerate(found) if choice not in found[:i]]

    @property
    def left(self) -> int:
        """How many operations no template is for."""
        known = {*attention.attentions(self.plan), *matmul.products(self.plan), *topk.selections(self.plan)}
        return sum(value.kind == "host" and "." in value.op and value.name not in known for value in self.plan.program.values.values())

    def _sized(self, choice: Choice) -> list[Choice]:
        tiles = [self._tiles[i * (len(self._tiles) - 1) // 2] for i in range(3)] if choice.tiles else [None]
        heads = [self._heads[0], self._heads[-1]] if choice.heads else [None]
        return [replace(choice, tiles=tile, heads=head) for head in heads for tile in (tiles if head is heads[0] else tiles[:1])]

    def part(self, choice: Choice) -> Part:
        """The template with numbers in it."""
        return Part(self.graph, self._vectors if choice.vectors else self.plan, choice)

    def others(self, choice: Choice, name: str) -> list[Choice]:
        """A choice with other numbers for its fused kernels ("config"), products ("tiles") or attentions ("heads").

        What is left to torch stays there.
        """
        if name == "heads":
            return [replace(choice, heads=value) for value in self._heads] if choice.heads else [choice]
        if name == "tiles":
            return [replace(choice, tiles=value) for value in self._tiles] if choice.tiles else [choice]
        configs = host.CONFIGS[:1] if choice.selections else host.CONFIGS  # a selection takes seconds to compile
        return [replace(choice, config=value) for value in configs]


def traced(session: KernelSession, text: str, seconds: float) -> Template:
    """What the rules make of the module at a shape: with its weights' sizes left open, unless that leaves more to torch.

    Raises Unsupported where it is beyond the rules; Refused, Broken.
    """
    opened = Template(read(session.graph(text, seconds)))
    if not opened.left or not opened.graph.weights:
        return opened
    closed = Template(read(session.graph(text, seconds, opened=False)))
    return closed if closed.left < opened.left else opened


def untuned(graph: Graph, source: str) -> list[Made]:
    """Candidates for a module at one shape, the likeliest first; [] where no rule fits.

    Args:
        source: The file that defines the module.
    """
    try:
        template = Template(graph)
    except Unsupported:
        return []
    found: dict[str, Made] = {}
    for choice in template.starts:
        made = candidate(source, [template.part(choice)])
        if made is not None:
            found.setdefault(made.source, made)
    return list(found.values())
