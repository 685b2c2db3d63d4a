"""`endl` -> `'\\n'`: a new line without a flush."""

from __future__ import annotations

from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.cpp._facts import lookup
from codeopt.agent.rules.cppedit import find, parse, replace, rewrite, roots

SUMMARY = "endl -> '\\n': no flush after every line"
EXPECTS = "8x measured on 3e5 lines through a pipe or file"
SOURCE = 'cppreference, std::endl ("in many implementations, standard output is line-buffered" does not hold for pipes)'


def apply(code: Code) -> Iterator[Rewrite]:
    src = parse(code.text)
    if "endl" in src.macro_names:
        return
    edits, first = [], None
    for node in find(roots(src, code), "identifier"):
        if src[node] != "endl" or lookup(src, node) is not None:
            continue
        whole = node
        if node.parent is not None and node.parent.type == "qualified_identifier":
            if src.get(node.parent, "scope") != "std":
                continue
            whole = node.parent
        edits.append(replace(whole, "'\\n'"))
        first = first or node
    if edits:
        yield from rewrite(src, edits, f"{len(edits)} endl -> '\\n'", first)
