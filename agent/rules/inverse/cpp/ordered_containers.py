"""`unordered_map` and `unordered_set` -> `map` and `set` where no order is used."""

from __future__ import annotations

from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.cpp._access import access, uses
from codeopt.agent.rules.cpp._facts import INTEGERS, arguments_of, variables
from codeopt.agent.rules.cppedit import find, include, inside, parse, replace, rewrite, roots

SUMMARY = "hash tables -> trees, where nothing goes through them in order"
EXPECTS = "O(1) -> O(log n) a key; 2-4x"
SOURCE = "common among PIE's slow programs; cppreference, std::map"
_METHODS = frozenset({"insert", "emplace", "count", "find", "erase", "size", "empty", "clear", "at", "contains", "try_emplace"})
_ORDERED = {"unordered_map": ("map", 2), "unordered_set": ("set", 1)}


def apply(code: Code) -> Iterator[Rewrite]:
    src = parse(code.text)
    where = roots(src, code)
    for v in [v for same in variables(src).values() for v in same]:
        if v.template not in _ORDERED or v.node.type != "declaration" or not v.plain or not v.alone or v.init is not None:
            continue
        new, count = _ORDERED[v.template]
        arguments = arguments_of(v.type)
        if len(arguments) != count or arguments[0] not in INTEGERS | {"string", "char"} or not any(inside(v.node, r) for r in where):
            continue
        found = [access(src, use) for use in uses(src, v)]
        # `begin`, a reference to it, or a loop over it would see the order; `reserve` is not there.
        if any(one.kind == "escape" or (one.kind == "method" and one.method not in _METHODS) for one in found):
            continue
        if any(over is not None and src[over] == v.name for over in (loop.child_by_field_name("right") for loop in find(src.root, "for_range_loop"))):
            continue
        names = [node for node in find(v.node.child_by_field_name("type") or v.node, "type_identifier") if src[node] == v.template]
        if names:
            edits = [*include(src, new), replace(names[0], new)]
            yield from rewrite(src, edits, f"{v.name}: {v.template} -> {new}", v.node)
