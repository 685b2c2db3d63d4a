"""`for i in range(n)` -> a while loop with a counter."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.inverse._facts import calls
from codeopt.agent.rules.inverse._sites import Place, finish, places
from codeopt.agent.rules.pyedit import Edits
from codeopt.agent.rules.pyfacts import bound, is_pure, mutated, names_in, passed
from codeopt.agent.rules.pynumeric import has_scope, leaks, own_jumps

SUMMARY = "for i in range(a, b) -> while i < b with a counter, the bound computed at every step where it keeps its value"
EXPECTS = "1.3-2x"
SOURCE = "Python wiki, PythonSpeed/PerformanceTips (loops); while loops carried over from C in beginners' solutions"


def apply(code: Code) -> Iterator[Rewrite]:
    for place in places(code, ast.For):
        loop = place.node
        if not isinstance(loop, ast.For) or not isinstance(loop.target, ast.Name) or not calls(code.text, loop.iter, "range", most=2):
            continue
        args = loop.iter.args  # type: ignore[attr-defined]
        i, stop = loop.target.id, args[-1]
        start = ast.unparse(args[0]) if len(args) == 2 else "0"
        nodes = [n for s in loop.body for n in ast.walk(s)]
        if i in bound(loop.body) or has_scope(loop.body) or leaks(place.scope, loop, {i}) or i in names_in(args[0]) | names_in(stop):
            continue
        if not isinstance(place.scope, ast.FunctionDef) or _jumps(loop) or not all(_whole(place, a) for a in args):
            continue
        if any(isinstance(n, ast.Yield | ast.YieldFrom) for n in nodes):
            continue
        edits = Edits(code.text)
        fixed = is_pure(stop) and not names_in(stop) & (bound(loop.body) | mutated(loop.body) | passed(loop.body))
        limit = ast.unparse(stop)
        setup = f"{i} = {start}"
        if not fixed or not _local(place, stop):
            limit = place.name("stop")
            setup = f"{i} = {start}\n{limit} = {ast.unparse(stop)}"
        edits.before(loop, setup)
        edits.header(loop, f"while {i} < {limit}")
        edits.after(loop.body[-1], f"{i} += 1")
        yield from finish(edits, "for in range -> while with a counter", loop)


def _jumps(loop: ast.For) -> bool:
    """A `continue` would skip the counting."""
    if not own_jumps(loop.body):
        return False
    stack: list[ast.AST] = list(loop.body)
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Continue):
            return True
        if not isinstance(node, ast.For | ast.While):
            stack.extend(ast.iter_child_nodes(node))
    return False


def _whole(place: Place, node: ast.expr) -> bool:
    """Whether a bound is a whole number; of unknown names it has to be, or `range` raises."""
    if place.kinds.is_(node, "int"):
        return True
    if isinstance(node, ast.Name):
        return place.kinds.of(node) is None and not place.kinds.is_(node, "float")
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        return _whole(place, node.left) and _whole(place, node.right)
    return False


def _local(place: Place, node: ast.expr) -> bool:
    """Whether only names and lengths of this function are in a bound: cheap to compute again, and nobody else changes it."""
    return all(
        isinstance(n, ast.Name | ast.Constant | ast.BinOp | ast.operator | ast.expr_context)
        or calls(place.text, n, "len")
        for n in ast.walk(node)
    )
