"""`row[k] += x` in a loop that leaves `row` and `k` alone -> a local sum, stored once after the loop."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyedit import Edits, Loop, all_names, functions, loops, walk_scope
from codeopt.agent.rules.pyfacts import bound, names_in, passed, root
from codeopt.agent.rules.pynumeric import free, has_scope

SUMMARY = "a[i][k] += x in a loop over j -> a local sum, stored once after the loop"
EXPECTS = "1.1x measured on an n-body step, 1.3x on a matrix product over lists"
SOURCE = "Scalar replacement of array references (Callahan, Carr and Kennedy 1990), which CPython does not do"

_LEAVES = ast.Return | ast.Yield | ast.YieldFrom | ast.Await | ast.Raise | ast.Try


def apply(code: Code) -> Iterator[Rewrite]:
    for scope in functions(code):
        for loop in loops(scope):
            if isinstance(loop, ast.For) and not has_scope(loop.body):
                yield from _rewrite(code, loop)


def _rewrite(code: Code, loop: Loop) -> Iterator[Rewrite]:
    nodes = [node for statement in loop.body for node in [statement, *walk_scope(statement)]]
    if any(isinstance(node, _LEAVES) for node in nodes):
        return
    moving = bound(loop) | passed(loop.body)
    moving |= {root(n.func) for n in nodes if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)}
    items = [node for node in nodes if isinstance(node, ast.Subscript)]
    sums: dict[str, list[ast.Subscript]] = {}
    for node in nodes:
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Subscript):
            sums.setdefault(ast.unparse(node.target), [])
    for item in items:
        if ast.unparse(item) in sums:
            sums[ast.unparse(item)].append(item)
    kept = {text: found for text, found in sums.items() if _fixed(found, moving, items)}
    if not kept:
        return
    used = all_names(code.tree)
    edits = Edits(code.text)
    before, after = [], []
    for text, found in kept.items():
        local = free(f"sum_{root(found[0])}", used)
        used.add(local)
        before.append(f"{local} = {text}")
        after.append(f"{text} = {local}")
        for item in found:
            edits.replace(item, local)
    edits.before(loop, "\n".join(before))
    edits.after(loop, "\n".join(after))
    yield Rewrite(edits.text(), f"{', '.join(kept)} summed in a local", loop.lineno)


def _fixed(found: list[ast.Subscript], moving: set[str], items: list[ast.Subscript]) -> bool:
    """Whether one place in memory is meant in every pass, and no other item of the loop can be the same place."""
    place = found[0]
    plain = all(isinstance(n, ast.Name | ast.Constant | ast.Subscript | ast.BinOp | ast.operator | ast.expr_context) for n in ast.walk(place))
    if not plain or not root(place) or names_in(place) & moving:
        return False
    return not any(_may_be(place, other) for other in items if ast.unparse(other) != ast.unparse(place))


def _may_be(place: ast.Subscript, other: ast.Subscript) -> bool:
    if root(place) != root(other) or _depth(place) != _depth(other):
        return False
    constants = isinstance(place.slice, ast.Constant) and isinstance(other.slice, ast.Constant)
    return not constants or ast.unparse(place.slice) == ast.unparse(other.slice)


def _depth(node: ast.expr) -> int:
    return 1 + _depth(node.value) if isinstance(node, ast.Subscript) else 0
