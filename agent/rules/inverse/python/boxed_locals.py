"""Locals in a dict."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.inverse._sites import Place, finish, places
from codeopt.agent.rules.pyedit import Edits
from codeopt.agent.rules.pynumeric import escapes, local_names

SUMMARY = "the running values of a loop in locals -> items of a dict"
EXPECTS = "1.2-2x"
SOURCE = "State kept in dicts or objects; Python wiki, PythonSpeed/PerformanceTips (local variables are the fastest)"

def apply(code: Code) -> Iterator[Rewrite]:
    seen: set[int] = set()
    for place in places(code, ast.For, ast.While):
        scope = place.scope
        if id(scope) in seen or not isinstance(scope, ast.FunctionDef):
            continue
        seen.add(id(scope))
        boxed = {name: first for name in sorted(local_names(scope)) if (first := _start(place, name))}
        if not boxed:
            continue
        state = place.name("state")
        edits = Edits(code.text)
        for node in ast.walk(scope):
            if isinstance(node, ast.Name) and node.id in boxed:
                edits.replace(node, f'{state}["{node.id}"]')
        edits.before(min(boxed.values(), key=lambda s: (s.lineno, s.col_offset)), f"{state} = {{}}")
        yield from finish(edits, f"{', '.join(boxed)} in a dict", place.node)


def _start(place: Place, name: str) -> ast.stmt | None:
    """The statement `name = constant` of the function's own block before every other use, for a name that a loop changes."""
    scope = place.scope
    if not isinstance(scope, ast.FunctionDef) or name in escapes(scope) or name in {a.arg for a in ast.walk(scope.args) if isinstance(a, ast.arg)}:
        return None
    uses = [n for n in ast.walk(scope) if isinstance(n, ast.Name) and n.id == name]
    first = min(uses, key=lambda n: (n.lineno, n.col_offset), default=None)
    stmt = place.up.get(first) if first is not None else None
    if not isinstance(stmt, ast.Assign) or stmt not in scope.body or stmt.targets != [first] or not isinstance(stmt.value, ast.Constant):
        return None
    for node in uses:
        parent = place.up[node]
        if isinstance(node.ctx, ast.Del) or isinstance(parent, ast.comprehension | ast.JoinedStr | ast.FormattedValue | ast.NamedExpr):
            return None
        if isinstance(node.ctx, ast.Store) and not isinstance(parent, ast.Assign | ast.AugAssign):
            return None
        if any(isinstance(above, ast.JoinedStr) for above in _above(place, node)):
            return None
    changes = [n for n in uses if isinstance(n.ctx, ast.Store) and n is not first]
    return stmt if changes else None


def _above(place: Place, node: ast.AST) -> Iterator[ast.AST]:
    here = place.up.get(node)
    while here is not None and not isinstance(here, ast.stmt):
        yield here
        here = place.up.get(here)
