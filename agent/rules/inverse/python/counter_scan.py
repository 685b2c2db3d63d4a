"""`Counter(a)` -> `a.count(x)` for each element."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.inverse._facts import is_library
from codeopt.agent.rules.inverse._sites import helper, places

SUMMARY = "Counter(a) -> a.count(x) for every element"
EXPECTS = "O(n) -> O(n^2)"
SOURCE = "list.count in a loop or comprehension: Python wiki, TimeComplexity; frequent in beginners' solutions"

_BODY = """
def NAME(values):
    values = list(values)
    return COUNTER({value: values.count(value) for value in values})
"""


def apply(code: Code) -> Iterator[Rewrite]:
    for place in places(code, ast.Call):
        node = place.node
        if isinstance(node, ast.Call) and is_library(code.text, node.func, "collections.Counter") and len(node.args) == 1:
            if node.keywords or not place.kinds.is_(node.args[0], "list", "tuple", "str", "gen", "range"):
                continue
            body = _BODY.replace("COUNTER", ast.unparse(node.func))
            yield from helper(place, "count_values", body, node.args, "Counter -> count of each element")
