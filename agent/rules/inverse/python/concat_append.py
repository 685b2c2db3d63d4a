"""`r.append(x)` -> `r = r + [x]`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.inverse._facts import builtin
from codeopt.agent.rules.inverse._sites import Place, finish, places
from codeopt.agent.rules.pyedit import Edits
from codeopt.agent.rules.pynumeric import escapes, local_names, name_of

SUMMARY = "r.append(x) on a list that only its own function knows -> r = r + [x], a copy at every step"
EXPECTS = "O(n) -> O(n^2)"
SOURCE = "Ruff RUF005 and PERF4xx; lists grown by copying are common in submissions by beginners"

_READERS = frozenset(["len", "sum", "min", "max", "sorted", "list", "tuple", "set", "str", "any", "all", "print", "repr", "frozenset"])


def apply(code: Code) -> Iterator[Rewrite]:
    done: set[tuple[int, str]] = set()
    for place in places(code, ast.Expr):
        name = _appended(place.node)
        if name and (id(place.scope), name) not in done and _own(place, name):
            done.add((id(place.scope), name))
            edits = Edits(code.text)
            for other in ast.walk(place.scope):
                if isinstance(other, ast.Expr) and _appended(other) == name:
                    value = other.value.args[0]  # type: ignore[attr-defined]
                    edits.replace(other, f"{name} = {name} + [{ast.unparse(value)}]")
            yield from finish(edits, f"{name}.append -> {name} = {name} + [...]", place.node)


def _appended(node: ast.AST) -> str:
    call = node.value if isinstance(node, ast.Expr) else None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute) or call.func.attr != "append":
        return ""
    return name_of(call.func.value) if len(call.args) == 1 and not isinstance(call.args[0], ast.Starred) else ""


def _own(place: Place, name: str) -> bool:
    """Whether the list has no other name, and nothing walks it while it grows."""
    scope, up = place.scope, place.up
    if not isinstance(scope, ast.FunctionDef) or name not in local_names(scope) or name in escapes(scope):
        return False
    if name in {a.arg for a in ast.walk(scope.args) if isinstance(a, ast.arg)}:
        return False
    for node in ast.walk(scope):
        if not isinstance(node, ast.Name) or node.id != name:
            continue
        parent = up[node]
        if isinstance(node.ctx, ast.Store):
            value = parent.value if isinstance(parent, ast.Assign) and parent.targets == [node] else None
            if not isinstance(value, ast.List | ast.ListComp) and not isinstance(parent, ast.AugAssign):
                return False
        elif isinstance(node.ctx, ast.Del) or not _read(place, node, parent):
            return False
    return True


def _read(place: Place, node: ast.Name, parent: ast.AST) -> bool:
    if isinstance(parent, ast.Attribute):
        call = place.up.get(parent)
        known = ("append", "pop", "sort", "reverse", "insert", "index", "count", "extend", "remove", "clear", "copy")
        return isinstance(call, ast.Call) and call.func is parent and parent.attr in known
    if isinstance(parent, ast.Subscript):
        return parent.value is node
    if isinstance(parent, ast.Return | ast.Compare):
        return True
    if isinstance(parent, ast.For):
        grows = any(_appended(n) == node.id for s in parent.body for n in ast.walk(s))
        return parent.iter is node and not grows
    if isinstance(parent, ast.comprehension):
        return parent.iter is node and not isinstance(place.up[parent], ast.GeneratorExp)
    if isinstance(parent, ast.UnaryOp):
        return True
    if isinstance(parent, ast.Call) and isinstance(parent.func, ast.Name) and node in parent.args:
        return parent.func.id in _READERS and builtin(place.text, parent.func.id)
    if isinstance(parent, ast.Call) and isinstance(parent.func, ast.Attribute) and node in parent.args:
        return parent.func.attr == "join"
    return False
