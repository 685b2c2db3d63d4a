"""Membership in a list inside a loop becomes membership in a set."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyedit import Edits, Scope, fresh_name, functions, parents
from codeopt.agent.rules.pyfacts import element_type, maybe_unhashable, type_of
from codeopt.agent.rules.pyplace import home, walk_all

SUMMARY = "`x in items` in a loop, items a list, tuple or split string that stays the same: a set built once"
EXPECTS = "O(n*m) -> O(n+m)"
SOURCE = "Python wiki, TimeComplexity; common practice among PIE's human pairs"


def apply(code: Code) -> Iterator[Rewrite]:
    up = parents(code.tree)
    for scope in functions(code):
        groups: dict[tuple[str, int], list[tuple[ast.expr, ast.stmt]]] = {}
        for node in walk_all(scope):
            if isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], ast.In | ast.NotIn):
                held = node.comparators[0]
                place = home(node, held, up) if _listlike(held, node.left, scope) else None
                if place is not None:
                    groups.setdefault((ast.unparse(held), id(place)), []).append((held, place))
        for (text, _), uses in groups.items():
            held, place = uses[0]
            edits = Edits(code.text)
            name = fresh_name(code.tree, _name(held))
            if maybe_unhashable(held, scope):
                edits.before(place, f"try:\n    {name} = set({text})\nexcept TypeError:\n    {name} = {text}")
            else:
                edits.before(place, f"{name} = set({text})")
            for use, _ in uses:
                edits.replace(use, name)
            yield Rewrite(edits.text(), f"membership in `{text[:40]}` in a loop: a set built once", held.lineno)


def _name(held: ast.expr) -> str:
    if isinstance(held, ast.Name):
        return f"{held.id}_set"
    return f"{held.attr}_set" if isinstance(held, ast.Attribute) else "members"


def _listlike(held: ast.expr, left: ast.expr, scope: Scope) -> bool:
    """Likely a list or tuple, longer than a short literal."""
    if isinstance(held, ast.Constant | ast.Set | ast.SetComp | ast.Dict | ast.DictComp | ast.JoinedStr):
        return False
    if isinstance(held, ast.List | ast.Tuple):
        return len(held.elts) > 3 and all(isinstance(e, ast.Constant) for e in held.elts)
    if isinstance(held, ast.Subscript) and not isinstance(held.slice, ast.Slice):
        return False
    kind = type_of(held, scope)
    if isinstance(held, ast.Call):
        return kind in ("list", "tuple")
    if kind in ("set", "dict", "str", "range", "view", "deque", "bytes", "int"):
        return False
    return kind in ("list", "tuple") or element_type(held, scope) != "str" or type_of(left, scope) != "str"
