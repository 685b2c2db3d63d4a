"""Loops that only collect -> comprehensions: `out.append(e)`, `seen.add(e)`, with filters and nesting.

Dictionaries are left alone: a dict comprehension measured the same as the loop on CPython 3.11.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyedit import Edits, Scope, functions, loops
from codeopt.agent.rules.pymatch import same
from codeopt.agent.rules.pynumeric import (
    assigned,
    has_scope,
    leaks,
    name_of,
    previous,
    target_names,
    with_names,
)

SUMMARY = "loops that only append or add -> list and set comprehensions"
EXPECTS = "1.1x measured on 5e4 items"
SOURCE = "Python Wiki, PerformanceTips: loops; no method look-up and call for every item"

_EMPTY = {"list": ("[]", "list()"), "set": ("set()",)}


@dataclass
class _Collected:
    kind: str
    into: str
    element: ast.expr
    generators: list[ast.comprehension] = field(default_factory=list)

    @property
    def comprehension(self) -> str:
        return ast.unparse((ast.ListComp if self.kind == "list" else ast.SetComp)(self.element, self.generators))


def _leaf(statement: ast.stmt) -> _Collected | None:
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        call = statement.value
        simple = len(call.args) == 1 and not call.keywords and not isinstance(call.args[0], ast.Starred)
        if simple and isinstance(call.func, ast.Attribute) and call.func.attr in ("append", "add"):
            kind = "list" if call.func.attr == "append" else "set"
            return _Collected(kind, name_of(call.func.value), call.args[0]) if name_of(call.func.value) else None
    return None


def _collect(loop: ast.For) -> _Collected | None:
    """What a loop collects, None where it does anything else."""
    if loop.orelse or loop.type_comment:
        return None
    part = ast.comprehension(loop.target, loop.iter, [], 0)
    body = list(loop.body)
    values: dict[str, ast.expr] = {}
    while len(body) > 1:
        first, body = body[0], body[1:]
        if isinstance(first, ast.If) and not first.orelse and isinstance(first.body[0], ast.Continue):
            part.ifs.append(_negated(with_names(first.test, values)))
            continue
        pair = assigned(first) if isinstance(first, ast.Assign) else None
        if pair is None:
            return None
        uses = [n for s in body for n in ast.walk(s) if isinstance(n, ast.Name) and n.id == pair[0]]
        if len(uses) != 1 or not isinstance(uses[0].ctx, ast.Load):
            return None
        values[pair[0]] = with_names(pair[1], values)
    inner = _inside(body[0], part, values)
    if inner is not None:
        inner.generators.insert(0, part)
    return inner


def _inside(statement: ast.stmt, part: ast.comprehension, values: dict[str, ast.expr]) -> _Collected | None:
    if isinstance(statement, ast.If) and len(statement.body) == 1:
        if not statement.orelse:
            part.ifs.append(with_names(statement.test, values))
            return _inside(statement.body[0], part, values)
        if len(statement.orelse) == 1:
            a, b = _leaf(statement.body[0]), _either(statement.orelse[0])
            if a and b and a.kind == b.kind == "list" and a.into == b.into:
                a.element = with_names(ast.IfExp(statement.test, a.element, b.element), values)
                return a
        return None
    if isinstance(statement, ast.For):
        return None if values else _collect(statement)
    leaf = _leaf(statement)
    if leaf is not None:
        leaf.element = with_names(leaf.element, values)
    return leaf


def _either(statement: ast.stmt) -> _Collected | None:
    if isinstance(statement, ast.If) and len(statement.body) == 1 and len(statement.orelse) == 1:
        a, b = _leaf(statement.body[0]), _either(statement.orelse[0])
        if a and b and a.kind == b.kind == "list" and a.into == b.into:
            a.element = ast.IfExp(statement.test, a.element, b.element)
            return a
        return None
    return _leaf(statement)


def _negated(test: ast.expr) -> ast.expr:
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return test.operand
    swap = {ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot}
    if isinstance(test, ast.Compare) and len(test.ops) == 1 and type(test.ops[0]) in swap:
        return ast.Compare(test.left, [swap[type(test.ops[0])]()], test.comparators)
    return ast.UnaryOp(ast.Not(), test)


def apply(code: Code) -> Iterator[Rewrite]:
    for scope in functions(code):
        for loop in loops(scope):
            if isinstance(loop, ast.For):
                yield from _rewrite(code, scope, loop)


def _rewrite(code: Code, scope: Scope, loop: ast.For) -> Iterator[Rewrite]:
    made = _collect(loop)
    if made is None or has_scope(loop) or any(isinstance(n, ast.Await | ast.Yield | ast.YieldFrom) for n in ast.walk(loop)):
        return
    reads = [n for n in ast.walk(loop) if isinstance(n, ast.Name) and n.id == made.into]
    bound_here = {n.id for n in ast.walk(loop) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    writes = sum(_leaf(s) is not None for s in ast.walk(loop) if isinstance(s, ast.stmt))
    if len(reads) != writes or made.into in target_names(loop.target) or leaks(scope, loop, bound_here):
        return
    edits = Edits(code.text)
    before = previous(scope, loop)
    start = next((s for s in before if any(name_of(n) == made.into for n in ast.walk(s))), None)
    pair = assigned(start) if start is not None else None
    note = f"loop that collects -> {made.kind} comprehension"
    if start is not None and pair and pair[0] == made.into and ast.unparse(pair[1]) in _EMPTY[made.kind]:
        between = before[: before.index(start)]
        edits.replace(loop, f"{made.into} = {made.comprehension}")
        if isinstance(start, ast.AnnAssign) or any(same(s, start) for s in between):
            return
        edits.replace(start, "")
        yield Rewrite(edits.text(), note, loop.lineno)
    elif made.kind == "list":
        edits.replace(loop, f"{made.into}.extend({made.comprehension})")
        yield Rewrite(edits.text(), note, loop.lineno)
