"""Products of one row or one column, as sums of products: kernels of rows do them, with all that is pointwise around them.

Tiles of a matrix product would be mostly empty, and the time is that of reading the matrix once.
"""

from __future__ import annotations

from typing import Any

from codeopt.agent.kernels.graph import Node
from codeopt.agent.kernels.ir import FLOATS, Program, Value


def vector_product(program: Program, name: str, node: Node, args: list[Any]) -> Value | None:
    """The value of an operation that multiplies a matrix with a vector; None for any other.

    Args:
        name: linear, matmul, mm, bmm, mv, dot or addmm.
        args: Its arguments, values where they are tensors.
    """
    if node.kwargs or not 2 <= len(args) <= 3 or not all(isinstance(arg, Value) and arg.dtype == node.dtype in FLOATS for arg in args):
        return None
    bias, a, b = args if name == "addmm" else (args[2] if name == "linear" and len(args) == 3 else None, *args[:2])
    if not a.shape or not b.shape or any(value.op == "aten.index.Tensor" for value in (a, b)):
        return None  # matrices that an index picks are not written out by the template for products
    turned = name == "linear"
    if len(b.shape) == 1:
        b, turned = program.reshape(b, (1, *b.shape)), True
    elif (b.kind, b.op) == ("view", "permute") and not turned:
        b, turned = _swapped(program, b), True
    if len(a.shape) == 1:
        a = program.reshape(a, (1, *a.shape))
    one_row = all(size == 1 for size in (a.shape[:-1] if len(b.shape) == 2 else a.shape[-2:-1]))
    if not one_row and b.shape[-2 if turned else -1] != 1:
        return None
    if turned:
        # a row with each row of b, or each row of a with the one of b
        dims, held = [-1], program.point("mul", a, b, dtype=node.dtype)
    elif one_row:
        dims, held = [-2], program.point("mul", _swapped(program, a), b, dtype=node.dtype)
    else:
        dims, held = [-1], program.point("mul", a, _swapped(program, b), dtype=node.dtype)
    found = program.reshape(program.reduce("sum", held, dims), node.shape)
    return found if bias is None else program.point("add", found, bias, dtype=node.dtype)


def _swapped(program: Program, value: Value) -> Value:
    rank = len(value.shape)
    return program.permute(value, (*range(rank - 2), rank - 1, rank - 2))
