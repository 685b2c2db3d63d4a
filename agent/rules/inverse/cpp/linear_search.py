"""`binary_search` and `lower_bound` over a whole sorted container -> a search from the front."""

from __future__ import annotations

import re
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.cppedit import call_args, call_name, find, include, parse, replace, rewrite, roots

SUMMARY = "binary_search and lower_bound -> a linear search"
EXPECTS = "O(log n) -> O(n) a search"
SOURCE = "common among PIE's slow programs; cppreference, std::binary_search"
_WHOLE = re.compile(r"(\w+)\.begin\(\)")


def apply(code: Code) -> Iterator[Rewrite]:
    src = parse(code.text)
    for call in find(roots(src, code), "call_expression"):
        name = call_name(src, call).removeprefix("std::")
        args = call_args(call)
        if name not in ("binary_search", "lower_bound") or len(args) != 3:
            continue
        begin, end, value = (src[arg].replace(" ", "") for arg in args)
        whole = _WHOLE.fullmatch(begin)
        # The value is written once for each element: it must be plain.
        if whole is None or end != f"{whole[1]}.end()" or args[2].type not in ("identifier", "number_literal"):
            continue
        v = whole[1]
        if name == "binary_search":
            text = f"(std::find({v}.begin(), {v}.end(), {value}) != {v}.end())"
        else:
            text = f"std::find_if({v}.begin(), {v}.end(), [&](const auto& own) {{ return !(own < {value}); }})"
        yield from rewrite(src, [*include(src, "algorithm"), replace(call, text)], f"{name} in {v} from the front", call)
