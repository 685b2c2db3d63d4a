"""`a.count(x)` -> a loop."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.inverse._sites import helper, places

SUMMARY = "a.count(x) of a list, tuple or character of a string -> a helper that loops"
EXPECTS = "5-20x"
SOURCE = "Manual counting is usual in beginners' solutions; Python documentation, Common Sequence Operations"

_BODY = """
def NAME(values, wanted):
    count = 0
    for i in range(len(values)):
        if values[i] is wanted or values[i] == wanted:
            count += 1
    return count
"""


def apply(code: Code) -> Iterator[Rewrite]:
    for place in places(code, ast.Call):
        node = place.node
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.func.attr != "count" or node.keywords:
            continue
        if len(node.args) != 1:
            continue
        item = node.args[0]
        letter = isinstance(item, ast.Constant) and isinstance(item.value, str) and len(item.value) == 1
        if place.kinds.is_(node.func.value, "list", "tuple") or (letter and place.kinds.is_(node.func.value, "str")):
            yield from helper(place, "count_equal", _BODY, [node.func.value, item], "count -> loop")
