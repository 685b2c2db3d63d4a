"""A queue of the standard library -> a vector whose first element is erased."""

from __future__ import annotations

from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.cpp._access import access, uses
from codeopt.agent.rules.cpp._facts import arguments_of, variables
from codeopt.agent.rules.cppedit import find, include, inside, parse, replace, rewrite, roots

SUMMARY = "queue -> vector, erase(begin()) for pop()"
EXPECTS = "O(1) -> O(n) a step"
SOURCE = "common among PIE's slow programs (vectors as queues); cppreference, std::queue"
_METHODS = {"push": "push_back", "front": "front", "back": "back", "empty": "empty", "size": "size", "pop": "erase"}


def apply(code: Code) -> Iterator[Rewrite]:
    src = parse(code.text)
    where = roots(src, code)
    for v in [v for same in variables(src).values() for v in same]:
        kind = v.node.child_by_field_name("type")
        if v.template != "queue" or v.node.type != "declaration" or not v.plain or not v.alone or v.init is not None or kind is None:
            continue
        elements = arguments_of(v.type)
        if len(elements) != 1 or elements[0] == "bool" or not any(inside(v.node, r) for r in where):
            continue
        found = [(use, access(src, use)) for use in uses(src, v)]
        if any(src.get(use.parent, "field") not in _METHODS if use.parent is not None else True for use, _ in found):
            continue
        name = next((node for node in find(kind, "type_identifier") if src[node] == "queue"), None)
        if name is None:
            continue
        edits = [*include(src, "vector"), replace(name, "vector")]
        for use, one in found:
            field = use.parent.child_by_field_name("field") if use.parent is not None else None
            if field is None:
                break
            edits.append(replace(field, _METHODS[src[field]]))
            if src[field] == "pop":
                arguments = next(find(one.node, "argument_list"))
                edits.append(replace(arguments, f"({v.name}.begin())"))
        else:
            yield from rewrite(src, edits, f"{v.name}: a vector as a queue", v.node)
