"""`s = s + x` -> `s += x`."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.cpp._access import assignment, pure
from codeopt.agent.rules.cpp._facts import type_of
from codeopt.agent.rules.cppedit import find, operator, parse, replace, rewrite, roots, same, words

SUMMARY = "s = s + x on strings -> s += x: no copy of the whole string"
EXPECTS = "O(n^2) -> O(n); 180x measured on 3e4 appends"
SOURCE = "clang-tidy performance-inefficient-string-concatenation; O(n^2) -> O(n)"


def apply(code: Code) -> Iterator[Rewrite]:
    src = parse(code.text)
    edits, first = [], None
    for statement in find(roots(src, code), "expression_statement"):
        sides = assignment(statement)
        if sides is None or type_of(src, sides[0]) != "string" or not pure(src, sides[0]):
            continue
        target, parts = sides[0], []
        at: Node | None = sides[1]
        while at is not None and at.type == "binary_expression" and operator(at) == "+":
            right = at.child_by_field_name("right")
            if right is not None:
                parts.append(right)
            at = at.child_by_field_name("left")
        if not parts or not same(src, at, target) or any(words(src, target) & words(src, p) for p in parts):
            continue
        text = src[target]
        for i, part in enumerate(reversed(parts)):
            text = f"({text})" if i else text
            text += f" += {src[part]}"
        edits.append(replace(statement, text + ";"))
        first = first or statement
    if edits:
        yield from rewrite(src, edits, f"{len(edits)} s = s + x -> s += x", first)
