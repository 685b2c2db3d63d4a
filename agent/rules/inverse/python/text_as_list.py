"""`s == t` of strings -> a comparison of lists of characters."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.inverse._facts import builtin
from codeopt.agent.rules.inverse._sites import places, swap

SUMMARY = "s == t of strings that are made anew -> list(s) == list(t)"
EXPECTS = "3-10x"
SOURCE = "Converting to lists to compare or reverse is usual in beginners' palindrome checks"

def apply(code: Code) -> Iterator[Rewrite]:
    for place in places(code, ast.Compare):
        node = place.node
        if not isinstance(node, ast.Compare) or len(node.ops) != 1 or not isinstance(node.ops[0], ast.Eq | ast.NotEq) or not builtin(code.text, "list"):
            continue
        sides = [node.left, node.comparators[0]]
        if all(place.kinds.is_(s, "str") for s in sides) and not any(isinstance(s, ast.Constant) for s in sides):
            sign = "==" if isinstance(node.ops[0], ast.Eq) else "!="
            new = f" {sign} ".join(f"list({ast.unparse(s)})" for s in sides)
            yield from swap(place, f"({new})", "strings compared as lists")
