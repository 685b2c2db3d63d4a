"""Counting the same list again and again becomes one Counter."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyedit import Edits, Scope, fresh_name, functions, parents, statement_of
from codeopt.agent.rules.pyfacts import maybe_unhashable, type_of
from codeopt.agent.rules.pymatch import fill, match
from codeopt.agent.rules.pyplace import home, walk_all

SUMMARY = "`items.count(x)` in a loop, comprehension or `key=`: a Counter made once"
EXPECTS = "O(n^2) -> O(n)"
SOURCE = "Python documentation, collections.Counter; common practice among PIE's human pairs"


def apply(code: Code) -> Iterator[Rewrite]:
    up = parents(code.tree)
    for scope in functions(code):
        groups: dict[tuple[str, int], list[tuple[ast.Call, ast.stmt]]] = {}
        for node in walk_all(scope):
            b = match("$A.count($X)", node) if isinstance(node, ast.Call) else None
            if b and not _text(b["A"], b["X"], scope) and not maybe_unhashable(b["A"], scope):
                place = home(node, b["A"], up)
                if place is not None and isinstance(node, ast.Call):
                    groups.setdefault((ast.unparse(b["A"]), id(place)), []).append((node, place))
        for (text, _), uses in groups.items():
            edits = Edits(code.text)
            name = fresh_name(code.tree, "counts")
            edits.before(uses[0][1], f"{name} = Counter({text})")
            for call, _ in uses:
                edits.replace(call, fill(f"{name}[$X]", {"X": call.args[0]}))
            edits.add_import("from collections import Counter")
            yield Rewrite(edits.text(), f"`{text[:40]}.count` in a loop: a Counter made once", uses[0][0].lineno)
        for node in walk_all(scope):
            b = match("$A.count", node.value) if isinstance(node, ast.keyword) and node.arg == "key" else None
            if b and isinstance(node, ast.keyword):
                edits = Edits(code.text)
                name = fresh_name(code.tree, "counts")
                edits.before(statement_of(node, up), fill(f"{name} = Counter($A)", b))
                edits.replace(node.value, f"{name}.__getitem__")
                edits.add_import("from collections import Counter")
                yield Rewrite(edits.text(), "`key=items.count`: a Counter made once", node.value.lineno)


def _text(held: ast.expr, what: ast.expr, scope: Scope) -> bool:
    """A string whose counted part may be longer than a character."""
    if isinstance(what, ast.Constant) and isinstance(what.value, str):
        return type_of(held, scope) != "list"
    return type_of(held, scope) in ("str", "bytes") and not isinstance(what, ast.Name)
