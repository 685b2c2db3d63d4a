"""Strings, tuples and lists that are copied at every step of a loop grow in place instead."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyedit import Edits, Scope, fresh_name, functions, loops, parents
from codeopt.agent.rules.pyfacts import bound, names_in, type_of
from codeopt.agent.rules.pymatch import fill, find, match

SUMMARY = "`s = s + c`, `s = c + s`, `a = a + [x]`, `t += (x,)` in a loop: list appends, joined once at the end"
EXPECTS = "O(n^2) -> O(n)"
SOURCE = "Python FAQ: the most efficient way to concatenate many strings"

_EMPTY = {"str": "''", "bytes": "b''", "tuple": "()"}
_JOIN = {"str": "''.join({parts})", "bytes": "b''.join({parts})", "tuple": "tuple({parts})"}


def apply(code: Code) -> Iterator[Rewrite]:
    up = parents(code.tree)
    for f in find(code, "$a = $a + $E"):
        if type_of(f["a"], f.scope) == "list" and any(isinstance(n, ast.For | ast.While) for n in _around(f.nodes[0], up)):
            edits = Edits(code.text)
            b = match("[$X]", f["E"])
            edits.replace(f.nodes[0], fill("$a.append($X)", {**f.b, **b}) if b else fill("$a.extend($E)", f.b))
            yield Rewrite(edits.text(), "list copied at every step: grows in place", f.nodes[0].lineno)
    for f in find(code, "$a += [$X]"):
        if any(isinstance(n, ast.For | ast.While) for n in _around(f.nodes[0], up)):
            edits = Edits(code.text)
            edits.replace(f.nodes[0], fill("$a.append($X)", f.b))
            yield Rewrite(edits.text(), "one-element list added: append", f.nodes[0].lineno)
    for scope in functions(code):
        for loop in loops(scope):
            if not any(isinstance(p, ast.For | ast.While) for p in _around(loop, up)):
                yield from _parts(code, scope, loop)


def _around(node: ast.AST, up: dict[ast.AST, ast.AST]) -> Iterator[ast.AST]:
    while node in up and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        node = up[node]
        yield node


def _parts(code: Code, scope: Scope, loop: ast.stmt) -> Iterator[Rewrite]:
    for name in sorted(bound(loop)):
        kind = type_of(ast.Name(id=name, ctx=ast.Load()), scope)
        if kind not in _EMPTY:
            continue
        edits = Edits(code.text)
        parts = fresh_name(code.tree, f"{name}_parts")
        directions: set[bool] = set()
        inside = 0
        for node in ast.walk(loop):
            if not isinstance(node, ast.AugAssign | ast.Assign) or name not in bound(node):
                continue
            added, front = _added(node, name)
            if added is None or name in names_in(added):
                directions = {True, False}
                break
            directions.add(front)
            one = match("($X,)", added) if kind == "tuple" else None
            if one:
                edits.replace(node, f"{parts}.append({ast.unparse(one['X'])})")
            else:
                edits.replace(node, f"{parts}.{'extend' if kind == 'tuple' else 'append'}({ast.unparse(added)})")
            inside += 1
        uses = sum(isinstance(n, ast.Name) and n.id == name for n in ast.walk(loop))
        backward = directions == {True}
        if len(directions) != 1 or not inside or (kind == "tuple" and backward) or uses != inside + _second_mentions(loop, name):
            continue
        start = f"{parts} = [{name}]" if kind != "tuple" else f"{parts} = list({name})"
        edits.before(loop, start)
        edits.after(loop, f"{name} = " + _JOIN[kind].format(parts=f"{parts}[::-1]" if backward else parts))
        yield Rewrite(edits.text(), f"`{name}` copied at every step: parts joined once", loop.lineno)


def _added(node: ast.AugAssign | ast.Assign, name: str) -> tuple[ast.expr | None, bool]:
    """What is added to the name (None where it is something else), and whether it is added in front."""
    if isinstance(node, ast.AugAssign):
        return (node.value if isinstance(node.op, ast.Add) and isinstance(node.target, ast.Name) else None), False
    terms: list[ast.expr] = []
    chain = node.value
    while isinstance(chain, ast.BinOp) and isinstance(chain.op, ast.Add):
        terms.insert(0, chain.right)
        chain = chain.left
    terms.insert(0, chain)
    if len(node.targets) != 1 or len(terms) < 2 or not isinstance(node.targets[0], ast.Name):
        return None, False
    ends = [isinstance(t, ast.Name) and t.id == name for t in (terms[0], terms[-1])]
    rest = terms[1:] if ends[0] else terms[:-1]
    if ends.count(True) != 1:
        return None, False
    value = rest[0]
    for term in rest[1:]:
        value = ast.BinOp(left=value, op=ast.Add(), right=term)
    return value, ends[1]


def _second_mentions(loop: ast.stmt, name: str) -> int:
    """Mentions of the name on the right side of `s = s + c` and `s = c + s`."""
    return sum(isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Load)
               for a in ast.walk(loop) if isinstance(a, ast.Assign) and name in bound(a) for n in ast.walk(a.value))  # fmt: skip
