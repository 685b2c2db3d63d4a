"""Nested loops that act where a key of one side equals a key of the other: look the key up in a dict."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyedit import Edits, Scope, fresh_name, functions, loops
from codeopt.agent.rules.pyfacts import changed, is_pure, maybe_unhashable, names_in, type_of
from codeopt.agent.rules.pymatch import fill, find, match

SUMMARY = "`for a in A: for b in B: if f(a) == g(b): …`: B indexed by g(b) in a dict (or sets, where it only collects)"
EXPECTS = "O(n*m) -> O(n+m)"
SOURCE = "Hash join; common practice among PIE's human pairs"

_COLLECT = "for $a in $A:\n    for $b in $B:\n        if $a == $b:\n            $s.add($E)"


def apply(code: Code) -> Iterator[Rewrite]:
    for f in find(code, _COLLECT):
        if f["E"] is not None and ast.unparse(f["E"]) in (f.name("a"), f.name("b")) and is_pure(f["A"]) and is_pure(f["B"]):
            edits = Edits(code.text)
            edits.replace_stmts(f.nodes, fill("$s.update(set($A).intersection($B))", f.b))
            yield Rewrite(edits.text(), "common elements: intersection of sets", f.nodes[0].lineno)
    for scope in functions(code):
        for outer in loops(scope):
            if isinstance(outer, ast.For):
                for inner in outer.body:
                    if isinstance(inner, ast.For) and not inner.orelse:
                        yield from _indexed(code, scope, outer, inner)


def _indexed(code: Code, scope: Scope, outer: ast.For, inner: ast.For) -> Iterator[Rewrite]:
    targets = {n.id for n in ast.walk(inner.target) if isinstance(n, ast.Name)}
    if len(inner.body) != 1 or not isinstance(inner.body[0], ast.If) or inner.body[0].orelse:
        return
    if not is_pure(inner.iter) or names_in(inner.iter) & (changed(outer) | targets):
        return
    branch = inner.body[0]
    parts = branch.test.values if isinstance(branch.test, ast.BoolOp) and isinstance(branch.test.op, ast.And) else [branch.test]
    for at, part in enumerate(parts):
        b = match("$E == $F", part)
        if not b or not is_pure(part):
            continue
        for mine, other in ((b["E"], b["F"]), (b["F"], b["E"])):
            if not targets & names_in(other):
                continue
            if targets & names_in(mine) or names_in(other) & (changed(outer) - targets):
                continue
            if not names_in(mine) & changed(outer):
                continue
            rest = [*parts[:at], *parts[at + 1 :]]
            yield _rewrite(code, scope, outer, inner, mine, other, rest)
            return


def _rewrite(
    code: Code, scope: Scope, outer: ast.For, inner: ast.For, mine: ast.expr, other: ast.expr, rest: list[ast.expr]
) -> Rewrite:
    index = fresh_name(code.tree, "by_key")
    target = ast.unparse(inner.target)
    store = f"({target})" if isinstance(inner.target, ast.Tuple) else target
    listy = type_of(other, scope) == "list" or maybe_unhashable(inner.iter, scope) or type_of(mine, scope) == "list"
    wrap = "tuple({})" if listy else "{}"
    edits = Edits(code.text)
    build = f"{index} = {{}}\nfor {target} in {ast.unparse(inner.iter)}:\n" \
            f"    {index}.setdefault({wrap.format(ast.unparse(other))}, []).append({store})"
    edits.before(outer, build)
    edits.replace(inner.iter, f"{index}.get({wrap.format(ast.unparse(mine))}, ())")
    branch = inner.body[0]
    assert isinstance(branch, ast.If)
    if rest:
        left = rest[0] if len(rest) == 1 else ast.BoolOp(op=ast.And(), values=rest)
        edits.replace(branch.test, ast.unparse(left))
    else:
        edits.replace_stmts([branch], fill("$$body", {"body": branch.body}))
    return Rewrite(edits.text(), "nested loops joined by an equality: a dict built once", outer.lineno)
