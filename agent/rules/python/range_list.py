"""Arithmetic progressions come from range, indexed products from map."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyfacts import names_in
from codeopt.agent.rules.pymatch import Found, Shape, apply_shapes

SUMMARY = "`[a + k * i for i in range(n)]` -> `list(range(…))`; `[i * x for i, x in enumerate(a)]` -> map; table lookups by map"
EXPECTS = "2-5x"
SOURCE = "range and map run in C"

_OPERATOR = ("import operator",)


def _step(f: Found) -> bool:
    """A whole positive step, and a start that does not depend on the counter."""
    k = f["K"]
    whole = isinstance(k, ast.Constant) and isinstance(k.value, int) and k.value > 0
    return whole and ("A" not in f.b or f.name("i") not in names_in(f["A"]))


def _free(f: Found) -> bool:
    return f.name("x") not in names_in(f["D"])


_SHAPES = (
    Shape("[$A + $K * $i for $i in range($N)]", "list(range($A, $A + $K * $N, $K))", "arithmetic progression: range", _step),
    Shape("[$K * $i for $i in range($N)]", "list(range(0, $K * $N, $K))", "arithmetic progression: range", _step),
    Shape("[$i for $i in range($N)]", "list(range($N))", "range as a list"),
    Shape("[$i for $i in range($A, $N)]", "list(range($A, $N))", "range as a list"),
    Shape("[$i for $i in range($A, $N, $K)]", "list(range($A, $N, $K))", "range as a list"),
    Shape("[$i * $x for $i, $x in enumerate($A)][1:]", "list(map(operator.mul, $A[1:], range(1, len($A))))", "products with the index: map",
          imports=_OPERATOR),
    Shape("[$i * $x for $i, $x in enumerate($A)]", "list(map(operator.mul, $A, range(len($A))))", "products with the index: map",
          imports=_OPERATOR),
    Shape("sum($i * $x for $i, $x in enumerate($A))", "sum(map(operator.mul, $A, range(len($A))))", "products with the index: map",
          imports=_OPERATOR),
    Shape("[$D[$x] for $x in $A]", "list(map($D.__getitem__, $A))", "table lookups: map", _free),
    Shape("[$D[$x] for $x in $A.split(' ') if $x]", "list(map($D.__getitem__, $A.split()))", "table lookups: map", _free),
    Shape("[$x for $x in $A.split(' ') if $x]", "$A.split()", "split that leaves out empty parts"),
    Shape("sorted($A, key=lambda $x: $D[$x])", "sorted($A, key=$D.__getitem__)", "key by table: its own method", _free),
    Shape("sorted([$y for $y in $A], key=$F)", "sorted($A, key=$F)", "a copy that nobody sees"),
    Shape("sorted($A, key=lambda $x: $x[$K])", "sorted($A, key=operator.itemgetter($K))", "key by item: itemgetter", imports=_OPERATOR,
          guard=lambda f: isinstance(f["K"], ast.Constant)),
    Shape("$S.join([str($x) for $x in $A])", "$S.join(map(str, $A))", "text of each element: map"),
    Shape("$S.join(str($x) for $x in $A)", "$S.join(map(str, $A))", "text of each element: map"),
)  # fmt: skip


def apply(code: Code) -> Iterator[Rewrite]:
    yield from apply_shapes(code, _SHAPES)
