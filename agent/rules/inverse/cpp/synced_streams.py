"""`sync_with_stdio(false)` and `cin.tie(nullptr)` taken away."""

from __future__ import annotations

import re
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.cppedit import find, parse, replace, rewrite, roots

SUMMARY = "streams that are not tied to stdio -> tied again"
EXPECTS = "2-5x where reading is most of the work"
SOURCE = "common among PIE's slow programs; cppreference, std::ios_base::sync_with_stdio"
_CALL = re.compile(r"(?:std::)?(?:(?:ios(?:_base)?|cin|cout)(?:::|\.)sync_with_stdio\((?:false|0)\)|cin\.tie\((?:0|NULL|nullptr)\)|cout\.tie\((?:0|NULL|nullptr)\))")


def apply(code: Code) -> Iterator[Rewrite]:
    src = parse(code.text)
    edits, first = [], None
    for node in find(roots(src, code), "expression_statement"):
        text = re.sub(r"\s+", "", src[node]).rstrip(";")
        if all(_CALL.fullmatch(part) for part in text.split(",")):
            edits.append(replace(node, ";" if node.parent is not None and node.parent.type != "compound_statement" else ""))
            first = first or node
    if edits:
        yield from rewrite(src, edits, "streams in step with stdio", first)
