"""`x in a` for a list -> a helper that looks at every element."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.inverse._sites import helper, places

SUMMARY = "x in a for lists, tuples, sets and keys of dicts -> a helper that compares one by one"
EXPECTS = "1.5-5x on lists; O(1) -> O(n) on sets and dicts"
SOURCE = "Ruff SIM110 and PLR6201; manual search loops are usual in beginners' solutions"

_BODY = """
def NAME(values, wanted):
    for value in values:
        if value is wanted or value == wanted:
            return True
    return False
"""
_PLAIN = ("int", "str", "float", "bool")


def apply(code: Code) -> Iterator[Rewrite]:
    for place in places(code, ast.Compare):
        node = place.node
        if not isinstance(node, ast.Compare) or len(node.ops) != 1 or not isinstance(node.ops[0], ast.In):
            continue
        holder = node.comparators[0]
        if not isinstance(node.left, ast.Name | ast.Constant | ast.Subscript) or not isinstance(holder, ast.Name | ast.List | ast.Tuple):
            continue  # a helper's arguments are computed in the other order
        hashed = place.kinds.is_(holder, "set", "dict") and place.kinds.is_(node.left, *_PLAIN)
        if place.kinds.is_(holder, "list", "tuple") or hashed:
            yield from helper(place, "contains", _BODY, [holder, node.left], "in -> one by one")
