"""A local vector<vector<T>> of fixed width -> one flat vector."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.cpp._access import pure, uses
from codeopt.agent.rules.cpp._facts import ARITHMETIC, Variable, arguments_of, element, type_name, variables
from codeopt.agent.rules.cppedit import (
    Edit,
    Source,
    call_args,
    indent,
    inside,
    named,
    parse,
    replace,
    rewrite,
    roots,
)

SUMMARY = "vector<vector<T>> of fixed size that is only used as a[i][j] -> one flat vector"
EXPECTS = "4.4x measured where small tables are made often, 1.0-1.1x on large ones"
SOURCE = "Agner Fog, Optimizing software in C++, ch. 9 (contiguous memory); common among PIE's human pairs"


def apply(code: Code) -> Iterator[Rewrite]:
    src = parse(code.text)
    where = roots(src, code)
    for v in [v for same in variables(src).values() for v in same]:
        if (
            v.kind != "local"
            or v.template != "vector"
            or not v.plain
            or not v.alone
            or v.name in src.macro_words
        ):
            continue
        held = arguments_of(element(v.type))
        shape = _shape(src, v, held[0]) if held and held[0] in ARITHMETIC - {"bool"} else None
        if shape is None or not any(inside(v.node, r) for r in where) or f"{v.name}_width" in src.words:
            continue
        edits = [e for u in uses(src, v) for e in _index(src, v, u)]
        if not edits or any(e.start < 0 for e in edits):
            continue
        rows, width, init = shape
        tail = f", {init}" if init else ""
        new = (
            f"const std::size_t {v.name}_width = {width};\n{indent(src, v.node)}"
            f"std::vector<{held[0]}> {v.name}(std::size_t({rows}) * {v.name}_width{tail});"
        )
        yield from rewrite(
            src, [replace(v.node, new), *edits], f"{v.name}: nested vectors -> one flat vector", v.node
        )


def _shape(src: Source, v: Variable, element: str) -> tuple[str, str, str] | None:
    """(rows, width, initial value) of `a(rows, vector<T>(width, value))`."""
    outer = named(v.init) if v.init is not None and v.init.type == "argument_list" else []
    if len(outer) != 2 or outer[1].type != "call_expression" or not all(pure(src, n) for n in outer):
        return None
    if type_name(src, src.get(outer[1], "function")) != f"vector<{element}>":
        return None
    inner = call_args(outer[1])
    if not 1 <= len(inner) <= 2 or inner[0].type == "initializer_list":
        return None
    return src[outer[0]], src[inner[0]], src[inner[1]] if len(inner) == 2 else ""


def _index(src: Source, v: Variable, use: Node) -> list[Edit]:
    """`a[i][j]` -> `a[(i) * width + (j)]` by its brackets, so that indices may hold further uses."""
    first = use.parent
    second = first.parent if first is not None else None
    bad = [Edit(-1, -1, "")]
    if (
        first is None
        or second is None
        or first.type != "subscript_expression"
        or second.type != "subscript_expression"
    ):
        return bad
    if first.child_by_field_name("argument") != use or second.child_by_field_name("argument") != first:
        return bad
    a, b = first.child_by_field_name("indices"), second.child_by_field_name("indices")
    if a is None or b is None or len(named(a)) != 1 or len(named(b)) != 1:
        return bad
    return [
        Edit(a.start_byte, a.start_byte + 1, "[(std::size_t)("),
        Edit(a.end_byte - 1, b.start_byte + 1, f") * {v.name}_width + ("),
        Edit(b.end_byte - 1, b.end_byte, ")]"),
    ]
