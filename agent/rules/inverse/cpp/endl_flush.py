"""A new line at the end of what goes to `cout` -> `endl`, which flushes."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.cpp._facts import lookup
from codeopt.agent.rules.cppedit import Source, find, operator, parse, replace, rewrite, roots

SUMMARY = "`<< '\\n'` at the end of what goes to cout -> `<< endl`"
EXPECTS = "up to 8x where lines are most of the work"
SOURCE = "common among PIE's slow programs; cppreference, std::endl"
_ENDS = ("'\\n'", '"\\n"')


def apply(code: Code) -> Iterator[Rewrite]:
    src = parse(code.text)
    if "endl" in src.macro_names:
        return
    edits, first = [], None
    for node in find(roots(src, code), "binary_expression"):
        right = node.child_by_field_name("right")
        if operator(node) != "<<" or right is None or src[right] not in _ENDS:
            continue
        if _goes_to_cout(src, node.child_by_field_name("left")):
            edits.append(replace(right, "std::endl"))
            first = first or node
    if edits:
        yield from rewrite(src, edits, f"{len(edits)} new lines -> endl", first)


def _goes_to_cout(src: Source, node: Node | None) -> bool:
    while node is not None and node.type == "binary_expression" and operator(node) == "<<":
        node = node.child_by_field_name("left")
    text = src[node] if node is not None else ""
    return text == "std::cout" or (text == "cout" and lookup(src, node) is None)
