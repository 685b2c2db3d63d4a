"""A sum of floats in one variable -> eight partial sums. Changes the rounding: the verdict decides."""

from __future__ import annotations

import re
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.cpp._access import assignment, changed_in, counted, invariant, pure
from codeopt.agent.rules.cpp._facts import FLOATS, lookup, type_of
from codeopt.agent.rules.cppedit import (
    find,
    indent,
    only_statement,
    parse,
    replace,
    rewrite,
    roots,
    shift,
    words,
)

SUMMARY = "float sum in one accumulator -> eight partial sums (changes rounding)"
EXPECTS = "3.6-5x measured on a dot product of 4096 doubles"
SOURCE = "Agner Fog, Optimizing software in C++, ch. 11 (dependency chains); GCC vectorises it only with -ffast-math"


def apply(code: Code) -> Iterator[Rewrite]:
    src = parse(code.text)
    for loop in find(roots(src, code), "for_statement"):
        c = counted(src, loop)
        sides = assignment(only_statement(c.body), "+=") if c is not None else None
        if c is None or sides is None or not c.type or sides[0].type != "identifier":
            continue
        total = lookup(src, sides[0])
        if (
            total is None
            or total.type not in FLOATS - {"long double"}
            or not total.plain
            or total.kind == "global"
        ):
            continue
        own = words(src, sides[1])
        if (
            c.name not in own
            or total.name in own
            or not pure(src, sides[1])
            or not invariant(src, c.bound, loop)
        ):
            continue
        if type_of(src, sides[1]) not in ("", *FLOATS) or any(
            call for call in find(sides[1], "call_expression")
        ):
            continue
        counter = lookup(src, next(n for n in find(c.condition, "identifier") if src[n] == c.name))
        if counter is None or changed_in(src, counter, c.body):
            continue
        i, kind, total_type = c.name, c.type, total.type
        term = re.sub(rf"\b{i}\b", f"({i} + lane_)", src[sides[1]])
        end = src[c.bound] + (" + 1" if c.op == "<=" else "")
        new = (
            f"{{\n    {total_type} part_[8] = {{}};\n    {kind} {i} = {src[c.start]};\n"
            f"    for (; {i} + 8 <= {end}; {i} += 8)\n"
            f"        for (int lane_ = 0; lane_ < 8; ++lane_) part_[lane_] += {term};\n"
            f"    for (; {i} < {end}; ++{i}) {total.name} += {src[sides[1]]};\n"
            f"    {total.name} += ((part_[0] + part_[1]) + (part_[2] + part_[3])) + "
            f"((part_[4] + part_[5]) + (part_[6] + part_[7]));\n}}"
        )
        note = f"{total.name}: eight partial sums (rounding changes)"
        yield from rewrite(src, [replace(loop, shift(new, indent(src, loop)))], note, loop)
