"""What of a module's graph one call of a library does: softmax(q k^T) v, and products of operands of 8 bits.

Found among the operations as torch.export wrote them down, so that what is not replaced can be written down again as it was.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from codeopt.agent.kernels import attention, words
from codeopt.agent.kernels.graph import Dim, Expr, Graph, Node, Ref, Unsupported
from codeopt.agent.kernels.ir import flat
from codeopt.agent.kernels.lower import lowered
from codeopt.agent.kernels.plan import planned

PRODUCTS = ("aten.matmul.default", "aten.bmm.default")
SOFTMAX = ("aten.softmax.int", "aten._softmax.default")
CASTS = ("aten.to.dtype", "aten._to_copy.default", "aten.to.dtype_layout")
PASSED = (*CASTS, "aten.contiguous.default", "aten.clone.default", "aten.alias.default")
ASSERTS = "aten._assert"
FLOATS = ("float16", "bfloat16", "float32")
EIGHTS = ("float8_e4m3fn", "float8_e5m2")
LOW = float("-inf")
LEAST_ROWS, INT8_STEP, FLOAT8_STEP = 16, 8, 16  # what cuBLAS asks of 8-bit products: more rows than that, multiples of these


@dataclass(frozen=True)
class Call:
    """A call in the place of some operations.

    Attributes:
        node: Whose answer it gives.
        text: The call; `{name}` stands for the answer of another node.
        uses: Those nodes.
        needs: Tests on sizes that say that it cannot be used.
        what: What it is, for a person.
    """

    node: str
    text: str
    uses: tuple[str, ...]
    needs: tuple[str, ...]
    what: str


def calls(graph: Graph) -> dict[str, Call]:
    """Library calls of a graph, by the node whose answer they give."""
    nodes = _Nodes(graph)
    causal = _causal(graph)
    found = {}
    for node in graph.nodes:
        if node.kind == "CALL" and node.dtype:
            made = _attention(nodes, node, causal) or _eight_bits(nodes, node)
            if made is not None:
                found[made.node] = made
    return found


def _causal(graph: Graph) -> set[str]:
    """Attentions of which the rules know that no row sees what comes behind it, and all else."""
    try:
        flash = attention.attentions(planned(lowered(graph)))
    except Unsupported:
        return set()
    return {name for name, one in flash.items() if one.band.causal and one.band.whole and not one.band.window}


class _Nodes:
    """A graph's nodes by name, and who reads them."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.named: Mapping[str, Node] = {node.name: node for node in graph.nodes}
        self.readers: dict[str, list[Node]] = {}
        self.count: Counter[str] = Counter(ref.name for ref in graph.outputs)
        for node in graph.nodes:
            if not node.op.startswith(ASSERTS):
                for arg in flat([node.args, *node.kwargs.values()]):
                    if isinstance(arg, Ref):
                        self.count[arg.name] += 1
                        self.readers.setdefault(arg.name, []).append(node)

    def of(self, arg: Any) -> Node | None:
        """The node that an argument names."""
        return self.named.get(arg.name) if isinstance(arg, Ref) else None

    def alone(self, node: Node) -> bool:
        """Whether one operation alone needs it, once."""
        return self.count[node.name] == 1

    def reader(self, node: Node) -> Node | None:
        """The one operation that needs it."""
        return self.readers[node.name][0] if self.alone(node) and node.name in self.readers else None

    def passed(self, node: Node | None) -> Node | None:
        """What a node is without casts, copies and dropout that does nothing; None where something else reads it, too."""
        while node is not None and self.alone(node):
            idle = node.op == "aten.dropout.default" and (not node.args[1] or not node.args[2])
            if node.op not in PASSED and not idle:
                return node
            node = self.of(node.args[0])
        return None


# --- attention -----------------------------------------------------------------------------------------------

Step = tuple[str, Any, Any]
"""("mul" | "div" | "add" | "fill" | "keep", the other operand, what is filled in)."""


def _scores(nodes: _Nodes, node: Node | None) -> tuple[Node, list[Step]] | None:
    """The product that scores are made of, and what is done with it, in order."""
    node = nodes.passed(node)
    if node is None or node.kind != "CALL":
        return None
    if node.op in PRODUCTS:
        return node, []
    name, args = node.op.split(".")[1], node.args
    options: list[tuple[Any, Step]] = []
    if name in ("mul", "div"):
        options.append((args[0], (name, args[1], None)))
    if name == "add" and not node.kwargs:
        options.append((args[0], (name, args[1], None)))
    if name in ("mul", "add") and not node.kwargs:
        options.append((args[1], (name, args[0], None)))
    if name == "masked_fill" and isinstance(args[2], int | float):
        options.append((args[0], ("fill", args[1], args[2])))
    if name == "where" and args[2] == LOW:
        options.append((args[1], ("keep", args[0], LOW)))
    if name == "where" and args[1] == LOW:
        options.append((args[2], ("fill", args[0], LOW)))
    for held, step in options:
        inner = nodes.of(held)
        found = _scores(nodes, inner) if inner is not None and inner.shape == node.shape else None
        if found is not None:
            return found[0], [*found[1], step]
    return None


