"""`[0] * n` -> a loop that appends."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.inverse._sites import inline, places

SUMMARY = "[constant] * n -> a loop that appends"
EXPECTS = "5-30x"
SOURCE = "Arrays filled in a loop, as in C; Ruff PERF401"

def apply(code: Code) -> Iterator[Rewrite]:
    for place in places(code, ast.BinOp):
        node = place.node
        if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Mult) or not isinstance(node.left, ast.List):
            continue
        if len(node.left.elts) == 1 and isinstance(node.left.elts[0], ast.Constant) and place.kinds.is_(node.right, "int"):
            element, times = ast.unparse(node.left.elts[0]), ast.unparse(node.right)
            step = place.name("_")

            def lines(name: str, times: str = times, element: str = element, step: str = step) -> str:
                return f"{name} = []\nfor {step} in range({times}):\n    {name}.append({element})"

            yield from inline(place, "filled", lines, "[x] * n -> loop")
