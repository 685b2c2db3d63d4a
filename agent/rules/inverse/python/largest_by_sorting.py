"""`heapq.nlargest(k, a)` -> sort all."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.inverse._facts import builtin, is_library
from codeopt.agent.rules.inverse._sites import places, swap

SUMMARY = "heapq.nlargest(k, a) and nsmallest(k, a) -> sort all, take k"
EXPECTS = "O(n log k) -> O(n log n)"
SOURCE = "Python documentation, heapq (nlargest is equivalent to sorted(iterable, reverse=True)[:n])"

def apply(code: Code) -> Iterator[Rewrite]:
    for place in places(code, ast.Call):
        node = place.node
        for which, order in (("nlargest", ", reverse=True"), ("nsmallest", "")):
            if isinstance(node, ast.Call) and is_library(code.text, node.func, f"heapq.{which}") and len(node.args) == 2:
                few = node.args[0]
                keys = "".join(f", key={ast.unparse(k.value)}" for k in node.keywords)
                if builtin(code.text, "sorted") and (isinstance(few, ast.Name) or ast.unparse(few).isdigit()) and len(node.keywords) < 2:
                    new = f"sorted({ast.unparse(node.args[1])}{keys}{order})[:{ast.unparse(few)}]"
                    if not isinstance(few, ast.Constant):
                        new = f"({new} if {ast.unparse(few)} > 0 else [])"
                    yield from swap(place, new, f"{which} -> sorted")
