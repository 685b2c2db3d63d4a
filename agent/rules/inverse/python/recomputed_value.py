"""`n = f(a)` once -> `f(a)` at each use."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.inverse._facts import calls
from codeopt.agent.rules.inverse._sites import Place, finish, places
from codeopt.agent.rules.pyedit import Edits
from codeopt.agent.rules.pyfacts import bound, is_pure, mutated, names_in, passed
from codeopt.agent.rules.pynumeric import escapes, local_names

SUMMARY = "a value that is computed once and used again -> computed at every use"
EXPECTS = "1.2x to O(n) times, in loops"
SOURCE = "Loop-invariant code motion undone; Python wiki, PythonSpeed/PerformanceTips; frequent in beginners' solutions"

_IMMUTABLE = ("int", "float", "bool", "str")


def apply(code: Code) -> Iterator[Rewrite]:
    for place in places(code, ast.Assign):
        node, scope = place.node, place.scope
        if not isinstance(node, ast.Assign) or not isinstance(scope, ast.FunctionDef) or len(node.targets) != 1:
            continue
        target = node.targets[0]
        if not isinstance(target, ast.Name) or not _steady(place, node, target.id):
            continue
        uses = [n for n in ast.walk(scope) if isinstance(n, ast.Name) and n.id == target.id and isinstance(n.ctx, ast.Load)]
        if not uses:
            continue
        edits = Edits(code.text)
        value = ast.unparse(node.value)
        for use in uses:
            edits.replace(use, value if isinstance(node.value, ast.Call) else f"({value})")
        edits.replace(node, "")
        yield from finish(edits, f"{target.id} computed at every use", node)


def _steady(place: Place, node: ast.Assign, name: str) -> bool:
    """Whether the value is the same, and raises nothing new, wherever the name is read."""
    scope = place.scope
    if not isinstance(scope, ast.FunctionDef) or name not in local_names(scope) or name in escapes(scope) or node not in scope.body:
        return False
    if not isinstance(node.value, ast.Call | ast.BinOp) or not is_pure(node.value) or not place.kinds.is_(node.value, *_IMMUTABLE):
        return False
    if any(isinstance(n, ast.GeneratorExp | ast.ListComp | ast.Lambda) for n in ast.walk(node.value)):
        return False
    stores = [n for n in ast.walk(scope) if isinstance(n, ast.Name) and n.id == name and not isinstance(n.ctx, ast.Load)]
    later = scope.body[scope.body.index(node) + 1 :]
    if len(stores) != 1 or name in {a.arg for a in ast.walk(scope.args) if isinstance(a, ast.arg)} or not later:
        return False
    if not _harmless(place, node.value) and not any(
        isinstance(n, ast.Name) and n.id == name and Place(place.code, scope, n).early for n in ast.walk(later[0])
    ):
        return False  # what it may raise has to come at the same place
    read = names_in(node.value)
    outside = read - local_names(scope)
    if outside - {n.func.id for n in ast.walk(node.value) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}:
        return False
    plain = all(place.kinds.is_(ast.Name(r, ast.Load()), *_IMMUTABLE) for r in read - outside)
    changed = bound(later) | (set() if plain else mutated(later) | passed(later))
    touched = {m for m in mutated(later) if not place.kinds.is_(ast.Name(m, ast.Load()), *_IMMUTABLE)}
    unknown = not plain and (touched or any(isinstance(n, ast.Yield) for s in later for n in ast.walk(s)))
    loaded = any(isinstance(n, ast.JoinedStr) and name in names_in(n) for s in later for n in ast.walk(s))
    return not read & changed and not unknown and not loaded


def _harmless(place: Place, node: ast.expr) -> bool:
    """Whether an expression cannot raise: lengths, and sums and products of integers."""
    if isinstance(node, ast.BinOp):
        plain = isinstance(node.op, ast.Add | ast.Sub | ast.Mult) and place.kinds.is_(node, "int")
        return plain and _harmless(place, node.left) and _harmless(place, node.right)
    if calls(place.text, node, "len"):
        return place.kinds.is_(node.args[0], "list", "tuple", "str", "dict", "set")  # type: ignore[attr-defined]
    return isinstance(node, ast.Name | ast.Constant)
