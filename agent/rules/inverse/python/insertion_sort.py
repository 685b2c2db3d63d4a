"""`sorted(a)` of numbers or strings -> an insertion sort."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.inverse._facts import calls
from codeopt.agent.rules.inverse._sites import helper, places

SUMMARY = "sorted(a) of integers or strings -> an insertion sort into a new list"
EXPECTS = "O(n log n) -> O(n^2)"
SOURCE = "Hand-written quadratic sorts are common among slow submissions; CLRS, 2.1"

_BODY = """
def NAME(values):
    result = []
    for value in values:
        i = len(result)
        while i > 0 and value < result[i - 1]:
            i -= 1
        result.insert(i, value)
    return result
"""


def apply(code: Code) -> Iterator[Rewrite]:
    """Elements have to be totally ordered: NaN, sets and the like would come out in another order."""
    for place in places(code, ast.Call):
        if calls(code.text, place.node, "sorted"):
            args = place.node.args  # type: ignore[attr-defined]
            item = place.kinds.items(args[0])
            if item is not None and item.name in ("int", "str"):
                yield from helper(place, "insertion_sort", _BODY, args, "sorted -> insertion sort")
