"""`n * (n + 1) // 2` -> the sum that it stands for."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.inverse._sites import helper, places
from codeopt.agent.rules.inverse._small import small
from codeopt.agent.rules.pymatch import match

SUMMARY = "n * (n + 1) // 2 (or / 2) of integers -> the sum 1 + 2 + ... + n in a loop"
EXPECTS = "O(1) -> O(n)"
SOURCE = "The loop before Gauss's formula; usual in beginners' solutions"

_BODY = """
def NAME(n):
    if n < 0:
        n = -n - 1
    total = 0
    for i in range(1, n + 1):
        total += i
    return RESULT
"""
_FORMS = ("$N * ($N + 1) SIGN 2", "($N + 1) * $N SIGN 2")


def apply(code: Code) -> Iterator[Rewrite]:
    for place in places(code, ast.BinOp):
        node = place.node
        if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Div | ast.FloorDiv):
            continue
        sign = "/" if isinstance(node.op, ast.Div) else "//"
        found = next((b for form in _FORMS if (b := match(form.replace("SIGN", sign), node))), None)
        if found and place.kinds.is_(found["N"], "int") and isinstance(found["N"], ast.Name) and small(place, found["N"]):
            body = _BODY.replace("RESULT", "total / 1" if sign == "/" else "total")
            yield from helper(place, "sum_up_to", body, [found["N"]], "formula -> sum")
