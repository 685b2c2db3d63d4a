"""`max(a)` -> a helper that compares one by one."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.inverse._facts import calls
from codeopt.agent.rules.inverse._sites import helper, places

SUMMARY = "max(a), min(a), max(a, b) and min(a, b) -> helpers that compare one by one"
EXPECTS = "1.5-4x"
SOURCE = "Manual extremes are usual in beginners' solutions; Ruff PLR1730 and FURB136 (if expression instead of min or max)"

_MANY = """
def NAME(values):
    values = list(values)
    if len(values) == 0:
        return WHICH(values)
    best = values[0]
    for i in range(1, len(values)):
        if values[i] SIGN best:
            best = values[i]
    return best
"""
_TWO = """
def NAME(a, b):
    if b SIGN a:
        return b
    else:
        return a
"""


def apply(code: Code) -> Iterator[Rewrite]:
    for place in places(code, ast.Call):
        for which, sign, word in (("max", ">", "largest"), ("min", "<", "smallest")):
            if not calls(code.text, place.node, which, most=2):
                continue
            args = place.node.args  # type: ignore[attr-defined]
            two = len(args) == 2
            body = (_TWO if two else _MANY).replace("SIGN", sign).replace("WHICH", which)
            yield from helper(place, f"{word}_of_two" if two else f"find_{word}", body, args, f"{which} -> comparisons")
