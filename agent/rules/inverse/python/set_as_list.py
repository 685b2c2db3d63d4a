"""A set that is only asked -> a list."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.inverse._facts import calls
from codeopt.agent.rules.inverse._sites import Place, finish, places
from codeopt.agent.rules.pyedit import Edits
from codeopt.agent.rules.pynumeric import escapes, local_names

SUMMARY = "a set that is only asked for members -> a list"
EXPECTS = "O(1) -> O(n) a question"
SOURCE = "Ruff PLR6201; membership in lists is the classic among PIE's slow Python programs"

def apply(code: Code) -> Iterator[Rewrite]:
    for place in places(code, ast.Assign):
        node, scope = place.node, place.scope
        if not isinstance(node, ast.Assign) or len(node.targets) != 1 or not isinstance(node.targets[0], ast.Name):
            continue
        name = node.targets[0].id
        if not isinstance(scope, ast.FunctionDef) or name in escapes(scope) or name not in local_names(scope):
            continue
        edits = Edits(code.text)
        if _edit(place, name, edits):
            filled = calls(code.text, node.value, "set")
            edits.replace(node.value, f"list({ast.unparse(node.value)})" if filled else "[]")
            yield from finish(edits, f"{name}: set -> list", node)


def _edit(place: Place, name: str, edits: Edits) -> bool:
    """`add` becomes an `append` of what is not there; anything but `in` and `add` is refused. Elements are hashable for sure."""
    value = place.node.value  # type: ignore[attr-defined]
    if not (calls(place.text, value, "set") or (ast.unparse(value) == "set()" and "set" not in place.kinds.held)):
        return False
    plain = ("int", "str", "float", "bool")
    stores = asked = 0
    for node in ast.walk(place.scope):
        if isinstance(node, ast.arg) and node.arg == name:
            return False
        if not isinstance(node, ast.Name) or node.id != name:
            continue
        parent, above = place.up[node], place.up.get(place.up[node])
        if isinstance(node.ctx, ast.Store):
            stores += 1
        elif isinstance(parent, ast.Compare) and len(parent.ops) == 1 and isinstance(parent.ops[0], ast.In | ast.NotIn) and parent.left is not node:
            if not place.kinds.is_(parent.left, *plain):
                return False
            asked += 1
        elif isinstance(parent, ast.Attribute) and parent.attr == "add" and isinstance(above, ast.Call):
            stmt = place.up.get(above)
            if not isinstance(stmt, ast.Expr) or not isinstance(above.args[0], ast.Name) or not place.kinds.is_(above.args[0], *plain):
                return False
            item = above.args[0].id
            edits.replace(stmt, f"if {item} not in {name}:\n    {name}.append({item})")
        else:
            return False
    return stores == 1 and asked > 0
