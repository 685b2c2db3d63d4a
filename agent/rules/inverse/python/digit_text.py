"""`n % 10` and `n // 10` -> the text of the number."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.inverse._sites import helper, places

SUMMARY = "n % 10 and n // 10 of integers -> slices of str(n)"
EXPECTS = "2-4x; O(digits) on large integers"
SOURCE = "Digits through strings are usual in beginners' solutions; CPython, longobject.c (int to str is quadratic)"

_LAST = """
def NAME(n):
    if n < 0:
        return n % 10
    return int(str(n)[-1])
"""
_REST = """
def NAME(n):
    if n < 10:
        return n // 10
    return int(str(n)[:-1])
"""


def apply(code: Code) -> Iterator[Rewrite]:
    for place in places(code, ast.BinOp):
        node = place.node
        if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Mod | ast.FloorDiv) or ast.unparse(node.right) != "10":
            continue
        if place.kinds.is_(node.left, "int"):
            last = isinstance(node.op, ast.Mod)
            yield from helper(place, "last_digit" if last else "without_last_digit", _LAST if last else _REST, [node.left], "digits by text")
