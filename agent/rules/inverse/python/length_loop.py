"""`len(a)` -> a helper that counts."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.inverse._facts import calls
from codeopt.agent.rules.inverse._sites import helper, places

SUMMARY = "len(a) -> a helper that counts the elements"
EXPECTS = "O(1) -> O(n)"
SOURCE = "strlen-like counting carried over from C; Python wiki, TimeComplexity (len is O(1))"

_BODY = """
def NAME(values):
    count = 0
    for _ in values:
        count += 1
    return count
"""


def apply(code: Code) -> Iterator[Rewrite]:
    for place in places(code, ast.Call):
        if calls(code.text, place.node, "len"):
            args = place.node.args  # type: ignore[attr-defined]
            if place.kinds.is_(args[0], "list", "tuple", "str", "dict", "set", "range"):
                yield from helper(place, "count_items", _BODY, args, "len -> counted one by one")
