"""`int(a / b)` and `math.floor(a / b)` of non-negative integers -> `a // b`, exact and without a float."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyedit import Scope, walk_scope
from codeopt.agent.rules.pyfacts import type_of
from codeopt.agent.rules.pynumeric import called, const, expression, name_of, shadowed, swap_all

SUMMARY = "int(a / b), math.floor(a / b), int(math.sqrt(n)) of integers -> a // b, math.isqrt"
EXPECTS = "3.6x measured on int(i / 7); exact beyond 2**53"
SOURCE = "Python documentation, numeric types: // is exact on integers"


def _natural(node: ast.AST, scope: ast.AST) -> bool:
    """Whether the text shows a non-negative integer."""
    if isinstance(node, ast.Constant):
        return type(node.value) is int and node.value >= 0
    if called(node, "len", "ord", "abs", "bit_length"):
        return name_of(node.func) != "abs" or _integer(node.args[0], scope)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mult | ast.FloorDiv | ast.Mod):
        return _natural(node.left, scope) and _natural(node.right, scope)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod) and isinstance(node.right, ast.Constant):
        return _integer(node.left, scope) and _natural(node.right, scope)
    if isinstance(node, ast.Name):
        return _counter(node.id, scope)
    return False


def _integer(node: ast.AST, scope: ast.AST) -> bool:
    known = isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef | ast.Module)
    return known and type_of(node, _as_scope(scope)) == "int"


def _as_scope(scope: ast.AST) -> Scope:
    assert isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef | ast.Module)
    return scope


def _counter(name: str, scope: ast.AST) -> bool:
    """A name whose every binding is a loop over range() from a natural number."""
    stores = [
        n for n in walk_scope(scope) if isinstance(n, ast.Name) and n.id == name and not isinstance(n.ctx, ast.Load)
    ]
    loops = [n for n in ast.walk(scope) if isinstance(n, ast.For | ast.comprehension) and name_of(n.target) == name]
    good = [
        n
        for n in loops
        if called(n.iter, "range") and (len(n.iter.args) == 1 or (len(n.iter.args) == 2 and _natural(n.iter.args[0], scope)))
    ]
    return bool(good) and len(good) == len(loops) == len(stores)


def apply(code: Code) -> Iterator[Rewrite]:
    banned = shadowed(code.tree)

    def swap(node: ast.AST, scope: ast.AST) -> ast.expr | None:
        if not called(node, "int", "math.floor", "floor", "math.trunc") or len(node.args) != 1 or "int" in banned:
            return None
        inner = node.args[0]
        if not isinstance(inner, ast.BinOp) or not isinstance(inner.op, ast.Div) or not _natural(inner.right, scope):
            return None
        floors = "floor" in ast.unparse(node.func)
        if const(inner.right, 0) or not (_natural(inner.left, scope) or (floors and _integer(inner.left, scope))):
            return None
        return expression("a // b", a=inner.left, b=inner.right)

    yield from swap_all(code, swap, "int(a / b) -> a // b")
