"""`v[i]` -> `v.at(i)` for vectors and strings."""

from __future__ import annotations

from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.cpp._access import uses
from codeopt.agent.rules.cpp._facts import variables
from codeopt.agent.rules.cppedit import Edit, find, inside, parse, rewrite, roots

SUMMARY = "elements of a vector or string by at(), which checks the index each time"
EXPECTS = "1.1-2x in tight loops, which no longer vectorise"
SOURCE = "cppreference, std::vector::at; common among careful beginners"


def apply(code: Code) -> Iterator[Rewrite]:
    src = parse(code.text)
    where = roots(src, code)
    for v in [v for same in variables(src).values() for v in same]:
        if v.template not in ("vector", "string") or v.pointer or v.dims:
            continue
        edits, first = [], None
        for use in uses(src, v):
            node = use.parent
            if node is None or node.type != "subscript_expression" or node.child_by_field_name("argument") != use:
                continue
            indices = node.child_by_field_name("indices")
            if indices is None or any(find(indices, "subscript_expression")) or not any(inside(node, r) for r in where):
                continue
            inner = src[indices][1:-1]
            edits.append(Edit(use.end_byte, node.end_byte, f".at({inner})"))
            first = first or node
        if edits:
            yield from rewrite(src, edits, f"{v.name}: {len(edits)} elements by at()", first)
