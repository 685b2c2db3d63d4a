"""map<char, int> that is only indexed -> an array of 256."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.cpp._access import uses
from codeopt.agent.rules.cpp._facts import ARITHMETIC, Variable, arguments_of, variables
from codeopt.agent.rules.cppedit import (
    Edit,
    Source,
    after,
    before,
    inside,
    named,
    parse,
    replace,
    rewrite,
    roots,
)

SUMMARY = "map<char, T> that is only indexed -> T[256]"
EXPECTS = "1.6x measured on 3e6 letters with reading; more on the loop alone"
SOURCE = "Direct addressing (Cormen et al., ch. 11.1); common among PIE's human pairs"


def apply(code: Code) -> Iterator[Rewrite]:
    src = parse(code.text)
    where = roots(src, code)
    for v in [v for same in variables(src).values() for v in same]:
        if (
            v.template not in ("map", "unordered_map")
            or v.node.type != "declaration"
            or not v.plain
            or not v.alone
        ):
            continue
        args = arguments_of(v.type)
        if (
            len(args) != 2
            or args[0] not in ("char", "unsigned char")
            or args[1] not in ARITHMETIC
            or v.init is not None
        ):
            continue
        if not any(inside(v.node, r) for r in where) or v.name in src.macro_words:
            continue
        edits = [e for u in uses(src, v) for e in _use(src, v, u, args[1])]
        if edits and all(e.start >= 0 for e in edits):
            kind = "" if v.kind == "local" else "static "
            new = replace(v.node, f"{kind}{args[1]} {v.name}[256] = {{}};")
            yield from rewrite(
                src, [new, *edits], f"{v.name}: {v.template}<char, {args[1]}> -> array of 256", v.node
            )


_BAD = Edit(-1, -1, "")


def _use(src: Source, v: Variable, use: Node, value: str) -> list[Edit]:
    p = use.parent
    if p is None:
        return [_BAD]
    if p.type == "subscript_expression" and p.child_by_field_name("argument") == use:
        held = p.child_by_field_name("indices")
        index = named(held) if held is not None else []
        if len(index) == 1:
            return [before(index[0], "(unsigned char)("), after(index[0], ")")]
    if p.type == "field_expression" and src.get(p, "field") == "clear" and p.parent is not None:
        return [replace(p.parent, f"std::fill({v.name}, {v.name} + 256, {value}())")]
    return [_BAD]
