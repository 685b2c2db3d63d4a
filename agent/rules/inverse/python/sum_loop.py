"""`sum(x for x in a)` of whole numbers -> a loop."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import partial

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.inverse._facts import calls
from codeopt.agent.rules.inverse._kinds import INT
from codeopt.agent.rules.inverse._sites import Unrolled, helper, inline, places, unroll

SUMMARY = "sum(...) of integers -> a loop with a running total"
EXPECTS = "1.2-6x"
SOURCE = "Python documentation, Built-in Functions (sum); manual accumulation is the usual beginners' form"

_BODY = """
def NAME(values):
    total = 0
    for value in values:
        total = total + value
    return total
"""


def apply(code: Code) -> Iterator[Rewrite]:
    """Floats are left alone: from Python 3.12 on sum() adds them with compensation."""
    for place in places(code, ast.Call):
        if not calls(code.text, place.node, "sum"):
            continue
        arg = place.node.args[0]  # type: ignore[attr-defined]
        if place.kinds.items(arg) != INT:
            continue
        parts = unroll(place, arg) if isinstance(arg, ast.GeneratorExp) else None
        if parts is not None:
            yield from inline(place, "total", partial(_lines, parts), "sum -> loop")
        else:
            yield from helper(place, "total_of", _BODY, [arg], "sum -> loop in a helper")


def _lines(parts: Unrolled, name: str) -> str:
    return f"{name} = 0\n" + parts.loops(f"{name} = {name} + {_operand(parts.elt)}")


def _operand(node: ast.expr) -> str:
    text = ast.unparse(node)
    return text if isinstance(node, ast.Name | ast.Constant | ast.Call | ast.Subscript | ast.Attribute) else f"({text})"
