"""A prime test by trial division -> a look-up in a sieve that grows with its arguments."""

from __future__ import annotations

import re
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.cpp._access import access
from codeopt.agent.rules.cpp._facts import INTEGERS, lookup, type_name
from codeopt.agent.rules.cppedit import (
    Function,
    Source,
    bare,
    before,
    find,
    functions,
    include,
    inside,
    only_statement,
    parse,
    rewrite,
    roots,
    squeeze,
    statements,
    words,
)

SUMMARY = "bool is_prime(n) by trial division -> sieve of Eratosthenes below 2^23, the old way above"
EXPECTS = "O(sqrt n) a test -> O(1); 1.8x measured for all numbers up to 2e6 with i * i <= n"
SOURCE = "Sieve of Eratosthenes, O(n log log n) for all numbers up to n; common among PIE's human pairs"


def apply(code: Code) -> Iterator[Rewrite]:
    src = parse(code.text)
    where = roots(src, code)
    for f in functions(src):
        if not any(inside(f.node, r) for r in where) or len(f.params) != 1 or not _tests_primes(src, f):
            continue
        n, kind = src.get(f.params[0], "declarator"), src.get(f.node, "type")
        body = (
            f"\n    static std::vector<char> composite_;\n    if ({n} >= 4 && {n} < (1 << 23)) {{\n"
            f"        if (composite_.size() <= (std::size_t){n}) {{\n"
            f"            const std::size_t size_ = (std::size_t){n} * 2 + 1000;\n            composite_.assign(size_, 0);\n"
            "            for (std::size_t p_ = 2; p_ * p_ < size_; ++p_)\n                if (!composite_[p_])\n"
            "                    for (std::size_t q_ = p_ * p_; q_ < size_; q_ += p_) composite_[q_] = 1;\n        }\n"
            f"        return ({kind})!composite_[{n}];\n    }}"
        )
        first = statements(f.body)[0]
        edits = [*include(src, "vector"), before(first, body.lstrip() + "\n    ")]
        yield from rewrite(src, edits, f"{f.name}: sieve instead of trial division", f.node)


def _tests_primes(src: Source, f: Function) -> bool:
    """bool f(int n): `if (n % i == 0) return false;` in one loop from 2 or 3, `return true` at the end, n unchanged."""
    v = lookup(src, f.params[0].child_by_field_name("declarator"))
    if (
        v is None
        or v.type not in INTEGERS
        or not v.plain
        or type_name(src, src.get(f.node, "type")) not in ("bool", "int")
    ):
        return False
    body = statements(f.body)
    if not body or squeeze(src[body[-1]]) not in ("return true;", "return 1;") or "composite_" in src.words:
        return False
    loops = list(find(f.body, "for_statement", "while_statement"))
    if len(loops) != 1 or loops[0].type != "for_statement":
        return False
    inner = only_statement(loops[0].child_by_field_name("body"))
    if inner is None or inner.type != "if_statement":
        return False
    start = re.fullmatch(r"[\w ]+ (\w+)=([23]);", squeeze(src.get(loops[0], "initializer")))
    condition = loops[0].child_by_field_name("condition")
    test = bare(inner.child_by_field_name("condition"))
    if start is None or test is None or condition is None or v.name not in words(src, condition):
        return False
    step = start[1]
    done = only_statement(inner.child_by_field_name("consequence"))
    stops = done is not None and squeeze(src[done]) in ("return false;", "return 0;")
    divides = squeeze(src[test]) in (f"{v.name}%{step}==0", f"!({v.name}%{step})")
    if start[2] == "3" and f"{v.name}%2==0" not in squeeze(src[f.body]):
        return False
    kept = all(access(src, u).kind == "read" for u in src.named(v.name) if inside(u, f.body))
    return stops and divides and kept
