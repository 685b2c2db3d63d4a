"""`d.get(k, x)` -> a scan of the keys."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.inverse._sites import helper, places

SUMMARY = "d.get(k) and d.get(k, x) -> a helper that scans all keys"
EXPECTS = "O(1) -> O(n)"
SOURCE = "Ruff SIM401 and SIM118 (dictionary lookups written by hand)"

_BODY = """
def NAME(table, wanted, default):
    for key in table:
        if key == wanted:
            return table[key]
    return default
"""
_PLAIN = ("int", "str", "bool")


def apply(code: Code) -> Iterator[Rewrite]:
    for place in places(code, ast.Call):
        node = place.node
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.func.attr != "get" or node.keywords:
            continue
        if 1 <= len(node.args) <= 2 and place.kinds.is_(node.func.value, "dict") and place.kinds.is_(node.args[0], *_PLAIN):
            args = [node.func.value, node.args[0], node.args[1] if len(node.args) == 2 else ast.Constant(None)]
            yield from helper(place, "look_up", _BODY, args, "get -> scan of the keys")
