"""`sep.join(parts)` -> a text that grows from its end."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.inverse._sites import helper, places

SUMMARY = "sep.join(parts) of strings -> a text that is copied for every part"
EXPECTS = "O(n) -> O(n^2)"
SOURCE = "Python documentation, str (concatenating immutable sequences is quadratic); Pylint consider-using-join"

_BODY = """
def NAME(separator, parts):
    parts = list(parts)
    text = ""
    for i in range(len(parts) - 1, -1, -1):
        text = parts[i] + text
        if i > 0:
            text = separator + text
    return text
"""


def apply(code: Code) -> Iterator[Rewrite]:
    for place in places(code, ast.Call):
        node = place.node
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.func.attr != "join" or len(node.args) != 1:
            continue
        item = place.kinds.items(node.args[0])
        if node.keywords or item is None or item.name != "str" or not place.kinds.is_(node.func.value, "str"):
            continue
        yield from helper(place, "join_parts", _BODY, [node.func.value, node.args[0]], "join -> concatenation")
