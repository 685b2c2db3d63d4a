"""`max(a, b)` and `min(a, b)` of cheap operands inside loops -> conditional expressions and comparisons."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyedit import Edits, functions, loops
from codeopt.agent.rules.pymatch import same
from codeopt.agent.rules.pynumeric import assigned, called, expression, name_of, shadowed, source, swap_all

SUMMARY = "min/max of two or three cheap values in a loop -> comparisons"
EXPECTS = "3x measured on max(x, y) of floats in a loop; 1.3-1.6x on edit-distance loops"
SOURCE = "CPython builds a tuple and calls a function for min/max; common in PIE's human pairs"


def _cheap(node: ast.AST) -> bool:
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.Add | ast.Sub) and _cheap(node.left) and isinstance(node.right, ast.Constant)
    if isinstance(node, ast.Subscript):
        index = node.slice
        if isinstance(index, ast.BinOp):
            index = index.left if isinstance(index.right, ast.Constant) else index
        return isinstance(node.value, ast.Name) and isinstance(index, ast.Name | ast.Constant)
    return isinstance(node, ast.Name | ast.Constant)


def _inline(node: ast.AST, _: ast.AST) -> ast.expr | None:
    if not called(node, "min", "max") or len(node.args) != 2 or not all(map(_cheap, node.args)):
        return None
    a, b = node.args
    return expression("b if b < a else a" if name_of(node.func) == "min" else "b if b > a else a", a=a, b=b)


def apply(code: Code) -> Iterator[Rewrite]:
    if {"min", "max"} & shadowed(code.tree):
        return
    yield from _statements(code)
    yield from swap_all(code, _inline, "min/max of two cheap values -> conditional expression")


def _statements(code: Code) -> Iterator[Rewrite]:
    """`best = max(best, e)` -> compare and assign; `x = min(a, b, c)` -> three comparisons."""
    edits = Edits(code.text)
    first = 0
    done: set[int] = set()
    for scope in functions(code):
        for loop in loops(scope):
            for statement in ast.walk(loop):
                if not isinstance(statement, ast.Assign | ast.AnnAssign) or id(statement) in done:
                    continue
                new = _statement(statement)
                if new:
                    done.add(id(statement))
                    edits.replace(statement, new)
                    first = first or statement.lineno
    if first:
        yield Rewrite(edits.text(), "min/max assignment -> comparison", first)


def _statement(statement: ast.stmt) -> str:
    pair = assigned(statement)
    if pair is None:
        return ""
    name, call = pair
    if not called(call, "min", "max"):
        return ""
    sign = "<" if name_of(call.func) == "min" else ">"
    if len(call.args) == 2:
        for kept, other in (call.args, call.args[::-1]):
            if name_of(kept) == name and _cheap(other) and not same(kept, other):
                value = source(other)
                return f"if {value} {sign} {name}:\n    {name} = {value}"
    elif len(call.args) == 3 and all(map(_cheap, call.args)) and all(name_of(a) != name for a in call.args[1:]):
        first, *rest = map(source, call.args)
        if any(name in {n.id for n in ast.walk(a) if isinstance(n, ast.Name)} for a in call.args[1:]):
            return ""
        lines = [] if first == name else [f"{name} = {first}"]
        return "\n".join([*lines, *(f"if {v} {sign} {name}:\n    {name} = {v}" for v in rest)])
    return ""
