"""`math.factorial(n)` -> a product in a loop."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.inverse._facts import is_library
from codeopt.agent.rules.inverse._sites import helper, places

SUMMARY = "math.factorial(n) -> a loop of multiplications"
EXPECTS = "2-10x"
SOURCE = "math.factorial works by binary splitting (CPython, mathmodule.c); the loop is the textbook's form"

_BODY = """
def NAME(n):
    if n < 0:
        return FACTORIAL(n)
    result = 1
    for i in range(2, n + 1):
        result = result * i
    return result
"""


def apply(code: Code) -> Iterator[Rewrite]:
    for place in places(code, ast.Call):
        node = place.node
        if isinstance(node, ast.Call) and is_library(code.text, node.func, "math.factorial") and len(node.args) == 1 and not node.keywords:
            body = _BODY.replace("FACTORIAL", ast.unparse(node.func))
            yield from helper(place, "factorial_of", body, node.args, "factorial -> loop")
