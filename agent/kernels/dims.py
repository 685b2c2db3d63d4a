"""Sizes that are numbers or expressions of symbols: products, and which part of a shape a reshape touches."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping, Sequence

from codeopt.agent.kernels.graph import Dim, Symbol

PLAIN = re.compile(r"[\w]+(\s*\*\s*[\w]+)*")
Shape = tuple[Dim, ...]
ARITHMETIC: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
MOST_POWER = 8  # of a size: what is larger is no size


def parts(dims: Sequence[Dim]) -> tuple[int, tuple[str, ...]]:
    """A product as (number, sorted factors); an expression that is no product is one factor."""
    number, factors = 1, []
    for dim in dims:
        words = [str(dim)] if isinstance(dim, int) or not PLAIN.fullmatch(dim) else dim.replace(" ", "").split("*")
        for word in words:
            if word.lstrip("-").isdigit():
                number *= int(word)
            else:
                factors.append(word)
    return number, tuple(sorted(factors))


def product(dims: Sequence[Dim]) -> Dim:
    """The product of sizes, in one form."""
    number, factors = parts(dims)
    if not factors:
        return number
    words = [word if re.fullmatch(r"\w+", word) else f"({word})" for word in factors]
    return " * ".join(([str(number)] if number != 1 else []) + words)


def same(one: Sequence[Dim], other: Sequence[Dim]) -> bool:
    """Whether two products are the same for all sizes."""
    return parts(one) == parts(other)


def hint(dims: Sequence[Dim], symbols: Mapping[str, Symbol]) -> int:
    """What a product was when the module was traced."""
    total = 1
    for dim in dims:
        if isinstance(dim, int):
            total *= dim
        else:
            try:
                total *= int(_computed(ast.parse(dim.strip(), mode="eval").body, symbols))
            except (SyntaxError, ValueError, ArithmeticError):
                return 0
    return total


def _computed(node: ast.expr, symbols: Mapping[str, Symbol]) -> float:
    """A size's text, which a session wrote, for what the symbols were. Raises ValueError for all but plain arithmetic."""
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return node.value
    if isinstance(node, ast.Name) and node.id in symbols:
        return symbols[node.id].hint
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_computed(node.operand, symbols)
    if isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC:
        one, other = _computed(node.left, symbols), _computed(node.right, symbols)
        if isinstance(node.op, ast.Pow) and not 0 <= other <= MOST_POWER:
            raise ValueError(f"to the power of {other}")
        return ARITHMETIC[type(node.op)](one, other)
    raise ValueError("no plain arithmetic")


def broadcast(one: Shape, other: Shape) -> Shape | None:
    """The shape of an operation on both; None where they do not fit for all sizes."""
    rank = max(len(one), len(other))
    found: list[Dim] = []
    for a, b in zip(padded(one, rank), padded(other, rank), strict=True):
        if a != b and a != 1 and b != 1:
            return None
        found.append(b if a == 1 else a)
    return tuple(found)


def padded(shape: Shape, rank: int) -> Shape:
    """The shape with ones in front."""
    return (1,) * (rank - len(shape)) + shape


def regions(old: Shape, new: Shape, symbols: Mapping[str, Symbol]) -> list[tuple[int, int, int, int]] | None:
    """Which sizes of `old` (from, to) become which of `new` (from, to) in a reshape; None where that cannot be said."""
    found, i, j = [], 0, 0
    while i < len(old) or j < len(new):
        a, b = i, j
        i, j = min(i + 1, len(old)), min(j + 1, len(new))
        while not same(old[a:i], new[b:j]):
            one, other = hint(old[a:i], symbols), hint(new[b:j], symbols)
            if i < len(old) and (one <= other or j == len(new)):
                i += 1
            elif j < len(new):
                j += 1
            else:
                return None
        found.append((a, i, b, j))
    return found


def reshaped(shape: Shape, old: Shape, new: Shape, symbols: Mapping[str, Symbol]) -> Shape | None:
    """What becomes of `shape`, which broadcasts to `old`, where `old` is reshaped to `new`.

    None where a part of it is neither whole nor all ones.
    """
    if len(shape) > len(old):
        return None
    own = padded(shape, len(old))
    found: list[Dim] = []
    for a, i, b, j in regions(old, new, symbols) or [(0, len(old), 0, len(new))]:
        if own[a:i] == old[a:i]:
            found += new[b:j]
        elif all(dim == 1 for dim in own[a:i]):
            found += [1] * (j - b)
        else:
            return None
    return tuple(found)
