"""Candidates that put something around a module as it is: each is a class between `Model` and `ModelNew`.

A layer takes the `forward` of the one below and keeps its constructor, and so its weights and their names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from codeopt.agent.kernels.assemble import as_traced, kept
from codeopt.agent.kernels.graph import Graph, Node, Ref
from codeopt.agent.kernels.rewritten import Way, body, refused
from codeopt.agent.tasks.kernel import CANDIDATE, REFERENCE

HEAD = "import torch\n"
INDENT = "    "
CONVOLUTIONS = ("aten.conv2d.", "aten.conv_transpose2d.", "aten.convolution.")
IMAGE = 4  # dimensions
MOST_RECORDED = 16
GRAPHED = ("reduce-overhead", "max-autotune")
"""Modes of torch.compile that record CUDA graphs: the next call writes into the answers of the last."""
EACH = '''
def {each}(function, value):
    # To each tensor of an answer.
    if isinstance(value, torch.Tensor):
        return function(value)
    if isinstance(value, (tuple, list)):
        return getattr(type(value), "_make", type(value))([{each}(function, item) for item in value])
    return value
'''
LAID_OUT = '''
class {cls}({base}):
    # Images lie with their channels last, and so do the weights of convolutions; answers lie as they did.

    def __init__(self, *given, **named):
        super().__init__(*given, **named)
        for path in {weights}:
            weight = self.get_parameter(path)
            weight.data = weight.data.contiguous(memory_format=torch.channels_last)

    def forward(self, *given, **named):
        images = {images}
        given = [
            value.contiguous(memory_format=torch.channels_last) if place in images and value.dim() == 4 else value
            for place, value in enumerate(given)
        ]
        return {each}(torch.Tensor.contiguous, super().forward(*given, **named))
'''
REPLAYED = '''
class {cls}({base}):
    # The kernels of a call are recorded as one CUDA graph, and launched together from then on: its inputs are copied to where
    # they were recorded, and its answers from there, where the next call will write.

    def __init__(self, *given, **named):
        super().__init__(*given, **named)
        self.{recorded} = {{}}

    def _apply(self, *given, **named):
        self.{recorded} = {{}}  # weights move: a recording knows them by their addresses
        return super()._apply(*given, **named)

    def forward(self, *given, **named):
        like = [self.training]
        plain = not named and not torch.is_grad_enabled() and not torch.is_autocast_enabled()
        for value in given:
            if type(value) is torch.Tensor:
                plain = plain and value.is_cuda and value.layout == torch.strided
                like.append((value.shape, value.stride(), value.dtype, value.device))
            else:
                plain = plain and isinstance(value, (bool, int, float, str, type(None)))
                like.append((type(value), value if plain else None))
        like = tuple(like)
        if not plain or torch.cuda.is_current_stream_capturing() or (like not in self.{recorded} and len(self.{recorded}) >= {most}):
            return super().forward(*given, **named)
        if like not in self.{recorded}:
            self.{recorded}[like] = self.{record}(given)
        graph, held, answer = self.{recorded}[like]
        for own, value in zip(held, given):
            if isinstance(own, torch.Tensor):
                own.copy_(value)
        graph.replay()
        return {each}(torch.clone, answer)

    def {record}(self, given):
        held = [torch.empty_like(value).copy_(value) if isinstance(value, torch.Tensor) else value for value in given]
        statistics = [buffer.clone() for buffer in self.buffers()]
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):  # libraries choose and set up what may not be recorded
                super().forward(*held)
        torch.cuda.current_stream().wait_stream(stream)
        for buffer, before in zip(self.buffers(), statistics):
            buffer.copy_(before)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            answer = super().forward(*held)
        return graph, held, answer
'''
COMPILED = '''
{compiled} = torch.compile({base}.forward{options})


class {cls}({base}):
    def forward(self, *given, **named):
        return {compiled}(self, *given, **named)
'''
COPIED = '''
{compiled} = torch.compile({base}.forward{options})


class {cls}({base}):
    # The mode records CUDA graphs: the next call writes where the answers of this one lie.

    def forward(self, *given, **named):
        torch.compiler.cudagraph_mark_step_begin()
        return {each}(torch.clone, {compiled}(self, *given, **named))
'''


class Stack:
    """Layers on a module, as they are put on it.

    Args:
        source: The file that defines the module.

    Attributes:
        kinds: What each layer is. told: The same, for a person, in full.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._taken = set(re.findall(r"\w+", source)) | {CANDIDATE}
        self._layers: list[tuple[str, str]] = []  # the class's name, its text with {cls} and {base} filled in later
        self._names: dict[str, str] = {}
        self.kinds: list[str] = []
        self.told: list[str] = []

    def library(self, ways: Sequence[Way], what: str) -> Stack:
        """Library calls in the place of some operations, for calls that are like the ones that were traced."""
        return self._with("Rewritten", "library call", f"{what} in the place of its operations", _library(ways, self._name))

    def laid_out(self, weights: Sequence[str], images: Sequence[int]) -> Stack:
        """Channels last.

        Args:
            weights: Paths of parameters.
            images: Which arguments are images.
        """
        text = LAID_OUT.replace("{weights}", _tuple(weights)).replace("{images}", _tuple(images))
        return self._with("LaidOut", "channels last", "channels last", text)

    def replayed(self) -> Stack:
        """CUDA graphs."""
        return self._with("Replayed", "CUDA graph", "a CUDA graph", REPLAYED.replace("{most}", str(MOST_RECORDED)))

    def compiled(self, mode: str, static: bool) -> Stack:
        """torch.compile.

        Args:
            static: Each size is compiled apart.
        """
        options = ("" if mode == "default" else f', mode="{mode}"') + (", dynamic=False" if static else "")
        text = (COPIED if mode in GRAPHED else COMPILED).replace("{options}", options)
        return self._with("Compiled", "torch.compile", f"torch.compile({mode}){', each size apart' if static else ''}", text)

    def source(self) -> str:
        """The whole file."""
        parts, base = [], REFERENCE
        for index, (name, text) in enumerate(self._layers):
            cls = CANDIDATE if index == len(self._layers) - 1 else name
            parts.append(text.replace("{cls}", cls).replace("{base}", base).replace("{{}}", "{}"))
            base = cls
        each = [EACH.replace("{each}", self._names["each"])] if "each" in self._names else []
        note = f'"""{"; ".join(self.told)}"""\n'
        return "\n".join([note, kept(self._source, head=HEAD).rstrip() + "\n", *("\n" + part.strip() + "\n" for part in [*each, *parts])])

    def _name(self, name: str) -> str:
        """A name that the module's text does not have."""
        if name not in self._names:
            own = name
            while own in self._taken:
                own += "_"
            self._taken.add(own)
            self._names[name] = own
        return self._names[name]

    def _with(self, name: str, kind: str, told: str, text: str) -> Stack:
        made = Stack(self._source)
        made._taken, made._names = set(self._taken), dict(self._names)
        for part in ("each", "recorded", "record", "compiled"):
            if f"{{{part}}}" in text:
                text = text.replace(f"{{{part}}}", made._name(part))
        made._layers = [*self._layers, (made._name(name), text)]
        made.kinds, made.told = [*self.kinds, kind], [*self.told, told]
        return made