def _attention(nodes: _Nodes, node: Node, causal: Collection[str]) -> Call | None:
    """Two products with a softmax between them; None where it is none that the library's call does."""
    if node.op not in PRODUCTS:
        return None
    soft, v = nodes.passed(nodes.of(node.args[0])), nodes.of(node.args[1])
    if soft is None or v is None or soft.op not in SOFTMAX or soft.args[1] not in (-1, len(soft.shape) - 1):
        return None
    found = _scores(nodes, nodes.of(soft.args[0]))
    if found is None:
        return None
    before, steps = found
    q, turned = nodes.of(before.args[0]), nodes.of(before.args[1])
    rank = len(node.shape)
    if q is None or turned is None or rank not in (3, 4) or not q.shape[:-2] == turned.shape[:-2] == v.shape[:-2]:
        return None
    if len({q.dtype, turned.dtype, v.dtype}) != 1 or q.dtype not in FLOATS or len(v.shape) != rank:
        return None
    made = _Masked(nodes, rank, before.shape)
    if not all(made.add(*step) for step in steps):
        return None
    k, k_text = turned, f"{{{turned.name}}}.transpose(-2, -1)"
    straight = _untransposed(turned, rank)
    if straight is not None:
        k, k_text = nodes.named[straight.name], f"{{{straight.name}}}"
    q_text = f"({{{q.name}}}{made.factors})" if made.factors else f"{{{q.name}}}"
    given = [q_text, k_text, f"{{{v.name}}}"]
    if rank == 3:  # as one head: the fast kernels take four dimensions
        given = [f"{text}.unsqueeze(1)" for text in given]
    more = [f"scale={made.scale or '1.0'}"]
    if made.kind == "bool" and node.name in causal:
        more.insert(0, "is_causal=True")
    elif made.kind:
        more.insert(0, f"attn_mask={made.mask(f'{{{q.name}}}')}")
    text = f"torch.nn.functional.scaled_dot_product_attention({', '.join([*given, *more])}){'.squeeze(1)' if rank == 3 else ''}"
    uses = (q.name, k.name, v.name, *(() if more[0] == "is_causal=True" else made.masks), *made.scalars)
    return Call(node.name, text, tuple(dict.fromkeys(uses)), (), "scaled_dot_product_attention")


def _untransposed(node: Node, rank: int) -> Ref | None:
    """What a node is the transpose of, in its last two dimensions."""
    first = node.args[0] if node.kind == "CALL" and node.args else None
    if not isinstance(first, Ref):
        return None
    if node.op == "aten.transpose.int" and {dim % rank for dim in node.args[1:3]} == {rank - 2, rank - 1}:
        return first
    wanted = [*range(rank - 2), rank - 1, rank - 2]
    if node.op == "aten.permute.default" and [dim % rank for dim in node.args[1]] == wanted:
        return first
    return first if node.op in ("aten.mT.default", "aten.t.default") else None


class _Masked:
    """What is done with scores, as arguments of the library's call.

    Attributes:
        scale: A number as text; "" is 1. factors: Of q, as text behind it.
        kind: "" (nothing is masked), "bool" (true is seen) or "sum".
        masks, scalars: Nodes that it needs.
    """

    def __init__(self, nodes: _Nodes, rank: int, shape: tuple[Dim, ...]) -> None:
        self._nodes, self._rank, self._shape = nodes, rank, shape
        self.scale = self.factors = self.kind = self._mask = ""
        self._dims = 0
        self.masks: list[str] = []
        self.scalars: list[str] = []

    def add(self, name: str, other: Any, value: Any) -> bool:
        """Take a step; whether that can be said."""
        if name in ("mul", "div"):
            return not self.kind and self._scaled("*" if name == "mul" else "/", other)
        node = self._nodes.of(other)
        if node is None or not node.dtype or len(node.shape) > self._rank:
            return False
        text = f"{{{node.name}}}"
        if name == "add":
            if self.kind == "bool" or node.dtype not in FLOATS:
                return False
            self._mask = f"({self._mask} + {text})" if self.kind else text
            self.kind = "sum"
        else:
            if node.dtype != "bool" or value != LOW:
                return False
            seen = text if name == "keep" else f"~{text}"
            if self.kind == "sum":
                self._mask = f'torch.where({seen}, {self._mask}, float("-inf"))'
            else:
                self._mask = f"({self._mask} & {seen})" if self.kind else seen
                self.kind = "bool"
        self._dims = max(self._dims, len(node.shape))
        self.masks.append(node.name)
        return True

    def _scaled(self, sign: str, other: Any) -> bool:
        text = f"({other.text})" if isinstance(other, Expr) else ""
        if isinstance(other, int | float) and not isinstance(other, bool) and math.isfinite(other) and other:
            text = words.number(float(other))
        if text:
            self.scale = text if not self.scale and sign == "*" else f"{self.scale or '1.0'} {sign} {text}"
            return True
        node = self._nodes.of(other)
        if node is None or node.shape or not node.dtype:
            return False
        self.factors += f" {sign} {{{node.name}}}"
        self.scalars.append(node.name)
        return True

    def mask(self, q: str) -> str:
        """The mask, with four dimensions."""
        text = f"{self._mask}.to({q}.dtype)" if self.kind == "sum" else self._mask
        text = f"({text})" if text.startswith("~") and self._dims < 4 else text
        if self._rank == 3 and self._dims == 3:
            return f"{text}.unsqueeze(1)"
        return text if self._dims == 4 else f"{text}[{'None, ' * (4 - self._dims)}...]"


