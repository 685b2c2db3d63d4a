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
            b = match(f"{name} += $E", node)
            front = match(f"{name} = $E + {name}", node) if isinstance(node, ast.Assign) and not match(f"{name} = {name} + $E", node) else None
            held = front or b
            if not held or name in names_in(held["E"]):
                directions.add(True)
                directions.add(False)
                break
            directions.add(front is not None)
            one = match("($X,)", held["E"]) if kind == "tuple" else None
            if kind == "tuple":
                edits.replace(node, f"{parts}.append({ast.unparse(one['X'])})" if one else f"{parts}.extend({ast.unparse(held['E'])})")
            else:
                edits.replace(node, f"{parts}.append({ast.unparse(held['E'])})")
            inside += 1
        uses = sum(isinstance(n, ast.Name) and n.id == name for n in ast.walk(loop))
        backward = directions == {True}
        if len(directions) != 1 or not inside or (kind == "tuple" and backward) or uses != inside + _second_mentions(loop, name):
            continue
        start = f"{parts} = [{name}]" if kind != "tuple" else f"{parts} = list({name})"
        edits.before(loop, start)
        edits.after(loop, f"{name} = " + _JOIN[kind].format(parts=f"{parts}[::-1]" if backward else parts))
        yield Rewrite(edits.text(), f"`{name}` copied at every step: parts joined once", loop.lineno)


def _second_mentions(loop: ast.stmt, name: str) -> int:
    """Mentions of the name on the right side of `s = s + c` and `s = c + s`."""
    return sum(isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Load)
               for a in ast.walk(loop) if isinstance(a, ast.Assign) and name in bound(a) for n in ast.walk(a.value))  # fmt: skip
