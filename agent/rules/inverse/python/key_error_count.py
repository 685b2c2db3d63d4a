"""`if k in d` -> `try` and `except KeyError`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.inverse._sites import finish, places
from codeopt.agent.rules.pyedit import Edits, src
from codeopt.agent.rules.pymatch import match

SUMMARY = "if k in d: d[k] += 1, else: d[k] = 1 -> an exception for every new key"
EXPECTS = "1.2-3x where keys are new"
SOURCE = "Python documentation, Design FAQ (catching an exception is expensive); Ruff PERF203"

_FORMS = ("if $k in $d:\n    $d[$k] += $V\nelse:\n    $d[$k] = $W", "if $k not in $d:\n    $d[$k] = $W\nelse:\n    $d[$k] += $V")


def apply(code: Code) -> Iterator[Rewrite]:
    for place in places(code, ast.If):
        node = place.node
        found = next((b for form in _FORMS if (b := match(form, node))), None)
        if not found or not isinstance(node, ast.If) or src(code.text, node).startswith("elif"):
            continue
        d, k = found["d"], found["k"]
        table, key = (x.id if isinstance(x, ast.Name) else str(x) for x in (d, k))
        kind = place.kinds.of(ast.Name(table, ast.Load()))
        if kind is None or kind.name != "dict" or not all(isinstance(found[x], ast.Constant) for x in ("V", "W")):
            continue
        v, w = ast.unparse(found["V"]), ast.unparse(found["W"])
        edits = Edits(code.text)
        edits.replace(node, f"try:\n    {table}[{key}] += {v}\nexcept KeyError:\n    {table}[{key}] = {w}")
        yield from finish(edits, "key test -> exception", node)
