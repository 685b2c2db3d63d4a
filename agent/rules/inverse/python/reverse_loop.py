"""`a[::-1]` -> a loop that inserts in front."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.inverse._kinds import Kind
from codeopt.agent.rules.inverse._sites import helper, places

SUMMARY = "s[::-1] of a string or list -> a loop that puts each element in front"
EXPECTS = "O(n) -> O(n^2)"
SOURCE = "Python wiki, TimeComplexity (insert at the front is O(n)); usual in beginners' solutions"

_LIST = """
def NAME(values):
    result = []
    for value in values:
        result.insert(0, value)
    return result
"""
_TEXT = """
def NAME(text):
    result = ""
    for character in text:
        result = character + result
    return result
"""


def apply(code: Code) -> Iterator[Rewrite]:
    for place in places(code, ast.Subscript):
        node = place.node
        if not isinstance(node, ast.Subscript) or not isinstance(node.ctx, ast.Load) or not _backwards(node.slice):
            continue
        kind = place.kinds.of(node.value) or Kind("")
        if kind.name in ("list", "str"):
            body = _TEXT if kind.name == "str" else _LIST
            yield from helper(place, "reverse_text" if kind.name == "str" else "reverse_list", body, [node.value], "[::-1] -> loop")


def _backwards(node: ast.AST) -> bool:
    return isinstance(node, ast.Slice) and node.lower is None and node.upper is None and ast.unparse(node) == "::-1"
