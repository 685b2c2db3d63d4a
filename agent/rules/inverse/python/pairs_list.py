"""`combinations(a, 2)` -> a list of all pairs, by two loops."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.inverse._facts import calls, is_library
from codeopt.agent.rules.inverse._sites import Place, helper, places

SUMMARY = "combinations(a, 2) -> two nested loops that list all pairs"
EXPECTS = "1.5-3x"
SOURCE = "Index loops instead of itertools; Python documentation, itertools (roughly equivalent code)"

_BODY = """
def NAME(values):
    values = list(values)
    pairs = []
    for i in range(len(values)):
        for j in range(i + 1, len(values)):
            pairs.append((values[i], values[j]))
    return pairs
"""
_WHOLE = ("list", "sum", "sorted", "set", "tuple", "min", "max")


def apply(code: Code) -> Iterator[Rewrite]:
    for place in places(code, ast.Call):
        node = place.node
        if not isinstance(node, ast.Call) or not is_library(code.text, node.func, "itertools.combinations") or len(node.args) != 2:
            continue
        if ast.unparse(node.args[1]) == "2" and not node.keywords and _consumed(place):
            yield from helper(place, "all_pairs", _BODY, node.args[:1], "combinations -> nested loops")


def _consumed(place: Place) -> bool:
    """Whether the pairs are walked at once: an iterator that is kept would differ from a list."""
    parent = place.up[place.node]
    if isinstance(parent, ast.For | ast.comprehension):
        return parent.iter is place.node
    return any(calls(place.text, parent, name) for name in _WHOLE)
