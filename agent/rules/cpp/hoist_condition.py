"""`i < strlen(s)`, `i <= sqrt(n)`, `i < v.size()` -> the call once, before the loop."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.cpp._access import access, constant_method, invariant, uses
from codeopt.agent.rules.cpp._facts import lookup
from codeopt.agent.rules.cppedit import (
    Edit,
    Source,
    braced,
    call_args,
    call_name,
    find,
    inside,
    parse,
    receiver,
    replace,
    rewrite,
    roots,
)

SUMMARY = "calls in a loop's condition that give the same value each time (strlen, sqrt, pow, size) -> before the loop"
EXPECTS = "O(n^2) -> O(n) for strlen (25x measured on 1e5 letters); 1x where the compiler does it itself"
SOURCE = "C++ Core Guidelines Per.11; quadratic strlen loops are a classic among PIE's slow programs"


def apply(code: Code) -> Iterator[Rewrite]:
    src = parse(code.text)
    for loop in find(roots(src, code), "for_statement", "while_statement"):
        condition = loop.child_by_field_name("condition")
        if condition is None:
            continue
        edits: list[Edit] = []
        declared, last = "", -1
        for call in find(condition, "call_expression"):
            if call.start_byte < last or not _fixed(src, call, loop):
                continue
            last, name = call.end_byte, _name(src, loop, len(edits))
            declared += f"const auto {name} = {src[call]}; "
            edits.append(replace(call, name))
        if edits:
            edits += braced(src, loop, declared.rstrip())
            yield from rewrite(src, edits, f"before the loop: {declared.strip()}", loop)


def _name(src: Source, loop: Node, index: int) -> str:
    return f"bound_{loop.start_point[0] + 1}" + (f"_{index}" if index else "")


def _fixed(src: Source, call: Node, loop: Node) -> bool:
    name = call_name(src, call)
    args = call_args(call)
    of = (
        receiver(call)
        if name in (".size", ".length")
        else args[0]
        if name == "strlen" and len(args) == 1
        else None
    )
    if of is None:
        return name in (
            "sqrt",
            "sqrtl",
            "sqrtf",
            "pow",
            "log",
            "log2",
            "floor",
            "ceil",
            "cbrt",
        ) and invariant(src, call, loop)
    v = lookup(src, of)
    if v is None or v.name in src.macro_words or (v.kind == "local" and inside(v.node, loop)):
        return False
    for u in uses(src, v, loop):
        a = access(src, u)
        if a.kind == "method" and not (constant_method(src, a) or a.method in ("begin", "end")):
            return False
        if a.kind == "escape" or (a.kind == "write" and (a.node == u or _ends(src, a.node))):
            return False
    return True


def _ends(src: Source, element: Node) -> bool:
    """Whether an element is set to the zero that ends a C string."""
    p = element.parent
    return (
        p is not None and p.type == "assignment_expression" and src.get(p, "right") in ("0", "'\\0'", "NULL")
    )