# --- products of 8 bits --------------------------------------------------------------------------------------


def _bare(nodes: _Nodes, arg: Any) -> tuple[Node, bool, bool] | None:
    """(a matrix without casts and transposes, whether it was transposed, whether it was cast)."""
    node, turned, cast = nodes.of(arg), False, False
    while node is not None and node.kind == "CALL" and len(node.shape) == 2:
        if node.op in CASTS:
            cast = True
        elif node.op == "aten.t.default" or (node.op == "aten.transpose.int" and node.args[1] % 2 != node.args[2] % 2):
            turned = not turned
        else:
            break
        node = nodes.of(node.args[0])
    return None if node is None or len(node.shape) != 2 else (node, turned, cast)


def _eight_bits(nodes: _Nodes, node: Node) -> Call | None:
    """A product of integers or floats of 8 bits that were widened before it."""
    if node.op not in ("aten.matmul.default", "aten.mm.default", "aten.linear.default") or len(node.args) != 2:
        return None
    left, right = _bare(nodes, node.args[0]), _bare(nodes, node.args[1])
    if left is None or right is None or left[1] or not (left[2] and right[2]):
        return None
    a, b, turned = left[0], right[0], right[1] != (node.op == "aten.linear.default")
    columns, depth = node.shape[1], a.shape[1]
    one, other = f"{{{a.name}}}", f"{{{b.name}}}"
    # cuBLAS wants rows of the one and columns of the other to lie together.
    given = f"{one}.contiguous(), {other}{'' if turned else '.t()'}.contiguous().t()"
    if a.dtype == b.dtype == "int8":
        text = f"torch._int_mm({given})"
        text += "" if node.dtype == "int32" else f".to(torch.{node.dtype})"
        odd = f"{node.shape[0]} <= {LEAST_ROWS} or ({columns}) % {INT8_STEP} or ({depth}) % {INT8_STEP}"
        device = next(given.name for given in nodes.graph.inputs if given.dtype)
        return Call(node.name, text, (a.name, b.name), (f"{device}.is_cuda and ({odd})",), "_int_mm")
    if {a.dtype, b.dtype} <= set(EIGHTS) and EIGHTS[0] in (a.dtype, b.dtype) and node.dtype in FLOATS:
        needs = tuple(f"({size}) % {FLOAT8_STEP} != 0" for size in (columns, depth))
        scaled = _scaled(nodes, node)
        if scaled is not None:
            last, row, column = scaled
            text = (
                f"torch._scaled_mm({given}, scale_a={{{row.name}}}.reshape(-1, 1).contiguous(), "
                f"scale_b={{{column.name}}}.reshape(1, -1).contiguous(), out_dtype=torch.bfloat16)"
            )
            return Call(last.name, text, (a.name, b.name, row.name, column.name), needs, "_scaled_mm with a scale for each row and column")
        whole = f"torch.ones((), device={one}.device)"
        text = f"torch._scaled_mm({given}, scale_a={whole}, scale_b={whole}, out_dtype=torch.{node.dtype})"
        return Call(node.name, text, (a.name, b.name), needs, "_scaled_mm")
    return None


def _scaled(nodes: _Nodes, product: Node) -> tuple[Node, Node, Node] | None:
    """(the last operation, scales of rows, scales of columns), where a product is multiplied by both and then cast to bfloat16."""
    rows, columns = product.shape
    fits: dict[str, Callable[[Node], bool]] = {
        "row": lambda scale: scale.shape == (rows, 1),
        "column": lambda scale: scale.shape in ((columns,), (1, columns)),
    }
    scales: dict[str, Node] = {}
    at = product
    while len(scales) < len(fits):
        reader = nodes.reader(at)
        if reader is None or reader.op != "aten.mul.Tensor":
            return None
        others = [nodes.of(arg) for arg in reader.args if arg != Ref(at.name)]
        scale = others[0] if len(others) == 1 else None
        kind = next((kind for kind, like in fits.items() if kind not in scales and scale is not None and like(scale)), "")
        if scale is None or not kind or scale.dtype != "float32":
            return None
        scales[kind], at = scale, reader
    last = at if at.dtype == "bfloat16" else nodes.reader(at)
    if last is None or last.dtype != "bfloat16" or (last is not at and last.op not in CASTS):
        return None
    return last, scales["row"], scales["column"]
