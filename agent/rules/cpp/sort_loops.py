"""Bubble, exchange and selection sort by two nested loops -> std::sort."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree_sitter import Node

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.cpp._access import Counted, assignment, counted
from codeopt.agent.rules.cpp._facts import ARITHMETIC, arguments_of, lookup
from codeopt.agent.rules.cppedit import (
    Source,
    bare,
    call_args,
    call_name,
    expression,
    find,
    include,
    only_statement,
    operator,
    parse,
    replace,
    rewrite,
    roots,
    squeeze,
    statements,
)

SUMMARY = "two nested loops that swap elements in the wrong order -> std::sort"
EXPECTS = "O(n^2) -> O(n log n); 128x measured on 8e3 elements"
SOURCE = "O(n^2) -> O(n log n); Musser, Introspective sorting and selection algorithms, 1997"


def apply(code: Code) -> Iterator[Rewrite]:
    src = parse(code.text)
    for loop in find(roots(src, code), "for_statement"):
        outer = counted(src, loop)
        inner = counted(src, only_statement(outer.body)) if outer is not None else None
        if outer is None or inner is None:
            continue
        found = _swap(src, only_statement(inner.body))
        if found is None:
            continue
        array, a, op, b = found
        v = lookup(src, array)
        elements = (
            arguments_of(v.type)[:1]
            if v is not None and v.template == "vector"
            else [v.type]
            if v is not None
            else []
        )
        if v is None or not elements or elements[0] not in ARITHMETIC | {"string"}:
            continue
        i, j, n = outer.name, inner.name, _length(src, outer, inner)
        if not n:
            continue
        adjacent = (a, b) in ((j, f"{j}+1"), (f"{j}+1", j)) and src[inner.start] == "0"
        exchange = (a, b) in ((i, j), (j, i)) and squeeze(src[inner.start]) == f"{i}+1"
        if not adjacent and not exchange:
            continue
        first_is_low = a in (j, i) if adjacent and a == j else a == i and exchange
        ascending = (op in (">", ">=")) == first_is_low
        last = "" if ascending else f", std::greater<{elements[0]}>()"
        new = f"if ({n} > 1) std::sort(&{v.name}[0], &{v.name}[0] + ({n}){last});"
        edits = [*include(src, "algorithm", *([] if ascending else ["functional"])), replace(loop, new)]
        yield from rewrite(src, edits, f"{v.name}: sorting loops -> std::sort", loop)


def _length(src: Source, outer: Counted, inner: Counted) -> str:
    """How many elements the loops sort, "" where their bounds are not of a known form."""
    i = outer.name
    if src[outer.start] != "0" or not outer.type or outer.op != "<":
        return ""
    first = squeeze(src[outer.bound])
    n = re.sub(r"-1$", "", first)
    bound = squeeze(src[inner.bound])
    if inner.op == "<" and squeeze(src[inner.start]) == f"{i}+1" and bound == n:
        return n
    adjacent = {f"{n}-1", f"{n}-{i}-1", f"{n}-1-{i}", f"{n}-({i}+1)"}
    return n if inner.op == "<" and src[inner.start] == "0" and bound in adjacent else ""


def _swap(src: Source, node: Node | None) -> tuple[Node, str, str, str] | None:
    """(array, index, operator, index) of `if (a[i] > a[j]) swap(a[i], a[j]);` in its two spellings."""
    if node is None or node.type != "if_statement" or node.child_by_field_name("alternative") is not None:
        return None
    test = bare(node.child_by_field_name("condition"))
    if test is None or test.type != "binary_expression" or operator(test) not in ("<", ">", "<=", ">="):
        return None
    sides = [bare(test.child_by_field_name(s)) for s in ("left", "right")]
    if any(s is None or s.type != "subscript_expression" for s in sides):
        return None
    array = sides[0].child_by_field_name("argument") if sides[0] is not None else None
    if (
        array is None
        or array.type != "identifier"
        or sides[1] is None
        or src.get(sides[1], "argument") != src[array]
    ):
        return None
    texts = [squeeze(src[s]) for s in sides if s is not None]
    if not _swaps(src, node.child_by_field_name("consequence"), set(texts)):
        return None
    index = [t[len(src[array]) + 1 : -1] for t in texts]
    return array, index[0], operator(test), index[1]


def _swaps(src: Source, branch: Node | None, places: set[str]) -> bool:
    body = statements(branch)
    if len(body) == 1:
        call = expression(body[0])
        return (
            call is not None
            and call_name(src, call) == "swap"
            and {squeeze(src[a]) for a in call_args(call)} == places
        )
    text = [squeeze(src[s]) for s in body]
    if len(text) == 4 and re.fullmatch(r"[\w: ]+ \w+;", text[0]):
        text = text[1:]
    if len(text) != 3:
        return False
    first = re.sub(
        r"^(?:const )?(?:int|long long|long|double|float|string|std::string|auto|char|ll) ", "", text[0]
    )
    for x in places:
        y = next(p for p in places if p != x)
        temp, _, value = first.rstrip(";").partition("=")
        if value == x and text[1:] == [f"{x}={y};", f"{y}={temp};"]:
            return assignment(body[1]) is not None
    return False
