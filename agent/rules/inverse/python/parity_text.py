"""`n % 2 == 0` -> the last character of the number's text."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.inverse._sites import helper, places

SUMMARY = "n % 2 compared with 0 or 1, of integers -> the last digit's character"
EXPECTS = "2-4x"
SOURCE = "Digits through strings are usual in beginners' solutions"

_BODY = """
def NAME(n):
    return str(n)[-1] in "DIGITS"
"""


def apply(code: Code) -> Iterator[Rewrite]:
    for place in places(code, ast.Compare):
        node = place.node
        if not isinstance(node, ast.Compare) or len(node.ops) != 1 or not isinstance(node.ops[0], ast.Eq | ast.NotEq):
            continue
        left, right = node.left, node.comparators[0]
        if not isinstance(left, ast.BinOp) or not isinstance(left.op, ast.Mod) or ast.unparse(left.right) != "2":
            continue
        if ast.unparse(right) in ("0", "1") and place.kinds.is_(left.left, "int"):
            even = (ast.unparse(right) == "0") == isinstance(node.ops[0], ast.Eq)
            body = _BODY.replace("DIGITS", "02468" if even else "13579")
            yield from helper(place, "is_even_number" if even else "is_odd_number", body, [left.left], "parity by text")
