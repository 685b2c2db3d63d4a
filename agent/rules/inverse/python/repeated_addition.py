"""`a * b` of integers -> repeated addition."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.inverse._sites import helper, places
from codeopt.agent.rules.inverse._small import small

SUMMARY = "a * b of integers which are small in the examples -> b additions"
EXPECTS = "O(1) -> O(b)"
SOURCE = "Multiplication by addition, a textbook exercise (CLRS, problem 2-4 style loops)"

_BODY = """
def NAME(a, b):
    total = 0
    for _ in range(abs(b)):
        total += a
    if b < 0:
        return -total
    return total
"""


def apply(code: Code) -> Iterator[Rewrite]:
    for place in places(code, ast.BinOp):
        node = place.node
        if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Mult) or isinstance(node.left, ast.Constant):
            continue
        if all(place.kinds.is_(n, "int") for n in (node.left, node.right)) and small(place, node.right):
            yield from helper(place, "times", _BODY, [node.left, node.right], "* -> additions")
