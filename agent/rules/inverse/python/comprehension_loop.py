"""`[f(x) for x in a]` -> a loop that appends."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import partial

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.inverse._sites import Unrolled, inline, places, unroll

SUMMARY = "list, set and dict comprehensions -> loops that append, add or store"
EXPECTS = "1.2-1.6x"
SOURCE = "Ruff PERF401 and PERF403 (manual list and dict comprehension); usual in beginners' solutions"


def apply(code: Code) -> Iterator[Rewrite]:
    for place in places(code, ast.ListComp, ast.SetComp, ast.DictComp):
        parts = unroll(place, place.node)
        if parts is None:
            continue
        if not isinstance(place.node, ast.DictComp) or _plain_key(parts.elt, parts.value):
            yield from inline(place, "result", partial(_lines, parts, place.node), "comprehension -> loop")


def _lines(parts: Unrolled, node: ast.AST, name: str) -> str:
    elt = ast.unparse(parts.elt)
    if parts.value is not None:
        return f"{name} = {{}}\n" + parts.loops(f"{name}[{elt}] = {ast.unparse(parts.value)}")
    start, add = ("set()", "add") if isinstance(node, ast.SetComp) else ("[]", "append")
    return f"{name} = {start}\n" + parts.loops(f"{name}.{add}({elt})")


def _plain_key(key: ast.expr, value: ast.expr | None) -> bool:
    """`d[key] = value` computes the value first, a comprehension the key."""
    return isinstance(key, ast.Name | ast.Constant) or isinstance(value, ast.Name | ast.Constant)
