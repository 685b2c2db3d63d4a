"""A module's graph as Python text: the operations as torch.export wrote them down, library calls in the place of some.

Names are let go after their last use, as they are in a function that was written by hand.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from codeopt.agent.kernels import words
from codeopt.agent.kernels.calls import Call
from codeopt.agent.kernels.forward import TAKEN, sizes
from codeopt.agent.kernels.graph import Expr, Graph, Node, Ref, Unsupported, attribute
from codeopt.agent.kernels.ir import flat

ON_SIZES = {
    "add", "sub", "mul", "truediv", "floordiv", "pow", "neg", "mod", "eq", "ne", "ge", "gt", "le", "lt", "and_", "or_", "sym_float",
    "sym_int", "sym_sum", "sym_max", "sym_min", "sym_not", "_sym_sqrt",
}  # fmt: skip
"""Operations on sizes: what they come to stands in the arguments that need it."""
KEPT = ("batch_norm", "instance_norm")
"""They may keep statistics."""
OTHER = re.compile(r"torch\.(?:strided|\w+_format)")


@dataclass(frozen=True)
class Way:
    """The body of a method.

    Attributes:
        given: The module's arguments. sizes: Lines that name the sizes.
        tests: That a call is another than was traced.
        lines: What is done; answer: What it answers with.
        graph: What was traced.
    """

    graph: Graph
    given: tuple[str, ...]
    sizes: tuple[str, ...]
    tests: tuple[str, ...]
    lines: tuple[str, ...]
    answer: str


def rewritten(graph: Graph, calls: Mapping[str, Call]) -> Way:
    """The graph with library calls in it. Raises Unsupported where it has no such text."""
    return _Rewriter(graph, calls).run()


class _Rewriter:
    def __init__(self, graph: Graph, calls: Mapping[str, Call]) -> None:
        self.graph, self.calls = graph, calls
        self.named = {node.name: node for node in graph.nodes}
        self.names: dict[str, str] = {node.name: node.name for node in graph.inputs}
        self.read: set[str] = set()

    def run(self) -> Way:
        wanted = self._wanted()
        left = {name: sum(name in self._uses(self.named[other]) for other in wanted) for name in wanted}
        answers = {ref.name for ref in self.graph.outputs}
        lines: list[str] = []
        for node in self.graph.nodes:
            if node.name not in wanted or node.kind != "CALL":
                continue
            text = self._call(node)
            self.names[node.name] = self._fresh(node.name)
            lines.append(f"{self.names[node.name]} = {text}")
            gone = []
            for name in dict.fromkeys([*self._uses(node), node.name]):
                left[name] -= name != node.name
                if not left[name] and name not in answers and self.named[name].kind == "CALL":
                    gone.append(self.names[name])
            lines += [f"del {', '.join(gone)}"] if gone else []
        found = [self._text(ref) for ref in self.graph.outputs]
        answer = found[0] if self.graph.single else f"({', '.join(found)},)"
        needs = [need for name, call in self.calls.items() if name in wanted for need in call.needs]
        named, tests = sizes(self.graph, self.graph.symbols, self.read, needs)
        return Way(self.graph, tuple(node.name for node in self.graph.inputs), tuple(named), tuple(tests), tuple(lines), answer)

    def _uses(self, node: Node) -> list[str]:
        """Nodes that a node needs."""
        if node.name in self.calls:
            return list(self.calls[node.name].uses)
        return list(dict.fromkeys(arg.name for arg in _refs(node)))

    def _wanted(self) -> set[str]:
        """What has to be done: all that an answer needs, and what keeps something. Raises Unsupported."""
        stack = [ref.name for ref in self.graph.outputs]
        for node in self.graph.nodes:
            if node.kind != "CALL":
                continue
            if not node.op.startswith("aten.") and node.op not in ON_SIZES | {"getitem"}:
                raise Unsupported(f"the operation {node.op}")
            if _in_place(node):
                held: Node | None = node
                while held is not None and held.kind == "CALL" and _in_place(held):
                    held = self.named[held.args[0].name] if isinstance(held.args[0], Ref) else None
                if held is None or held.kind != "BUFFER":
                    raise Unsupported(f"{node.op} changes a tensor")
                stack.append(node.name)
            elif any(word in node.op for word in KEPT):
                stack.append(node.name)
        found: set[str] = set()
        while stack:
            name = stack.pop()
            if name not in found:
                found.add(name)
                stack += self._uses(self.named[name])
        return found

    def _fresh(self, name: str) -> str:
        taken = set(self.names.values()) | TAKEN | set(self.graph.symbols)
        name = re.sub(r"\W", "_", name)
        while name in taken or keyword.iskeyword(name):
            name = f"v_{name}"
        return name

    def _call(self, node: Node) -> str:
        call = self.calls.get(node.name)
        if call is not None:
            return call.text.format(**{name: self._text(Ref(name)) for name in call.uses})
        if node.op == "getitem":
            return f"{self._text(node.args[0])}[{node.args[1]!r}]"
        if not node.op.startswith("aten."):
            raise Unsupported(f"the operation {node.op}")
        given = [self._argument(arg) for arg in node.args]
        given += [f"{key}={self._argument(arg)}" for key, arg in node.kwargs.items()]
        return f"torch.ops.{node.op}({', '.join(given)})"

    def _text(self, ref: Ref) -> str:
        node = self.named[ref.name]
        if node.path and node.kind != "USER_INPUT":
            self.read.add(attribute(node.path))
            return attribute(node.path)
        if node.kind == "CONSTANT_TENSOR":
            if not isinstance(node.value, bool | int | float):
                raise Unsupported(f"the constant {node.name} is no attribute of the module")
            return f"torch.full((), {_number(node.value)}, dtype=torch.{node.dtype})"
        if ref.name not in self.names:
            raise Unsupported(f"{ref.name} is not computed")
        return self.names[ref.name]

    def _argument(self, arg: Any) -> str:
        if isinstance(arg, Ref):
            return self._text(arg)
        if isinstance(arg, Expr):
            return arg.text
        if isinstance(arg, list | tuple):
            return f"[{', '.join(self._argument(item) for item in arg)}]"
        if isinstance(arg, dict):
            if set(arg) == {"dtype"}:
                return f"torch.{arg['dtype']}"
            if set(arg) == {"device"}:
                return next(f"{node.name}.device" for node in self.graph.inputs if node.dtype)
            if set(arg) == {"other"} and OTHER.fullmatch(arg["other"]):
                return str(arg["other"])
            raise Unsupported("an argument that is no plain data")
        return _number(arg) if isinstance(arg, float) else repr(arg)


def _refs(node: Node) -> list[Ref]:
    return [arg for arg in flat([node.args, *node.kwargs.values()]) if isinstance(arg, Ref)]


def _in_place(node: Node) -> bool:
    name = node.op.split(".")[1] if node.op.count(".") > 1 else ""
    return name.endswith("_") and not name.endswith("__")


def _number(value: float | int) -> str:
    return words.number(value) if isinstance(value, float) else repr(value)


def body(way: Way) -> list[str]:
    """The lines of a method, without its head."""
    text = "\n".join([*way.lines, way.answer])
    used = [line for line in way.sizes if re.search(rf"\b{line.split(' = ')[0]}\b", text)]
    return [*used, *way.lines, f"return {way.answer}"]


def refused(way: Way) -> list[str]:
    """When a way is not to be taken, as text; gradients are left to the module as it was written."""
    training = "not self.training" if way.graph.training else "self.training"
    return list(dict.fromkeys(["torch.is_grad_enabled()", training, *way.tests]))
