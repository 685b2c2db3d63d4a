"""`max(a)` -> the first of the sorted list."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.inverse._facts import builtin, calls
from codeopt.agent.rules.inverse._sites import places, swap

SUMMARY = "max(a) and min(a) of integers or strings -> sort all, take the first"
EXPECTS = "O(n) -> O(n log n)"
SOURCE = "Ruff FURB192 (sorted(a)[0] instead of min(a))"

def apply(code: Code) -> Iterator[Rewrite]:
    """What an empty list raises is another exception, so that only lists which are sure to hold something are taken."""
    for place in places(code, ast.Call):
        for which, order in (("max", ", reverse=True"), ("min", "")):
            if not calls(code.text, place.node, which, most=9) or not builtin(code.text, "sorted"):
                continue
            args = place.node.args  # type: ignore[attr-defined]
            kinds = [place.kinds.of(a) for a in args]
            if len(args) > 1 and all(k is not None and k == kinds[0] and k.name in ("int", "str") for k in kinds):
                listed = "[" + ", ".join(map(ast.unparse, args)) + "]"
                yield from swap(place, f"sorted({listed}{order})[0]", f"{which} -> sorted(...)[0]")
