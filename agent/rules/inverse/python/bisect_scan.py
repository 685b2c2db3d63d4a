"""`bisect_left(a, x)` -> a scan."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.inverse._facts import is_library
from codeopt.agent.rules.inverse._sites import helper, places

SUMMARY = "bisect(a, x) on a sorted list -> a scan from the left"
EXPECTS = "O(log n) -> O(n)"
SOURCE = "Python documentation, bisect; linear insertion points are common in slow submissions"

_BODY = """
def NAME(values, wanted):
    position = 0
    while position < len(values) and TEST:
        position += 1
    return position
"""


def apply(code: Code) -> Iterator[Rewrite]:
    for place in places(code, ast.Call):
        node = place.node
        if not isinstance(node, ast.Call) or len(node.args) != 2 or node.keywords or any(isinstance(a, ast.Starred) for a in node.args):
            continue
        for names, test in ((("bisect_left",), "values[position] < wanted"), (("bisect_right", "bisect"), "not wanted < values[position]")):
            if is_library(code.text, node.func, *(f"bisect.{n}" for n in names)):
                yield from helper(place, "insertion_point", _BODY.replace("TEST", test), node.args, "bisect -> scan")
