"""A copy of an argument in every pass of a loop."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.inverse._facts import calls
from codeopt.agent.rules.inverse._sites import places, swap
from codeopt.agent.rules.pyedit import enclosing

SUMMARY = "max(a), sum(a), len(a) and the like in a loop, of an unchanging a -> of a fresh copy each time"
EXPECTS = "1.5-5x"
SOURCE = "Needless copies: Ruff C414 and PERF402; defensive copies are common in application code"

_ASKED = ("sum", "len", "sorted", "max", "min")


def apply(code: Code) -> Iterator[Rewrite]:
    for place in places(code, ast.Call):
        node = place.node
        which = next((n for n in _ASKED if calls(code.text, node, n)), "")
        if not which or not isinstance(node, ast.Call) or enclosing(node, place.up, (ast.For, ast.While)) is None:
            continue
        if place.kinds.is_(node.args[0], "list") and isinstance(node.args[0], ast.Name):
            yield from swap(place, f"{which}({node.args[0].id}[:])", f"{which} of a copy")
