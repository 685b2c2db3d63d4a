"""vector<bool> -> vector<char>: bytes instead of packed bits."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.cpp._access import access, uses
from codeopt.agent.rules.cpp._facts import type_of, variables
from codeopt.agent.rules.cppedit import Source, bare, find, named, operator, parse, replace, rewrite, squeeze

SUMMARY = "vector<bool> -> vector<char>: a byte a flag instead of shifts and masks"
EXPECTS = "1.7x measured on a sieve of 1e5, 0.8x on one of 3e6 (eight times the memory)"
SOURCE = "Effective STL item 18; Agner Fog, Optimizing software in C++, ch. 9"


def apply(code: Code) -> Iterator[Rewrite]:
    src = parse(code.text)
    if code.function not in ("", "main") or {"flip", "count", "accumulate", "auto"} & src.macro_words:
        return
    places = [t for t in find(src.root, "template_type") if squeeze(src[t]) == "vector<bool>"]
    held = [v for same in variables(src).values() for v in same if "vector<bool>" in v.type]
    if (
        not places
        or {"flip", "accumulate"} & src.words
        or not all(_plain(src, u) for v in held for u in uses(src, v))
    ):
        return
    calls = [t for t in find(src.root, "template_function") if squeeze(src[t]) == "vector<bool>"]
    edits = [replace(named(t)[-1], "<char>") for t in [*places, *calls]]
    yield from rewrite(src, edits, "vector<bool> -> vector<char>", places[0])


def _plain(src: Source, use: Node) -> bool:
    """Not printed, and only given values that are plainly 0 or 1."""
    a = access(src, use)
    p = a.node.parent
    if a.kind == "method" or p is None:
        return True
    if p.type == "binary_expression" and operator(p) == "<<":
        return False
    if a.kind != "write" or p.type != "assignment_expression":
        return a.kind != "write"
    value = bare(p.child_by_field_name("right"))
    if value is None:
        return False
    if value.type == "call_expression":
        return "vector" in src.get(value, "function") or type_of(src, value) == "bool"
    if value.type in ("true", "false", "subscript_expression", "identifier", "initializer_list"):
        return True
    return src[value] in ("0", "1") or type_of(src, value) == "bool"
