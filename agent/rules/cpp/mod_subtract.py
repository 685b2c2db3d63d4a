"""`x = (x + y) % M` on reduced values -> one addition and a conditional subtraction."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree_sitter import Node

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.cpp._access import assignment, pure
from codeopt.agent.rules.cpp._facts import INTEGERS, lookup, type_of
from codeopt.agent.rules.cppedit import (
    Source,
    bare,
    find,
    loops_around,
    operator,
    parse,
    replace,
    rewrite,
    roots,
    same,
    squeeze,
)

SUMMARY = "(a + b) % M of values already below M, in loops -> conditional subtraction"
EXPECTS = "4.3x measured on a table of sums modulo a prime"
SOURCE = "Warren, Hacker's Delight, ch. 10; common in dynamic programming among PIE's human pairs"


def apply(code: Code) -> Iterator[Rewrite]:
    src = parse(code.text)
    edits, first = [], None
    for statement in find(roots(src, code), "expression_statement"):
        if not loops_around(statement):
            continue
        new = _sum(src, statement) or _after_add(src, statement)
        if new:
            edits.append(replace(statement, new))
            first = first or statement
    if edits:
        yield from rewrite(src, edits, f"{len(edits)} % -> conditional subtraction", first)


def _modulus(src: Source, node: Node | None) -> bool:
    if node is None or not re.fullmatch(r"\w+", src[node]):
        return False
    v = lookup(src, node)
    return (
        node.type == "number_literal"
        or src[node] in src.macro_names
        or (v is not None and (v.const or v.kind == "global"))
    )


def _reduced(src: Source, node: Node | None) -> bool:
    node = bare(node)
    return node is not None and node.type in ("identifier", "subscript_expression") and pure(src, node)


def _sum(src: Source, statement: Node) -> str:
    """`x = (a + b) % M;` and `x = (a - b + M) % M;`"""
    sides = assignment(statement)
    value = bare(sides[1]) if sides is not None else None
    if sides is None or value is None or value.type != "binary_expression" or operator(value) != "%":
        return ""
    total, modulus = bare(value.child_by_field_name("left")), value.child_by_field_name("right")
    if (
        total is None
        or total.type != "binary_expression"
        or operator(total) != "+"
        or not _modulus(src, modulus)
    ):
        return ""
    a, b = bare(total.child_by_field_name("left")), bare(total.child_by_field_name("right"))
    ok = _reduced(src, a) and _reduced(src, b) and (a is not None and type_of(src, a) in INTEGERS)
    if (
        not ok
        and same(src, b, modulus)
        and a is not None
        and a.type == "binary_expression"
        and operator(a) == "-"
    ):
        ok = all(_reduced(src, a.child_by_field_name(s)) for s in ("left", "right"))
    if not ok or modulus is None:
        return ""
    m = src[modulus]
    return f"{{ const auto sum_ = {src[total]}; {src[sides[0]]} = sum_ >= {m} ? sum_ - {m} : sum_; }}"


def _after_add(src: Source, statement: Node) -> str:
    """`x %= M;` straight after `x += y;`"""
    sides = assignment(statement, "%=")
    previous = statement.prev_named_sibling
    added = assignment(previous, "+=") if previous is not None else None
    if sides is None or added is None or not _modulus(src, sides[1]) or not same(src, sides[0], added[0]):
        return ""
    if not _reduced(src, added[1]) or not pure(src, sides[0]) or "%" in squeeze(src[sides[0]]):
        return ""
    x, m = src[sides[0]], src[sides[1]]
    return f"if ({x} >= {m}) {x} -= {m};"
