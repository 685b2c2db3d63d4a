"""`deque.popleft()` -> `list.pop(0)`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.inverse._facts import is_library
from codeopt.agent.rules.inverse._sites import Place, finish, places
from codeopt.agent.rules.pyedit import Edits
from codeopt.agent.rules.pynumeric import escapes, local_names

SUMMARY = "a deque of one function -> a list with pop(0) and insert(0, x)"
EXPECTS = "O(1) -> O(n) a step"
SOURCE = "Python documentation, collections.deque; queues on lists are a common slowness of PIE's human programs"

_SAME = ("append", "pop", "extend", "clear", "remove", "count")


def apply(code: Code) -> Iterator[Rewrite]:
    for place in places(code, ast.Assign):
        node, scope = place.node, place.scope
        if not isinstance(node, ast.Assign) or len(node.targets) != 1 or not isinstance(node.targets[0], ast.Name):
            continue
        name, made = node.targets[0].id, node.value
        if not isinstance(made, ast.Call) or not is_library(code.text, made.func, "collections.deque") or made.keywords or len(made.args) > 1:
            continue
        if isinstance(scope, ast.FunctionDef) and (name in escapes(scope) or name not in local_names(scope)):
            continue
        edits = Edits(code.text)
        if _edit(place, name, edits):
            edits.replace(made.func, "list")
            yield from finish(edits, f"{name}: deque -> list", node)


def _edit(place: Place, name: str, edits: Edits) -> bool:
    """Change the uses that a list has by another name; False where one has no counterpart."""
    stores = 0
    for node in ast.walk(place.scope if isinstance(place.scope, ast.FunctionDef) else place.code.tree):
        if not isinstance(node, ast.Name) or node.id != name:
            continue
        parent, above = place.up[node], place.up.get(place.up[node])
        if isinstance(node.ctx, ast.Store):
            stores += 1
        elif isinstance(parent, ast.Attribute) and isinstance(above, ast.Call) and above.func is parent:
            if parent.attr == "popleft":
                edits.replace(above, f"{name}.pop(0)")
            elif parent.attr == "appendleft":
                edits.replace(above, f"{name}.insert(0, {ast.unparse(above.args[0])})")
            elif parent.attr not in _SAME or (parent.attr == "pop" and above.args):
                return False
        elif isinstance(parent, ast.Subscript):
            if parent.value is not node or isinstance(parent.slice, ast.Slice):
                return False
        elif isinstance(parent, ast.Call):
            if not isinstance(parent.func, ast.Name) or parent.func.id not in ("len", "list", "sum", "sorted", "tuple"):
                return False
        elif not isinstance(parent, ast.While | ast.If | ast.UnaryOp | ast.comprehension | ast.BoolOp):
            return False
    return stores == 1
