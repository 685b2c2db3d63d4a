"""`const vector<T>& v` as a parameter -> `const vector<T> v`: a copy a call."""

from __future__ import annotations

from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.cpp._facts import CONTAINERS, type_name
from codeopt.agent.rules.cppedit import Edit, find, functions, inside, parse, rewrite, roots

SUMMARY = "containers and strings by const & -> by value"
EXPECTS = "O(1) -> O(n) a call"
SOURCE = "C++ Core Guidelines F.16; clang-tidy performance-unnecessary-value-param"


def apply(code: Code) -> Iterator[Rewrite]:
    src = parse(code.text)
    where = roots(src, code)
    for f in functions(src):
        name = src.get(f.declarator, "declarator")
        # One definition, no prototype that would not fit any more, nothing that is overridden or a template.
        head = src[f.node][: f.body.start_byte - f.node.start_byte].split()
        if not any(inside(f.node, r) for r in where) or "::" in name or {"virtual", "override", "template"} & set(head):
            continue
        if sum(1 for node in find(src.root, "function_declarator") if src.get(node, "declarator") == name) != 1:
            continue
        for parameter in f.params:
            declarator = parameter.child_by_field_name("declarator")
            kind = type_name(src, src.get(parameter, "type"))
            const = any(src[child] == "const" for child in parameter.children)
            if declarator is None or declarator.type != "reference_declarator" or not const:
                continue
            text = src[declarator]
            if kind.split("<")[0] in CONTAINERS and text.startswith("&") and not text.startswith("&&"):
                at = declarator.start_byte
                yield from rewrite(src, [Edit(at, at + 1, " ")], f"{text[1:].strip()} by value", parameter)
