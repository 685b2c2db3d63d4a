"""Global numbers and tables that never change -> const, so that the compiler knows their value."""

from __future__ import annotations

from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.cpp._access import changed_in, pure
from codeopt.agent.rules.cpp._facts import ARITHMETIC, Variable, variables
from codeopt.agent.rules.cppedit import Source, before, find, parse, rewrite

SUMMARY = "global constants (MOD, tables) that lack const: % and / by them become multiplications"
EXPECTS = "1.1x measured on int % MOD in a table; more on CPUs with slow division"
SOURCE = "Granlund and Montgomery, Division by invariant integers using multiplication, PLDI 1994"


def apply(code: Code) -> Iterator[Rewrite]:
    src = parse(code.text)
    groups: dict[int, list[Variable]] = {}
    for v in [v for same in variables(src).values() for v in same]:
        if v.kind == "global" and v.node.type == "declaration":
            groups.setdefault(v.node.id, []).append(v)
    edits, names, first = [], [], None
    for group in groups.values():
        node = group[0].node
        complete = len(group) == len(node.children_by_field_name("declarator"))
        if complete and all(_constant(src, v) for v in group):
            edits.append(before(node, "const "))
            names += [v.name for v in group]
            first = first or node
    if edits and code.function in ("", "main"):
        yield from rewrite(src, edits, f"const: {', '.join(names)}", first)


def _constant(src: Source, v: Variable) -> bool:
    if (
        v.const
        or v.pointer
        or v.reference
        or v.type not in ARITHMETIC
        or v.init is None
        or "extern" in src[v.node]
    ):
        return False
    if not pure(src, v.init) or any(True for _ in find(v.init, "identifier", "call_expression")):
        return False
    return not changed_in(src, v, src.root)
