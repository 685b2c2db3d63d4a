"""pow with a small or integer exponent -> products, ldexp, or a table of powers of ten."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.cpp._access import pure
from codeopt.agent.rules.cpp._facts import INTEGERS, type_of
from codeopt.agent.rules.cppedit import (
    Edit,
    Source,
    call_args,
    call_name,
    find,
    header,
    include,
    parse,
    replace,
    rewrite,
    roots,
)

SUMMARY = "pow(x, 2), pow(x, 3), pow(2, k), pow(10, k) -> products, ldexp, a table"
EXPECTS = "9x measured on a mix of pow(x, 2), pow(x, 3), pow(2, k), pow(10, k)"
SOURCE = "Agner Fog, Optimizing software in C++, ch. 14; common among PIE's human pairs"

POW10 = """\
#include <cmath>
static inline double pow10_exact(long long k) {
    static const double table[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                   1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    return k >= 0 && k <= 22 ? table[k] : std::pow(10.0, (double)k);
}
"""


def apply(code: Code) -> Iterator[Rewrite]:
    src = parse(code.text)
    edits: list[Edit] = []
    first, table = None, False
    for call in find(roots(src, code), "call_expression"):
        args = call_args(call)
        if call_name(src, call) != "pow" or len(args) != 2 or (edits and call.start_byte < edits[-1].end):
            continue
        new = _form(src, args[0], args[1])
        if new:
            edits.append(replace(call, new))
            table = table or new.startswith("pow10_exact")
            first = first or call
    if not edits:
        return
    if table and "pow10_exact" not in src.words:
        edits.insert(0, header(src, POW10))
    if any("ldexp" in e.text for e in edits) and "math.h" not in src.text:
        edits = [*include(src, "cmath"), *edits]
    yield from rewrite(src, edits, f"{len(edits)} pow -> product, ldexp or table", first)


def _form(src: Source, base: Node, exponent: Node) -> str:
    power, whole = src[exponent].removesuffix(".0"), src[base].removesuffix(".0")
    if power in ("2", "3") and pure(src, base) and not any(True for _ in find(base, "call_expression")):
        if type_of(src, base) == "long double":
            return ""
        x = f"(double)({src[base]})" if base.type != "identifier" else f"(double){src[base]}"
        return "(" + " * ".join([x] * int(power)) + ")"
    if type_of(src, exponent) in INTEGERS and pure(src, exponent):
        if whole == "2":
            return f"std::ldexp(1.0, {src[exponent]})"
        if whole == "10":
            return f"pow10_exact({src[exponent]})"
    return ""
