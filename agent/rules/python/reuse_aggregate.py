"""min, max, sum, sorted … of something that stays the same is computed once."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyedit import Edits, fresh_name, functions, parents
from codeopt.agent.rules.pyplace import home, walk_all

SUMMARY = "`max(a)`, `sum(a)`, `sorted(a)`, `set(a)`, `a.index(c)` … in a loop that leaves a alone: computed once before it"
EXPECTS = "O(n^2) -> O(n)"
SOURCE = "Loop-invariant code motion; PIE's pairs"

_CALLS = ("min", "max", "sum", "sorted", "set", "list", "tuple", "Counter", "len")
_METHODS = ("index", "split", "lower", "upper", "keys", "values", "replace", "strip")


def apply(code: Code) -> Iterator[Rewrite]:
    up = parents(code.tree)
    for scope in functions(code):
        groups: dict[tuple[str, int], list[tuple[ast.Call, ast.stmt]]] = {}
        for node in walk_all(scope):
            if not isinstance(node, ast.Call) or not _costly(node):
                continue
            place = home(node, node, up)
            if place is not None:
                groups.setdefault((ast.unparse(node), id(place)), []).append((node, place))
        for (text, _), uses in groups.items():
            call = uses[0][0]
            word = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "value")
            name = fresh_name(code.tree, f"{word}_once")
            edits = Edits(code.text)
            safe = text[:-1] + ", default=None)" if word in ("min", "max") else text
            edits.before(uses[0][1], f"{name} = {safe}")
            for use, _ in uses:
                edits.replace(use, name)
            yield Rewrite(edits.text(), f"`{text[:40]}` in a loop: computed once", call.lineno)


def _costly(call: ast.Call) -> bool:
    if isinstance(call.func, ast.Name):
        name = call.func.id
        if name == "len" and call.args and isinstance(call.args[0], ast.Name):
            return False
        return name in _CALLS and len(call.args) == 1 and not isinstance(call.args[0], ast.Constant)
    return isinstance(call.func, ast.Attribute) and call.func.attr in _METHODS and isinstance(call.func.value, ast.Name)
