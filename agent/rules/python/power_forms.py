"""Small powers as products and roots: `x ** 2` -> `x * x`, `x ** 0.5` -> `math.sqrt(x)`, `pow(x, 2)`.

Not the same at the edges: `1e200 ** 2` raises OverflowError where the product is inf; a root of a negative number
is complex where math.sqrt raises ValueError.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pynumeric import called, const, expression, swap_all

SUMMARY = "x ** 2 -> x * x, x ** 3 -> x * x * x, x ** 0.5 -> math.sqrt(x)"
EXPECTS = "2.3x measured on x ** 2 of floats, 1.15x on x ** 0.5"
SOURCE = "CPython's float_pow calls libm's pow; the usual first step on n-body programs"


def _cheap(node: ast.AST) -> bool:
    """A value that may be evaluated twice for less than a power costs."""
    if isinstance(node, ast.Attribute):
        return _cheap(node.value)
    if isinstance(node, ast.Subscript):
        return isinstance(node.value, ast.Name) and isinstance(node.slice, ast.Name | ast.Constant)
    return isinstance(node, ast.Name)


def _small_power(node: ast.AST, _: ast.AST) -> ast.expr | None:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        base, power = node.left, node.right
    elif called(node, "pow", "math.pow") and len(node.args) == 2 and isinstance(node.func, ast.Name):
        base, power = node.args
    else:
        return None
    if const(power, 2, 2.0) and _cheap(base):
        return expression("x * x", x=base)
    if const(power, 3, 3.0) and _cheap(base):
        return expression("x * x * x", x=base)
    if not const(power, 2) or not isinstance(base, ast.BinOp) or not isinstance(base.op, ast.Add | ast.Sub):
        return None
    cheap = _cheap(base.left) and (_cheap(base.right) or isinstance(base.right, ast.Constant))
    return expression("x * x", x=base) if cheap else None


def _root(node: ast.AST, _: ast.AST) -> ast.expr | None:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and const(node.right, 0.5):
        return expression("math.sqrt(x)", x=node.left)
    return None


def apply(code: Code) -> Iterator[Rewrite]:
    yield from swap_all(code, _small_power, "powers of two and three -> products")
    yield from swap_all(code, _root, "x ** 0.5 -> math.sqrt(x)", "import math")
