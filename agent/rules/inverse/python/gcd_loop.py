"""`math.gcd(a, b)` -> Euclid's algorithm in Python."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.inverse._facts import is_library
from codeopt.agent.rules.inverse._sites import helper, places
from codeopt.agent.rules.pynumeric import starred

SUMMARY = "math.gcd(a, b) -> a loop of remainders"
EXPECTS = "3-10x"
SOURCE = "Hand-written Euclid is usual before math.gcd (Python 3.5)"

_BODY = """
def NAME(a, b):
    a, b = abs(a), abs(b)
    while b != 0:
        a, b = b, a % b
    return a
"""


def apply(code: Code) -> Iterator[Rewrite]:
    for place in places(code, ast.Call):
        node = place.node
        if isinstance(node, ast.Call) and is_library(code.text, node.func, "math.gcd") and len(node.args) == 2 and not node.keywords and not starred(node):
            yield from helper(place, "greatest_common_divisor", _BODY, node.args, "gcd -> Euclid's loop")
