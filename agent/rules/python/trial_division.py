"""Trial division stops at the square root."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyedit import Edits, functions
from codeopt.agent.rules.pyfacts import names_in
from codeopt.agent.rules.pymatch import fill, find, match
from codeopt.agent.rules.pynumbers import quits, trials

SUMMARY = "Search for a divisor up to n (or n/2): up to the square root; factor loops jump to the last factor"
EXPECTS = "O(n) -> O(sqrt n)"
SOURCE = "Elementary number theory: a composite n has a divisor not above its square root"

_LINEAR = ("{n}", "{n} - 1", "{n} // 2", "{n} // 2 + 1", "int({n} / 2)", "int({n} / 2) + 1", "{n} // 2 + 2", "{n} // 3", "{n} // 3 + 1")
_EXACT = _LINEAR[:2]


def _is_linear(stop: ast.expr, n: ast.expr, forms: tuple[str, ...] = _LINEAR) -> bool:
    return any(match(form.format(n=ast.unparse(n)), stop) for form in forms)


def apply(code: Code) -> Iterator[Rewrite]:
    for scope in functions(code):
        for t in trials(scope):
            if _is_linear(t.stop, t.n) and match("2", t.start):
                yield _bounded(code, t.loop.iter, t.n, t.stop, scope)
                yield _odd_only(code, t.loop, t.n, t.hit)
            elif match("2", t.start) and "sqrt" in ast.dump(t.stop):
                yield _odd_only(code, t.loop, t.n, t.hit)
    for pattern in ("all($N % $i != 0 for $i in range(2, $B))", "any($N % $i == 0 for $i in range(2, $B))",
                    "all($N % $i for $i in range(2, $B))", "all([$N % $i != 0 for $i in range(2, $B)])"):  # fmt: skip
        for f in find(code, pattern):
            if _is_linear(f["B"], f["N"]) and f.name("i") not in names_in(f["N"]):
                call = f.nodes[0].args[0].generators[0].iter
                yield _bounded(code, call, f["N"], f["B"], f.scope)
    yield from _while_loops(code)
    yield from _factor_loops(code)


def _bounded(code: Code, call: ast.expr, n: ast.expr, stop: ast.expr, scope: ast.AST) -> Rewrite:
    guarded = any(isinstance(c, ast.Compare) and isinstance(c.ops[0], ast.Lt | ast.LtE | ast.Gt | ast.GtE)
                  and names_in(n) <= names_in(c) and c.lineno < call.lineno for c in ast.walk(scope))  # fmt: skip
    guarded |= isinstance(n, ast.Call)
    if _is_linear(stop, n, _EXACT):
        template = "range(2, math.isqrt($N) + 1)" if guarded else "range(2, math.isqrt(max($N, 0)) + 1)"
    else:
        template = "range(2, min($B, math.isqrt(abs($N)) + 1))"
    edits = Edits(code.text)
    edits.replace(call, fill(template, {"N": n, "B": stop}))
    edits.add_import("import math")
    return Rewrite(edits.text(), "search for a divisor: up to the square root", call.lineno)


def _odd_only(code: Code, loop: ast.For, n: ast.expr, hit: list[ast.stmt]) -> Rewrite:
    """Two first, then odd numbers up to the root, in a loop of the same shape (so its `else` keeps its meaning)."""
    edits = Edits(code.text)
    new = "itertools.chain((2,) if $N > 2 and $N % 2 == 0 else (), range(3, math.isqrt(max($N, 0)) + 1, 2))"
    edits.replace(loop.iter, fill(new, {"N": n}))
    edits.add_import("import math")
    edits.add_import("import itertools")
    return Rewrite(edits.text(), "search for a divisor: two and the odd numbers up to the square root", loop.lineno)


def _while_loops(code: Code) -> Iterator[Rewrite]:
    for pattern in ("while $i < $B:\n    if $N % $i == 0:\n        $$hit\n    $i += $K",
                    "while $i <= $B:\n    if $N % $i == 0:\n        $$hit\n    $i += $K"):  # fmt: skip
        for f in find(code, pattern):
            names = names_in(f["N"])
            if f.name("i") in names or not quits(f.block("hit")) or f.name("i") in names_in(f.block("hit")):
                continue
            top = f["B"]
            last = isinstance(f.nodes[0].test.ops[0], ast.LtE)
            if _is_linear(top, f["N"]) and not (last and match(ast.unparse(f["N"]), top)):
                edits = Edits(code.text)
                old = fill("$i * $i <= $N and $T", {**f.b, "T": f.nodes[0].test})
                edits.replace(f.nodes[0].test, fill("$i * $i <= $N", f.b) if not last and same_text(top, f["N"]) else old)
                yield Rewrite(edits.text(), "search for a divisor: up to the square root", f.nodes[0].lineno)


def same_text(a: ast.expr, b: ast.expr) -> bool:
    return ast.unparse(a) == ast.unparse(b)


def _factor_loops(code: Code) -> Iterator[Rewrite]:
    skip = "if $i * $i > $n > 1:\n    $i = $n"
    for f in find(code, "while $T:\n    if $n % $i == 0:\n        $$hit\n    else:\n        $i += $K"):
        if _divides(f.block("hit"), f.name("n"), f.name("i")) and _until_one(f["T"], f.name("n"), f.name("i")):
            edits = Edits(code.text)
            edits.after(f.nodes[0].body[0].orelse[-1], fill(skip, f.b))
            yield Rewrite(edits.text(), "factor loop: past the square root only the rest itself is left", f.nodes[0].lineno)
    for f in find(code, "while $T:\n    while $n % $i == 0:\n        $$hit\n    $i += $K"):
        if _divides(f.block("hit"), f.name("n"), f.name("i")) and _until_one(f["T"], f.name("n"), f.name("i")):
            edits = Edits(code.text)
            edits.after(f.nodes[0].body[-1], fill(skip, f.b))
            yield Rewrite(edits.text(), "factor loop: past the square root only the rest itself is left", f.nodes[0].lineno)
    for f in find(code, "for $i in range(2, $n + 1):\n    while $n % $i == 0:\n        $$hit"):
        if _divides(f.block("hit"), f.name("n"), f.name("i")) and isinstance(f["n"], ast.Name):
            loop = fill("$i = 2\nwhile $n > 1:\n    while $n % $i == 0:\n        $$hit\n    $i += 1\n    " + skip.replace("\n", "\n    "), f.b)
            edits = Edits(code.text)
            edits.replace_stmts(f.nodes, loop)
            yield Rewrite(edits.text(), "factor loop: stops when nothing is left", f.nodes[0].lineno)


def _divides(hit: list[ast.stmt], n: str, i: str) -> bool:
    return any(match(f"{n} //= {i}", s) or match(f"{n} = int({n} / {i})", s) or match(f"{n} /= {i}", s) for s in hit)


def _until_one(test: ast.expr, n: str, i: str) -> bool:
    return any(match(form, test) for form in (f"{i} <= {n}", f"{i} < {n}", f"{n} > 1", f"{n} != 1", f"{n} >= 2"))
