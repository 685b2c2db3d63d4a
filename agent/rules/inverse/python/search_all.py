"""`if re.search(p, s)` -> all matches, to see whether there is one."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.inverse._facts import is_library
from codeopt.agent.rules.inverse._sites import Place, places, swap

SUMMARY = "re.search used as a truth value -> the list of all matches"
EXPECTS = "up to O(n) matches for one"
SOURCE = "Matching more than is needed: Python documentation, re (search() stops at the first match)"

def apply(code: Code) -> Iterator[Rewrite]:
    for place in places(code, ast.Call):
        node = place.node
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.keywords:
            continue
        if is_library(code.text, node.func, "re.search") and _truth(place) and 2 <= len(node.args) <= 3:
            new = f"{ast.unparse(node.func.value)}.findall({', '.join(map(ast.unparse, node.args))})"
            yield from swap(place, new, "re.search as a test -> re.findall")


def _truth(place: Place) -> bool:
    parent = place.up[place.node]
    negated = isinstance(parent, ast.UnaryOp) and isinstance(parent.op, ast.Not)
    return negated or (isinstance(parent, ast.If | ast.While | ast.IfExp) and parent.test is place.node)
