"""Sorting with `cmp_to_key` of a comparison of one key -> `key=`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyedit import Edits, all_functions, functions, walk_scope
from codeopt.agent.rules.pymatch import match, same
from codeopt.agent.rules.pynumeric import called, with_names

SUMMARY = "cmp_to_key of a function that compares one key -> key="
EXPECTS = "9-13x measured on 1e4 to 1e5 pairs"
SOURCE = "Python documentation, Sorting HOW TO: key functions; common in PIE's human pairs"

_SIGNS = ("return $A - $B", "return ($A > $B) - ($A < $B)")
_BRANCHES = (
    "if $A < $B:\n    return -1\nelif $A > $B:\n    return 1\nelse:\n    return 0",
    "if $A < $B:\n    return -1\nelif $A > $B:\n    return 1\nreturn 0",
    "if $A < $B:\n    return -1\nif $A > $B:\n    return 1\nreturn 0",
    "if $A > $B:\n    return 1\nelif $A < $B:\n    return -1\nreturn 0",
    "if $A > $B:\n    return 1\nelif $A < $B:\n    return -1\nelse:\n    return 0",
    "if $A > $B:\n    return 1\nif $A < $B:\n    return -1\nreturn 0",
    "return -1 if $A < $B else (1 if $A > $B else 0)",
    "return -1 if $A < $B else 1 if $A > $B else 0",
)


def _key(body: list[ast.stmt], args: list[ast.arg]) -> tuple[ast.expr, str, bool] | None:
    """(key expression, its argument, reverse) of a comparison function, None where it compares more than one key."""
    first, second = args[0].arg, args[1].arg
    for pattern in (*_BRANCHES, *_SIGNS):
        found = match(pattern, body) if len(body) > 1 else match(pattern, body[0])
        if found is None:
            continue
        a, b = found["A"], found["B"]
        if not isinstance(a, ast.expr) or not isinstance(b, ast.expr):
            continue
        for left, right, turned in ((first, second, False), (second, first, True)):
            names = {n.id for n in ast.walk(a) if isinstance(n, ast.Name)}
            if left in names and right not in names and same(with_names(a, {left: ast.Name(right, ast.Load())}), b):
                return a, left, turned
    return None


def apply(code: Code) -> Iterator[Rewrite]:
    table = {f.name: f for f in all_functions(code.tree).values()}
    for scope in functions(code):
        for call in walk_scope(scope):
            if not isinstance(call, ast.Call):
                continue
            key = next((k for k in call.keywords if k.arg == "key"), None)
            if key is None or not called(key.value, "functools.cmp_to_key", "cmp_to_key") or len(key.value.args) != 1:
                continue
            given = key.value.args[0]
            if any(k.arg == "reverse" for k in call.keywords):
                continue
            if isinstance(given, ast.Lambda) and len(given.args.args) == 2:
                made = _key([ast.Return(given.body)], given.args.args)
            elif isinstance(given, ast.Name) and given.id in table and len(table[given.id].args.args) == 2:
                body = [s for s in table[given.id].body if not _is_text(s)]
                made = _key(body, table[given.id].args.args)
            else:
                continue
            if made is None:
                continue
            value, name, turned = made
            edits = Edits(code.text)
            text = f"lambda {name}: {ast.unparse(value)}" + (", reverse=True" if turned else "")
            edits.replace(key.value, text)
            yield Rewrite(edits.text(), "cmp_to_key -> key", call.lineno)


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
