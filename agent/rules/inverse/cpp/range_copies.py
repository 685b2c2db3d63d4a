"""`for (const auto& x : v)` -> `for (const auto x : v)`: a copy of each element."""

from __future__ import annotations

from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.cpp._facts import ARITHMETIC, arguments_of, type_of
from codeopt.agent.rules.cppedit import Edit, find, parse, rewrite, roots

SUMMARY = "range-for by const & -> by value"
EXPECTS = "2-12x over strings and vectors"
SOURCE = "clang-tidy performance-for-range-copy; C++ Core Guidelines ES.71"


def apply(code: Code) -> Iterator[Rewrite]:
    src = parse(code.text)
    for loop in find(roots(src, code), "for_range_loop"):
        declarator, over = loop.child_by_field_name("declarator"), loop.child_by_field_name("right")
        if declarator is None or over is None or declarator.type != "reference_declarator":
            continue
        if not any(src[child] == "const" for child in loop.children) or src[declarator].startswith("&&"):
            continue
        elements = arguments_of(type_of(src, over))[:1]
        if elements and elements[0] not in ARITHMETIC:
            at = declarator.start_byte
            yield from rewrite(src, [Edit(at, at + 1, " ")], "each element copied", loop)
