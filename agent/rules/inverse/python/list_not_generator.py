"""`sum(x for x in a)` -> `sum([x for x in a])`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.inverse._facts import calls
from codeopt.agent.rules.inverse._sites import places, swap

SUMMARY = "a generator or a sequence that is consumed whole -> a list (and a copy of it) first"
EXPECTS = "1.1-1.5x; more memory"
SOURCE = "Ruff C4 (flake8-comprehensions): C400-C414, unnecessary list around a generator or a sequence"

_WHOLE = ("sum", "min", "max", "set", "sorted", "tuple", "frozenset")


def apply(code: Code) -> Iterator[Rewrite]:
    for place in places(code, ast.Call):
        which = next((n for n in _WHOLE if calls(code.text, place.node, n)), "")
        if not which:
            continue
        arg = place.node.args[0]  # type: ignore[attr-defined]
        if isinstance(arg, ast.GeneratorExp):
            yield from swap(place, f"{which}({ast.unparse(ast.ListComp(arg.elt, arg.generators))})", f"{which} of a list")
        elif which != "set" and which != "frozenset" and not isinstance(arg, ast.ListComp) and not calls(code.text, arg, "list"):
            yield from swap(place, f"{which}(list({ast.unparse(arg)}))", f"{which} of a copy")
