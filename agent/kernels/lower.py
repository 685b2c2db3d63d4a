"""From a module's operations to the few kinds of values of `ir`; what is not known stays an operation of torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from codeopt.agent.kernels import lower_points, lower_reductions
from codeopt.agent.kernels.dims import hint
from codeopt.agent.kernels.graph import Dim, Expr, Graph, Node, Ref, Unsupported
from codeopt.agent.kernels.ir import FLOATS, Program, Use, Value, flat
from codeopt.agent.kernels.lower_vectors import vector_product

RESHAPES = {"view", "reshape", "_unsafe_view", "flatten", "unflatten", "squeeze", "unsqueeze", "view_as", "reshape_as"}
ALIASES = {"contiguous", "alias", "detach", "lift_fresh", "lift_fresh_copy", "to", "_to_copy", "type_as", "dropout"}
VIEWS = RESHAPES | {"expand", "expand_as", "permute", "transpose", "t", "numpy_T", "mT", "movedim", "slice", "select", "chunk"}
STRIDED = {"slice", "select", "chunk", "split", "split_with_sizes", "unbind", "narrow", "diagonal", "unfold", "tensor_split"}
"""Operations of torch that answer with a view: its elements may lie apart."""
TUPLES = {"broadcast_tensors", "max", "min", "var_mean", "std_mean"}
KNOWN = {*FLOATS, "int8", "int16", "int32", "int64", "uint8", "bool"}
EIGHTS = {"float8_e4m3fn", "float8_e5m2"}
"""Types that kernels compute in, and others that they read: what is rounded to 8 bits is rounded by torch."""
Handler = Callable[..., Any]
MOST_STACKED = 4
PRODUCTS = {"linear", "matmul", "mm", "bmm", "mv", "dot", "addmm"}


def lowered(graph: Graph, vectors: bool = False) -> Program:
    """The program that a graph computes. Raises Unsupported where it cannot be said without guessing.

    Args:
        vectors: Products with one row or one column are sums.
    """
    return _Lowering(graph, vectors).run()


def unified(graph: Graph) -> Graph:
    """The graph with one text for sizes that have to be the same, since torch worked on them side by side."""
    shapes = {node.name: node.shape for node in graph.nodes}
    other: dict[Dim, Dim] = {}
    for node in graph.nodes:
        if node.kind == "CALL" and node.op.split(".")[1:2] and node.op.split(".")[1] in lower_points.HANDLERS:
            for arg in node.args:
                own = shapes[arg.name] if isinstance(arg, Ref) else ()
                for one, two in zip(own[::-1], node.shape[::-1], strict=False):
                    if one != two and one != 1 and hint([one], graph.symbols) == hint([two], graph.symbols):
                        other[one] = other.get(two, two)
    if not other:
        return graph
    nodes = [
        node if node.kind == "USER_INPUT" else replace(node, shape=tuple(other.get(dim, dim) for dim in node.shape))
        for node in graph.nodes
    ]
    return replace(graph, nodes=tuple(nodes))


class _Lowering:
    def __init__(self, graph: Graph, vectors: bool = False) -> None:
        self.vectors = vectors
        self.graph = graph = unified(graph)
        self.program = Program(graph.symbols)
        self.known: dict[str, Any] = {}  # node -> Value, or a tuple of them
        self.root: dict[str, str] = {}  # node -> the node whose memory it may share
        self.handlers: dict[str, Handler] = {**lower_points.HANDLERS, **lower_reductions.HANDLERS}

    def run(self) -> Program:
        for node in self.graph.nodes:
            self.root[node.name] = node.name
            if node.kind == "CALL":
                self._call(node)
            elif node.dtype:
                self.known[node.name] = self._given(node)
        self._answers()
        return self.program.pruned()

    def _answers(self) -> None:
        """Outputs; one that torch would have in memory of its own is copied where it would share that of another, or of an input."""
        owners = {self.known[node.name].name: node.name for node in self.graph.nodes if node.kind != "CALL" and node.name in self.known}
        for ref in self.graph.outputs:
            value = base = self._tensor(ref)
            while base.kind == "view":
                base = self.program.uses(base)[0]
            if owners.setdefault(base.name, self.root[ref.name]) != self.root[ref.name]:
                value = self.program.add("copy", "host", "aten.clone.default", [Use(value.name)], value.shape, value.dtype, {})
            elif value.kind == "view" and base.kind in ("input", "weight") and self._brought_together(ref.name):
                value = self.program.add("copy", "host", "aten.contiguous.default", [Use(value.name)], value.shape, value.dtype, {})
            self.program.outputs.append(value.name)

    def _brought_together(self, name: str) -> bool:
        """Whether a view of something given went through `contiguous`."""
        nodes = {node.name: node for node in self.graph.nodes}
        while nodes[name].kind == "CALL":
            if nodes[name].op.startswith("aten.contiguous."):
                return True
            held = nodes[name].args[0]
            if not isinstance(held, Ref):
                return False
            name = held.name
        return False

    def _given(self, node: Node) -> Value:
        if node.kind == "USER_INPUT":
            return self.program.add(node.name, "input", "", [], node.shape, node.dtype)
        if node.path:
            return self.program.add(node.path.replace(".", "_"), "weight", node.path, [], node.shape, node.dtype)
        if isinstance(node.value, int | float):
            return self.program.fill(node.value, node.shape, node.dtype)
        raise Unsupported(f"the constant {node.name} is no attribute of the module")

    def _tensor(self, ref: Ref) -> Value:
        found = self.known.get(ref.name)
        if not isinstance(found, Value):
            raise Unsupported(f"{ref.name} is no tensor")
        return found

    # --- operations ---------------------------------------------------------------------------------------

    def _call(self, node: Node) -> None:
        if node.op == "getitem":
            return self._item(node)
        if not node.op.startswith("aten.") or node.op.startswith(("aten.sym_", "aten._assert")):
            if node.dtype:
                raise Unsupported(f"the operation {node.op}")
            return None
        name = node.op.split(".")[1]
        in_place = name.endswith("_") and not name.endswith("__")
        name = name.rstrip("_") if in_place else name
        if in_place and self._of_buffer(node):
            self._host(node)
            return None
        found = self._lowered(name, node)
        if found is None:
            if in_place:
                raise Unsupported(f"{node.op} changes a tensor")
            found = self._host(node)
        if in_place:
            self._rebind(node, found)
        elif name in VIEWS | ALIASES | STRIDED and node.args and isinstance(node.args[0], Ref):
            self.root[node.name] = self.root[node.args[0].name]
        self.known[node.name] = found
        return None

    def _lowered(self, name: str, node: Node) -> Any:
        """The values of an operation that is known, None for any other."""
        try:
            if name in RESHAPES:
                return self.program.reshape(self._tensor(node.args[0]), node.shape)
            handler = self.handlers.get(name) or getattr(self, f"_op_{name}", None)
            if self.vectors and name in PRODUCTS:
                return vector_product(self.program, name, node, [self._resolved(arg) for arg in node.args])
            if handler is None or (not node.dtype and name not in TUPLES):
                return None
            if node.dtype and node.dtype not in KNOWN:
                return None
            args = [self._resolved(arg) for arg in node.args]
            kwargs = {key: self._resolved(arg) for key, arg in node.kwargs.items()}
            if any(isinstance(arg, Value) and arg.dtype not in KNOWN | EIGHTS for arg in flat([*args, *kwargs.values()])):
                return None
            target = self.program if name in self.handlers else node
            found = handler(target, *([node] if name in self.handlers else []), *args, **kwargs)
        except (Unsupported, TypeError, IndexError):
            return None  # other arguments than were thought of: torch does it
        # A number may lack a size that a tensor would have had; anything else that differs was not understood.
        if isinstance(found, Value) and (found.shape != node.shape or found.dtype != node.dtype):
            if found.shape != node.shape:
                found = self.program.expand(found, node.shape)
            if found.dtype != node.dtype:
                found = self.program.point("cast", found, dtype=node.dtype)
        return found

    def _resolved(self, arg: Any) -> Any:
        if isinstance(arg, Ref):
            return self.known[arg.name]
        return [self._resolved(item) for item in arg] if isinstance(arg, list) else arg

    def _host(self, node: Node) -> Value:
        """Done by torch."""

        def plain(arg: Any) -> Any:
            if isinstance(arg, Ref):
                found = self.known.get(arg.name)
                if not isinstance(found, Value):
                    raise Unsupported(f"{node.op} of {arg.name}")
                return Use(found.name)
            return [plain(item) for item in arg] if isinstance(arg, list) else arg

        args = [plain(arg) for arg in node.args]
        kwargs = {key: plain(arg) for key, arg in node.kwargs.items()}
        if any(isinstance(arg, Use) for arg in flat(list(kwargs.values()))):
            raise Unsupported(f"{node.op} takes a tensor by name")
        return self.program.add(node.name, "host", node.op, args, node.shape, node.dtype, kwargs)

    def _item(self, node: Node) -> None:
        held, index = self.known[node.args[0].name], node.args[1]
        self.root[node.name] = self.root[node.args[0].name]
        if isinstance(held, tuple):
            self.known[node.name] = self.program.expand(held[index], node.shape)
            return
        self.known[node.name] = self.program.add(
            node.name, "host", "getitem", [Use(held.name), index], node.shape, node.dtype
        )

    # --- changes in place ---------------------------------------------------------------------------------

    def _of_buffer(self, node: Node) -> bool:
        """Whether it only counts something in a buffer that nothing else reads."""
        held = node.args[0]
        nodes = {other.name: other for other in self.graph.nodes}
        if not isinstance(held, Ref) or nodes[held.name].kind != "BUFFER":
            return False
        readers = [other for other in self.graph.nodes for arg in flat([*other.args, *other.kwargs.values()]) if arg == held]
        return len(readers) == 1 and not any(ref.name == held.name for ref in self.graph.outputs)

    def _rebind(self, node: Node, found: Value) -> None:
        """What shares the changed memory has the new value from here on."""
        root = self.root[node.args[0].name]
        if self.graph_kind(root) != "CALL":
            raise Unsupported(f"{node.op} changes what the module was given")
        before = self._tensor(node.args[0])
        for name, other in self.root.items():
            if other == root and name in self.known:
                if self.known[name] is not before:
                    raise Unsupported(f"{node.op} changes memory that has another view")
                self.known[name] = found
        self.root[node.name] = root

    def graph_kind(self, name: str) -> str:
        """What a node is."""
        return next(node.kind for node in self.graph.nodes if node.name == name)

    # --- views and copies ---------------------------------------------------------------------------------

    def _op_expand(self, node: Node, value: Value, *_: Any, **__: Any) -> Value:
        return self.program.expand(value, node.shape)

    _op_expand_as = _op_expand

    def _op_permute(self, node: Node, value: Value, dims: list[int]) -> Value:
        return self.program.permute(value, dims)

    def _op_transpose(self, node: Node, value: Value, one: int, other: int) -> Value:
        order = list(range(len(value.shape)))
        order[one], order[other] = order[other], order[one]
        return self.program.permute(value, order)

    def _op_t(self, node: Node, value: Value) -> Value:
        return self.program.permute(value, range(len(value.shape))[::-1])

    _op_numpy_T = _op_t

    def _op_mT(self, node: Node, value: Value) -> Value:
        return self._op_transpose(node, value, -2, -1)

    def _op_flip(self, node: Node, value: Value, dims: list[int]) -> Value:
        return self.program.flip(value, dims)

    def _op_clone(self, node: Node, value: Value, **_: Any) -> Value:
        return value

    _op_contiguous = _op_alias = _op_detach = _op_lift_fresh = _op_lift_fresh_copy = _op_clone

    def _op_to(self, node: Node, value: Value, *_: Any, **__: Any) -> Value:
        return self.program.point("cast", value, dtype=node.dtype)

    _op__to_copy = _op_type_as = _op_to

    def _op_dropout(self, node: Node, value: Value, p: float, train: bool) -> Value:
        if train and p:
            raise Unsupported("random numbers")
        return value

    def _op_slice(self, node: Node, value: Value, *_: Any) -> Value:
        if node.shape != value.shape:
            raise Unsupported("a part of a tensor")
        return value

    def _op_stack(self, node: Node, values: list[Value], dim: int = 0) -> Value:
        """Which of them is asked by the index along the new dimension."""
        if len(values) > MOST_STACKED:
            raise Unsupported("many tensors beside one another")
        dim %= len(node.shape)
        apart = [self.program.reshape(value, (*value.shape[:dim], 1, *value.shape[dim:])) for value in values]
        index, found = self.program.iota(node.shape, dim), apart[-1]
        for number in range(len(apart) - 2, -1, -1):
            found = self.program.point("where", self.program.point("eq", index, number, dtype="bool"), apart[number], found, dtype=node.dtype)
        return found

    def _op_broadcast_tensors(self, node: Node, values: list[Value]) -> tuple[Value, ...]:
        return tuple(values)

    # --- tensors from numbers -----------------------------------------------------------------------------

    def _op_full(self, node: Node, size: Any, number: Any, **_: Any) -> Value:
        return self.program.fill(number, node.shape, node.dtype)

    _op_full_like = _op_full

    def _op_ones(self, node: Node, *_: Any, **__: Any) -> Value:
        return self.program.fill(1, node.shape, node.dtype)

    def _op_zeros(self, node: Node, *_: Any, **__: Any) -> Value:
        return self.program.fill(0, node.shape, node.dtype)

    _op_ones_like, _op_zeros_like = _op_ones, _op_zeros

    def _op_scalar_tensor(self, node: Node, number: Any, **_: Any) -> Value:
        return self.program.fill(number, (), node.dtype)

    def _op_arange(self, node: Node, *args: Any, **_: Any) -> Value:
        start, step = (0, 1) if len(args) == 1 else (args[0], args[2] if len(args) > 2 else 1)
        index = self.program.point("cast", self.program.iota(node.shape, 0), dtype=node.dtype)
        return self.program.point("add", self.program.point("mul", index, step), start)

    def _triangle(self, node: Node, value: Value, diagonal: int, compare: str) -> Value:
        rank = len(value.shape)
        rows, columns = self.program.iota(value.shape, rank - 2), self.program.iota(value.shape, rank - 1)
        kept = self.program.point(compare, self.program.point("sub", columns, rows), diagonal, dtype="bool")
        return self.program.point("where", kept, value, 0, dtype=node.dtype)

    def _op_tril(self, node: Node, value: Value, diagonal: int = 0) -> Value:
        return self._triangle(node, value, diagonal, "le")

    def _op_triu(self, node: Node, value: Value, diagonal: int = 0) -> Value:
        return self._triangle(node, value, diagonal, "ge")

    def _op_cumsum(self, node: Node, value: Value, dim: int, dtype: Any = None) -> Value:
        return self.program.scan("cumsum", self.program.point("cast", value, dtype=node.dtype), dim, node.dtype)

    def _op_cumprod(self, node: Node, value: Value, dim: int, dtype: Any = None) -> Value:
        return self.program.scan("cumprod", self.program.point("cast", value, dtype=node.dtype), dim, node.dtype)


__all__ = ["STRIDED", "Expr", "lowered"]
