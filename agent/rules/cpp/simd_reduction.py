"""`#pragma omp simd reduction(+:s)` on a float sum. Changes the rounding: the verdict decides."""

from __future__ import annotations

from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.cpp._access import assignment, counted, invariant, pure
from codeopt.agent.rules.cpp._facts import ARITHMETIC, FLOATS, lookup
from codeopt.agent.rules.cppedit import before, find, indent, parse, rewrite, roots, statements

SUMMARY = "float sums and products in a counted loop -> #pragma omp simd reduction with -fopenmp-simd (changes rounding)"
EXPECTS = "2x measured on a dot product of 4096 doubles, more with -march=native"
SOURCE = "OpenMP 4.0 specification, 2.8 SIMD constructs; GCC manual, -fopenmp-simd"


def apply(code: Code) -> Iterator[Rewrite]:
    src = parse(code.text)
    for loop in find(roots(src, code), "for_statement"):
        c = counted(src, loop)
        if c is None or not c.type or not invariant(src, c.bound, loop):
            continue
        above = loop.prev_sibling
        if above is not None and above.type == "preproc_call" and "omp" in src[above]:
            continue
        totals: list[str] = []
        for s in statements(c.body):
            sides = assignment(s, "+=")
            v = lookup(src, sides[0]) if sides is not None else None
            value = (
                v is not None and v.plain and v.type in FLOATS and sides is not None and pure(src, sides[1])
            )
            if value and v is not None and v.kind != "global":
                totals.append(v.name)
            elif not (
                s.type == "declaration"
                and "auto" not in src[s]
                and _scalar(src.get(s, "type"))
                and pure(src, s)
            ):
                totals.clear()
                break
        if totals and not any(find(c.body, "call_expression")):
            pragma = f"#pragma omp simd reduction(+ : {', '.join(dict.fromkeys(totals))})"
            if loop.parent is None or loop.parent.type != "compound_statement":
                continue
            start = src.data[: loop.start_byte].rpartition(b"\n")[2].strip()
            edits = [before(loop, ("\n" if start else "") + pragma + "\n" + indent(src, loop))]
            note = f"{', '.join(totals)}: vectorised sum (rounding changes; needs -fopenmp-simd)"
            yield from rewrite(src, edits, note, loop, ("-fopenmp-simd",))


def _scalar(kind: str) -> bool:
    return kind.removeprefix("const ") in ARITHMETIC
