"""A vector that is eaten or filled at its front -> deque."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from tree_sitter import Node

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.cpp._access import access, uses
from codeopt.agent.rules.cpp._facts import Variable, variables, word_set
from codeopt.agent.rules.cppedit import (
    Edit,
    Source,
    call_args,
    include,
    inside,
    parse,
    replace,
    rewrite,
    roots,
    squeeze,
)

SUMMARY = "v.erase(v.begin()) and v.insert(v.begin(), x) on a vector -> deque with pop_front and push_front"
EXPECTS = "O(n^2) -> O(n); 80x measured on 6e4 elements"
SOURCE = "cppreference, std::deque (constant-time insertion and removal at both ends)"

_METHODS = word_set(
    "push_back pop_back emplace_back front back size empty begin end clear rbegin rend at resize"
)


def apply(code: Code) -> Iterator[Rewrite]:
    src = parse(code.text)
    where = roots(src, code)
    for v in [v for same in variables(src).values() for v in same]:
        kind = v.node.child_by_field_name("type")
        if (
            v.kind == "param"
            or v.template != "vector"
            or not v.plain
            or not v.alone
            or v.name in src.macro_words
        ):
            continue
        if (
            kind is None
            or "<" not in src[kind]
            or not any(inside(v.node, r) for r in where)
            or "vector<bool>" in v.type
        ):
            continue
        edits = _edits(src, v)
        if edits:
            text = src[kind]
            new = replace(kind, "std::deque" + text[text.index("<") :])
            yield from rewrite(
                src, [*include(src, "deque"), new, *edits], f"{v.name}: vector -> deque", v.node
            )


def _edits(src: Source, v: Variable) -> list[Edit]:
    edits: list[Edit] = []
    for u in uses(src, v):
        a = access(src, u)
        if a.kind == "method" and a.method in ("erase", "insert"):
            args, front = call_args(a.node), f"{v.name}.begin()"
            if not args or squeeze(src[args[0]]) != front:
                return []
            if a.method == "erase" and len(args) == 1 and _statement(a.node):
                edits.append(replace(a.node, f"{v.name}.pop_front()"))
            elif (
                a.method == "insert"
                and len(args) == 2
                and args[1].type != "initializer_list"
                and _statement(a.node)
            ):
                edits.append(replace(a.node, f"{v.name}.push_front({src[args[1]]})"))
            else:
                return []
        elif (a.kind == "method" and a.method not in _METHODS) or (a.node == u and not _looped(u)):
            return []
    ordered = sorted(edits)
    return [] if any(a.end > b.start for a, b in itertools.pairwise(ordered)) else edits


def _statement(call: Node) -> bool:
    return call.parent is not None and call.parent.type == "expression_statement"


def _looped(use: Node) -> bool:
    return use.parent is not None and use.parent.type == "for_range_loop"
