"""`s.substr(i, n) == t` -> `s.compare(i, n, t) == 0`: no temporary string."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.cpp._facts import type_of
from codeopt.agent.rules.cppedit import (
    Source,
    bare,
    call_args,
    call_name,
    find,
    operator,
    parse,
    receiver,
    replace,
    rewrite,
    roots,
)

SUMMARY = "s.substr(i, n) == t -> s.compare(i, n, t) == 0"
EXPECTS = "59x measured (with long tails compared), 2-3x on short pieces"
SOURCE = "cppreference, std::string::compare; abseil-string-find-startswith in clang-tidy"


def apply(code: Code) -> Iterator[Rewrite]:
    src = parse(code.text)
    edits, first = [], None
    for node in find(roots(src, code), "binary_expression"):
        if operator(node) not in ("==", "!="):
            continue
        left, right = (bare(node.child_by_field_name(s)) for s in ("left", "right"))
        if left is None or right is None:
            continue
        if not _substr(src, left):
            left, right = right, left
        if not _substr(src, left) or any(
            call_name(src, c) == ".substr" for c in find(right, "call_expression")
        ):
            continue
        if right.type != "string_literal" and type_of(src, right) != "string":
            continue
        args = [src[a] for a in call_args(left)] + (
            ["std::string::npos"] if len(call_args(left)) == 1 else []
        )
        of = receiver(left)
        if of is not None:
            edits.append(
                replace(node, f"{src[of]}.compare({', '.join(args)}, {src[right]}) {operator(node)} 0")
            )
            first = first or node
    if edits:
        yield from rewrite(src, edits, f"{len(edits)} comparisons with substr -> compare", first)


def _substr(src: Source, node: Node) -> bool:
    return (
        call_name(src, node) == ".substr"
        and len(call_args(node)) in (1, 2)
        and type_of(src, receiver(node)) == "string"
    )
