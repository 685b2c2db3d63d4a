"""A pure function of integers that calls itself at least twice -> remembers its results."""

from __future__ import annotations

from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.cpp._access import access, pure
from codeopt.agent.rules.cpp._facts import ARITHMETIC, INTEGERS, lookup, type_name
from codeopt.agent.rules.cppedit import (
    Function,
    Source,
    after,
    before,
    call_name,
    find,
    function_of,
    functions,
    include,
    inside,
    parse,
    replace,
    rewrite,
    roots,
    squeeze,
)

SUMMARY = "pure recursion on one to four integers with two or more self-calls -> memo table"
EXPECTS = "exponential -> polynomial; 120x measured at fib(30)"
SOURCE = "Michie, Memo functions and machine learning, Nature 1968; common among PIE's human pairs"

_WORKING = frozenset({"max", "min", "abs", "gcd", "__gcd", "sqrt", "pow"})


def apply(code: Code) -> Iterator[Rewrite]:
    src = parse(code.text)
    where = roots(src, code)
    for f in functions(src):
        if any(inside(f.node, r) for r in where) and _fits(src, f):
            yield from _memo(src, f)


def _fits(src: Source, f: Function) -> bool:
    result = type_name(src, src.get(f.node, "type"))
    if (
        "." in f.name
        or not 1 <= len(f.params) <= 4
        or f.name + "_plain" in src.words
        or result not in ARITHMETIC
    ):
        return False
    if f.declarator.parent != f.node:
        return False
    for p in f.params:
        v = lookup(src, p.child_by_field_name("declarator"))
        if v is None or p.type != "parameter_declaration" or not v.plain or v.type not in INTEGERS:
            return False
    calls = [call_name(src, c) for c in find(f.body, "call_expression")]
    if calls.count(f.name) < 2 or not all(n == f.name or n in _WORKING or n in INTEGERS for n in calls):
        return False
    for ident in find(f.body, "identifier"):
        v = lookup(src, ident)
        if v is not None and v.kind == "global" and access(src, ident).kind in ("write", "escape", "method"):
            return False
        if v is None and src[ident] in ("cin", "cout", "printf", "scanf", "rand"):
            return False
    return all(not any(True for _ in find(n, "new_expression")) for n in [f.body]) and _stateless(src, f)


def _stateless(src: Source, f: Function) -> bool:
    return not any(src[c] == "static" for c in find(f.body, "storage_class_specifier")) and not any(
        True for _ in find(f.body, "pointer_expression", "delete_expression", "throw_statement")
    )


def _memo(src: Source, f: Function) -> Iterator[Rewrite]:
    result, kinds = src.get(f.node, "type"), [src.get(p, "type") for p in f.params]
    names = [src.get(p, "declarator") for p in f.params]
    signature = ", ".join(squeeze(src[p]) for p in f.params)
    call = f"{f.name}_plain({', '.join(names)})"
    if len(names) == 1:
        n = names[0]
        body = (
            f"    static std::vector<{result}> memo;\n    static std::vector<char> known;\n"
            f"    if ({n} < 0 || (unsigned long long){n} >= (1u << 22)) return {call};\n"
            f"    if (known.size() <= (std::size_t){n}) known.resize({n} + 1), memo.resize({n} + 1);\n"
            f"    if (known[{n}]) return memo[{n}];\n    const {result} value = {call};\n"
            f"    known[{n}] = 1;\n    return memo[{n}] = value;\n"
        )
        edits = include(src, "vector")
    else:
        mix = "".join(
            f"        h = (h ^ (h >> 29)) * 0x9E3779B97F4A7C15ull + (unsigned long long)k[{i}];\n"
            for i in range(1, len(names))
        )
        key = f"std::array<long long, {len(names)}>"
        body = (
            f"    struct Hash {{\n        std::size_t operator()(const {key}& k) const {{\n"
            f"        unsigned long long h = (unsigned long long)k[0];\n{mix}"
            f"        h *= 0xBF58476D1CE4E5B9ull;\n        return (std::size_t)(h ^ (h >> 32));\n        }}\n    }};\n"
            f"    static std::unordered_map<{key}, {result}, Hash> memo;\n"
            f"    const {key} key{{{{{', '.join(f'(long long){n}' for n in names)}}}}};\n"
            f"    const auto found = memo.find(key);\n    if (found != memo.end()) return found->second;\n"
            f"    const {result} value = {call};\n    memo.emplace(key, value);\n    return value;\n"
        )
        edits = include(src, "array", "unordered_map")
    name = f.declarator.child_by_field_name("declarator")
    if name is None or not kinds:
        return
    declared = "static " if src[f.node].startswith("static") else ""
    edits += [
        before(f.node, f"{declared}{result} {f.name}({signature});\n"),
        replace(name, f.name + "_plain"),
        after(f.node, f"\n{declared}{result} {f.name}({signature}) {{\n{body}}}"),
    ]
    holder = function_of(src, f.node)
    if holder is not None and pure(src, name):
        yield from rewrite(src, edits, f"{f.name} remembers its results", f.node)
