"""`a % b` and `a // b` of integers -> repeated subtraction."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.inverse._sites import helper, places
from codeopt.agent.rules.inverse._small import small

SUMMARY = "a % b and a // b of integers which are small in the examples -> subtractions in a loop"
EXPECTS = "O(1) -> O(a/b)"
SOURCE = "Division by subtraction, a textbook exercise; Euclid's original algorithm"

_BODY = """
def NAME(a, b):
    if a < 0 or b <= 0:
        return a SIGN b
    quotient = 0
    while a >= b:
        a -= b
        quotient += 1
    return RESULT
"""


def apply(code: Code) -> Iterator[Rewrite]:
    for place in places(code, ast.BinOp):
        node = place.node
        if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Mod | ast.FloorDiv):
            continue
        if place.kinds.is_(node.left, "int") and place.kinds.is_(node.right, "int") and small(place, node.left):
            mod = isinstance(node.op, ast.Mod)
            body = _BODY.replace("SIGN", "%" if mod else "//").replace("RESULT", "a" if mod else "quotient")
            if mod:
                body = body.replace("    quotient = 0\n", "").replace("        quotient += 1\n", "")
            yield from helper(place, "modulo" if mod else "quotient_of", body, [node.left, node.right], "division -> subtractions")
