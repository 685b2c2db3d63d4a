"""`if (x < m[i]) m[i] = x;` and `if (c) n++;` in loops -> forms without a branch."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.cpp._access import assignment, pure
from codeopt.agent.rules.cpp._facts import ARITHMETIC, INTEGERS, type_of
from codeopt.agent.rules.cppedit import (
    Source,
    bare,
    expression,
    find,
    loops_around,
    only_statement,
    operator,
    parse,
    replace,
    rewrite,
    roots,
    same,
)

SUMMARY = "if (x < m) m = x and if (c) n++ in loops -> conditional moves and additions"
EXPECTS = "2.3x measured on unpredictable data"
SOURCE = "Agner Fog, Optimizing software in C++, 7.12 (unpredictable branches)"


def apply(code: Code) -> Iterator[Rewrite]:
    src = parse(code.text)
    edits, first = [], None
    for node in find(roots(src, code), "if_statement"):
        if node.child_by_field_name("alternative") is not None or not loops_around(node):
            continue
        test = bare(node.child_by_field_name("condition"))
        done = only_statement(node.child_by_field_name("consequence"))
        if test is None or done is None or test.type != "binary_expression" or not pure(src, test):
            continue
        if any(True for _ in find(test, "call_expression", "pointer_expression")) or operator(test) in (
            "&&",
            "||",
        ):
            continue
        new = _minmax(src, test, done) or _count(src, test, done)
        if new:
            edits.append(replace(node, new))
            first = first or node
    if edits:
        yield from rewrite(src, edits, f"{len(edits)} branches -> conditional moves", first)


def _minmax(src: Source, test: Node, done: Node) -> str:
    sides = assignment(done)
    left, right = (bare(test.child_by_field_name(s)) for s in ("left", "right"))
    if sides is None or operator(test) not in ("<", ">", "<=", ">=") or not pure(src, sides[1]):
        return ""
    if type_of(src, sides[0]) not in ARITHMETIC or type_of(src, sides[0]) != type_of(src, sides[1]):
        return ""
    target, value = sides
    if not (same(src, left, target) and same(src, right, value)) and not (
        same(src, left, value) and same(src, right, target)
    ):
        return ""
    return f"{src[target]} = {src[test]} ? {src[value]} : {src[target]};"


def _count(src: Source, test: Node, done: Node) -> str:
    e = expression(done)
    if e is None or operator(test) not in ("<", ">", "<=", ">=", "==", "!="):
        return ""
    if e.type == "update_expression" and operator(e) == "++":
        target, amount = e.child_by_field_name("argument"), "1"
    else:
        sides = assignment(e, "+=")
        target, amount = sides[0] if sides else None, src[sides[1]] if sides and pure(src, sides[1]) else ""
    if target is None or target.type != "identifier" or type_of(src, target) not in INTEGERS or amount == "":
        return ""
    held = f"({src[test]})"
    return f"{src[target]} += {held};" if amount == "1" else f"{src[target]} += {held} ? {amount} : 0;"