def images(graph: Graph) -> tuple[tuple[str, ...], tuple[int, ...]] | None:
    """(weights of convolutions, arguments from which they come), None where nothing is convolved in two dimensions."""
    named = {node.name: node for node in graph.nodes}
    weights, stack = [], []
    for node in graph.nodes:
        if node.op.startswith(CONVOLUTIONS) and len(node.shape) == IMAGE:
            stack += [arg.name for arg in node.args[:1] if isinstance(arg, Ref)]
            weight = named.get(node.args[1].name) if isinstance(node.args[1], Ref) else None
            if weight is not None and weight.kind == "PARAMETER" and len(weight.shape) == IMAGE:
                weights.append(weight.path)
    if not stack:
        return None
    seen: set[str] = set()
    while stack:
        name = stack.pop()
        if name not in seen:
            seen.add(name)
            stack += [arg.name for arg in _read(named[name])]
    given = [node.position for node in graph.inputs if node.name in seen and len(node.shape) == IMAGE]
    return tuple(dict.fromkeys(weights)), tuple(given)


def _read(node: Node) -> list[Ref]:
    args = [*node.args, *node.kwargs.values()]
    return [item for arg in args for item in (arg if isinstance(arg, list) else [arg]) if isinstance(item, Ref)]


def _tuple(values: Sequence[object]) -> str:
    return f"({', '.join(map(repr, values))}{',' if len(values) == 1 else ''})"


def _library(ways: Sequence[Way], named: Callable[[str], str]) -> str:
    """The class that goes other ways where a call fits."""
    given = ", ".join(ways[0].given)
    lines = ["class {cls}({base}):"]
    facts = [way.graph.facts for way in ways]
    if any(facts):
        lines += ["    def __init__(self, *given, **named):", "        super().__init__(*given, **named)"]
        lines.append("        # What was traced holds for these values alone.")
        lines += [f"        self.{named('fits')} = [{', '.join(map(as_traced, facts))}]", ""]
    lines.append(f"    def forward(self, {given}):")
    for number, way in enumerate(ways):
        tests = [*refused(way), *([f"not self.{named('fits')}[{number}]"] if way.graph.facts else [])]
        lines += ["        if not (", *(f"            {'or ' if i else ''}{test}" for i, test in enumerate(tests)), "        ):"]
        lines.append(f"            return self.{named('way')}_{number}({given})")
    lines += [f"        return super().forward({given})", ""]
    for number, way in enumerate(ways):
        lines.append(f"    def {named('way')}_{number}(self, {given}):")
        lines += [*(INDENT * 2 + line for line in body(way)), ""]
    return "\n".join(lines)
