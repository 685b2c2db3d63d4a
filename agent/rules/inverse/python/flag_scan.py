"""`return True` inside a loop -> a flag, and the loop runs to its end."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.inverse._facts import calls
from codeopt.agent.rules.inverse._sites import Place, finish, places
from codeopt.agent.rules.pyedit import Edits
from codeopt.agent.rules.pynumeric import const

SUMMARY = "a loop that returns or breaks at the first hit -> a flag, and the rest of the loop"
EXPECTS = "up to O(n) for O(1)"
SOURCE = "Missing early exits are among the common slownesses of PIE's human programs"

def apply(code: Code) -> Iterator[Rewrite]:
    """Only where the rest of the loop can neither raise nor do anything: comparisons of plain values."""
    for place in places(code, ast.For):
        loop = place.node
        if not isinstance(loop, ast.For) or loop.orelse or len(loop.body) != 1 or not isinstance(loop.body[0], ast.If):
            continue
        test, body = loop.body[0], loop.body[0].body
        if test.orelse or not isinstance(loop.target, ast.Name) or not _quiet(place, test.test) or not _finite(place, loop):
            continue
        if len(body) == 1 and isinstance(body[0], ast.Return) and const(body[0].value or loop, True, False):
            after = _next(place, loop)
            if not isinstance(after, ast.Return) or not const(after.value or loop, True, False):
                continue
            flag = place.name("found")
            edits = Edits(code.text)
            edits.before(loop, f"{flag} = {ast.unparse(after.value)}")  # type: ignore[arg-type]
            edits.replace(body[0], f"{flag} = {ast.unparse(body[0].value)}")  # type: ignore[arg-type]
            edits.replace(after, f"return {flag}")
            yield from finish(edits, "early return -> flag", loop)
        elif len(body) == 2 and isinstance(body[1], ast.Break) and isinstance(body[0], ast.Assign):
            target = body[0].targets[0]
            used = {n.id for n in ast.walk(test.test) if isinstance(n, ast.Name)}
            kept = isinstance(target, ast.Name) and target.id not in used | {loop.target.id}
            if kept and isinstance(body[0].value, ast.Constant) and len(body[0].targets) == 1 and not _read_later(place, loop):
                edits = Edits(code.text)
                edits.replace(body[1], "")
                yield from finish(edits, "break removed", loop)


def _read_later(place: Place, loop: ast.For) -> bool:
    name = ast.unparse(loop.target)
    inside = {id(n) for n in ast.walk(loop)}
    return any(isinstance(n, ast.Name) and n.id == name and id(n) not in inside for n in ast.walk(place.scope))


def _next(place: Place, loop: ast.For) -> ast.stmt | None:
    block = place.scope.body
    at = next((i for i, s in enumerate(block) if s is loop), -1)
    return block[at + 1] if 0 <= at < len(block) - 1 else None


def _finite(place: Place, loop: ast.For) -> bool:
    if calls(place.text, loop.iter, "range", most=3):
        return place.kinds.is_(loop.iter, "range") and all(place.kinds.is_(a, "int") for a in loop.iter.args)  # type: ignore[attr-defined]
    return place.kinds.is_(loop.iter, "list", "tuple", "str")


def _quiet(place: Place, node: ast.expr) -> bool:
    """Whether a test of plain names and constants cannot raise: == and != of known kinds, order of numbers, % by a constant."""
    if isinstance(node, ast.BoolOp):
        return all(_quiet(place, v) for v in node.values)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return _quiet(place, node.operand)
    if not isinstance(node, ast.Compare) or len(node.ops) != 1:
        return False
    sides = [node.left, node.comparators[0]]
    kinds = {k.name if (k := place.kinds.of(s)) else "" for s in sides}
    if not all(_plain(place, s) for s in sides) or "" in kinds:
        return False
    return isinstance(node.ops[0], ast.Eq | ast.NotEq) or kinds <= {"int", "float"} or kinds == {"str"}


def _plain(place: Place, node: ast.expr) -> bool:
    if isinstance(node, ast.Name | ast.Constant):
        return True
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub | ast.Mult | ast.Mod) and place.kinds.is_(node, "int"):
        nonzero = isinstance(node.right, ast.Constant) and bool(node.right.value)
        counter = isinstance(node.right, ast.Name) and _from_two(place, node.right.id)
        return _plain(place, node.left) and _plain(place, node.right) and (not isinstance(node.op, ast.Mod) or nonzero or counter)
    return False


def _from_two(place: Place, name: str) -> bool:
    """Whether a name is the counter of this loop and starts above zero."""
    loop = place.node
    if not isinstance(loop, ast.For) or ast.unparse(loop.target) != name or not calls(place.text, loop.iter, "range", most=3, least=2):
        return False
    start = loop.iter.args[0]  # type: ignore[attr-defined]
    return isinstance(start, ast.Constant) and isinstance(start.value, int) and start.value > 0 and len(loop.iter.args) == 2  # type: ignore[attr-defined]
