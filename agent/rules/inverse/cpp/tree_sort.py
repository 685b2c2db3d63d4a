"""`sort(v.begin(), v.end())` -> through a multiset and back."""

from __future__ import annotations

import re
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.cpp._facts import INTEGERS, arguments_of, lookup
from codeopt.agent.rules.cppedit import (
    call_args,
    call_name,
    expression,
    find,
    include,
    named,
    parse,
    replace,
    rewrite,
    roots,
)

SUMMARY = "sort of a vector of integers or strings -> a multiset, copied back"
EXPECTS = "3-10x: an allocation for each element"
SOURCE = "common among PIE's slow programs (trees where a sort does)"


def apply(code: Code) -> Iterator[Rewrite]:
    src = parse(code.text)
    for node in find(roots(src, code), "expression_statement"):
        call = expression(node)
        if call is None or call.type != "call_expression" or call_name(src, call).removeprefix("std::") != "sort":
            continue
        args = call_args(call)
        whole = re.fullmatch(r"(\w+)\.begin\(\)", src[args[0]].replace(" ", "")) if len(args) == 2 else None
        if whole is None or src[args[1]].replace(" ", "") != f"{whole[1]}.end()":
            continue
        receivers = named(args[0])
        v = lookup(src, next(iter(find(receivers, "identifier")), None)) if receivers else None
        elements = arguments_of(v.type) if v is not None and v.template == "vector" else []
        # Of equal elements none can be told from another.
        if len(elements) != 1 or elements[0] not in INTEGERS | {"string"}:
            continue
        kind = "std::string" if elements[0] == "string" else elements[0]
        name = whole[1]
        text = f"{{ std::multiset<{kind}> in_order({name}.begin(), {name}.end()); {name}.assign(in_order.begin(), in_order.end()); }}"
        yield from rewrite(src, [*include(src, "set"), replace(node, text)], f"{name} sorted by a multiset", node)
