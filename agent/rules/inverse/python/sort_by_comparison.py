"""`sorted(a)` -> `sorted(a, key=cmp_to_key(compare))`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.inverse._facts import builtin, calls
from codeopt.agent.rules.inverse._sites import Place, finish, places
from codeopt.agent.rules.pyedit import Edits

SUMMARY = "sorted(a) and a.sort() -> the same with a comparison function"
EXPECTS = "3-10x"
SOURCE = "Python documentation, Sorting HOW TO (cmp functions are the older and slower way)"

_BODY = """
def NAME(a, b):
    if a < b:
        return -1
    if a > b:
        return 1
    return 0
"""


def apply(code: Code) -> Iterator[Rewrite]:
    for place in places(code, ast.Call):
        node = place.node
        if not isinstance(node, ast.Call) or any(k.arg != "reverse" for k in node.keywords):
            continue
        if _sorts(place, node):
            name, cmp = place.name("compare"), "cmp_to_key"
            edits = Edits(code.text)
            parts = [*map(ast.unparse, node.args), f"key={cmp}({name})", *(f"reverse={ast.unparse(k.value)}" for k in node.keywords)]
            edits.replace(node, f"{ast.unparse(node.func)}({', '.join(parts)})")
            edits.add_helper(_BODY.strip("\n").replace("NAME", name))
            edits.add_import("from functools import cmp_to_key")
            yield from finish(edits, "sorted by a comparison function", node)


def _sorts(place: Place, node: ast.Call) -> bool:
    if not builtin(place.text, "cmp_to_key") and "from functools import cmp_to_key" not in place.text:
        return False
    if calls(place.text, ast.Call(node.func, node.args, []), "sorted"):
        return True
    method = isinstance(node.func, ast.Attribute) and node.func.attr == "sort" and not node.args
    return method and place.kinds.is_(node.func.value, "list")  # type: ignore[attr-defined]
