"""`v.reserve(n)` taken away."""

from __future__ import annotations

from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.cpp._facts import lookup
from codeopt.agent.rules.cppedit import (
    call_args,
    call_name,
    expression,
    find,
    parse,
    receiver,
    replace,
    rewrite,
    roots,
)

SUMMARY = "reserve of a vector or string taken away"
EXPECTS = "1.2-2x where it is filled by push_back"
SOURCE = "C++ Core Guidelines Per.14; cppreference, std::vector::reserve"


def apply(code: Code) -> Iterator[Rewrite]:
    src = parse(code.text)
    for node in find(roots(src, code), "expression_statement"):
        call = expression(node)
        if call is None or call.type != "call_expression" or call_name(src, call) != ".reserve":
            continue
        v = lookup(src, receiver(call))
        # What is computed for it may do something.
        plain = all(arg.type in ("identifier", "number_literal", "binary_expression") for arg in call_args(call))
        if v is not None and v.template in ("vector", "string") and plain and not any(find(call_args(call), "call_expression", "update_expression", "assignment_expression")):
            yield from rewrite(src, [replace(node, ";")], f"{v.name}: no reserve", node)
