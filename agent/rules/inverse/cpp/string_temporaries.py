"""`s += x` -> `s = s + x` for strings: a new string each time."""

from __future__ import annotations

from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.cpp._facts import lookup, type_of
from codeopt.agent.rules.cppedit import find, loops_around, operator, parse, replace, rewrite, roots

SUMMARY = "`s += x` of a string in a loop -> `s = s + x`"
EXPECTS = "O(n) -> O(n²) copies"
SOURCE = "common among PIE's slow programs; clang-tidy performance-inefficient-string-concatenation"
_ADDED = frozenset({"string", "char", "char*", "char[]"})


def apply(code: Code) -> Iterator[Rewrite]:
    src = parse(code.text)
    for node in find(roots(src, code), "assignment_expression"):
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if operator(node) != "+=" or left is None or right is None or left.type != "identifier" or not loops_around(node):
            continue
        v = lookup(src, left)
        literal = right.type in ("string_literal", "char_literal")
        if v is None or v.template != "string" or not (v.plain or v.reference) or not (literal or type_of(src, right) in _ADDED):
            continue
        added = src[right] if literal or right.type in ("identifier", "subscript_expression", "call_expression") else f"({src[right]})"
        yield from rewrite(src, [replace(node, f"{v.name} = {v.name} + {added}")], f"{v.name} copied for each addition", node)
