"""`any(...)` and `all(...)` -> helpers that loop."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.inverse._facts import calls
from codeopt.agent.rules.inverse._sites import helper, places

SUMMARY = "any(a) and all(a) -> helpers that loop"
EXPECTS = "1.1-1.5x"
SOURCE = "Ruff SIM110 (reimplemented built-in); Python documentation, Built-in Functions"

_BODY = """
def NAME(conditions):
    for condition in conditions:
        if TEST:
            return FOUND
    return OTHER
"""


def apply(code: Code) -> Iterator[Rewrite]:
    for place in places(code, ast.Call):
        for which, test, found in (("any", "condition", "True"), ("all", "not condition", "False")):
            if calls(code.text, place.node, which):
                other = "False" if found == "True" else "True"
                body = _BODY.replace("TEST", test).replace("FOUND", found).replace("OTHER", other)
                wish = "any_holds" if which == "any" else "all_hold"
                yield from helper(place, wish, body, place.node.args, f"{which} -> loop")  # type: ignore[attr-defined]
