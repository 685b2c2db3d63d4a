"""`s[i]` in a loop over indices -> a slice of the rest."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.inverse._facts import calls
from codeopt.agent.rules.inverse._sites import Place, places, swap
from codeopt.agent.rules.pyfacts import bound

SUMMARY = "s[i] of a string -> s[i:][0] where i is a counter of its length"
EXPECTS = "O(1) -> O(n) a step"
SOURCE = "Slices that copy: Python wiki, TimeComplexity (a slice is O(k)); common in recursive-minded code"

def apply(code: Code) -> Iterator[Rewrite]:
    for place in places(code, ast.Subscript):
        node = place.node
        if not isinstance(node, ast.Subscript) or not isinstance(node.ctx, ast.Load) or not isinstance(node.slice, ast.Name):
            continue
        if isinstance(node.value, ast.Name) and place.kinds.is_(node.value, "str", "list", "tuple") and _counter(place, node.value.id, node.slice.id):
            name, i = node.value.id, node.slice.id
            yield from swap(place, f"{name}[{i}:][0]", f"{name}[{i}] -> of a slice")


def _counter(place: Place, name: str, i: str) -> bool:
    """Whether the node stands in `for i in range(... len(name))` that leaves i alone, starting at zero or above."""
    here, child = place.up.get(place.node), place.node
    while here is not None and here is not place.scope:
        if isinstance(here, ast.For) and ast.unparse(here.target) == i and child in here.body:
            if not calls(place.text, here.iter, "range", most=2) or {i, name} & bound(here.body):
                return False
            *start, stop = here.iter.args  # type: ignore[attr-defined]
            low = not start or (isinstance(start[0], ast.Constant) and isinstance(start[0].value, int) and start[0].value >= 0)
            return low and ast.unparse(stop).startswith(f"len({name})") and not ast.unparse(stop).startswith(f"len({name}) +")
        child, here = here, place.up.get(here)
    return False
