"""Index loops over columns use zip."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pymatch import Shape, apply_shapes

SUMMARY = "Transposes, column sums and dot products by index: `zip(*m)`, `map(operator.mul, a, b)`"
EXPECTS = "3-10x"
SOURCE = "Python documentation, zip; operator"

_OPERATOR = ("import operator",)
_SHAPES = (
    Shape("[[$M[$j][$i] for $j in range(len($M))] for $i in range(len($M[0]))]", "[list(row) for row in zip(*$M)]", "transpose: zip"),
    Shape("[[$row[$i] for $row in $M] for $i in range(len($M[0]))]", "[list(row) for row in zip(*$M)]", "transpose: zip"),
    Shape("$t = []\nfor $i in range(len($M[0])):\n    $r = []\n    for $j in range(len($M)):\n        $r.append($M[$j][$i])\n    $t.append($r)",
          "$t = [list(row) for row in zip(*$M)]", "transpose: zip"),
    Shape("sum($A[$i] * $B[$i] for $i in range(len($A)))", "sum(map(operator.mul, $A, $B))", "dot product: map", imports=_OPERATOR),
    Shape("sum([$A[$i] * $B[$i] for $i in range(len($A))])", "sum(map(operator.mul, $A, $B))", "dot product: map", imports=_OPERATOR),
    Shape("sum($x * $y for $x, $y in zip($A, $B))", "sum(map(operator.mul, $A, $B))", "dot product: map", imports=_OPERATOR),
    Shape("for $i in range(len($A)):\n    $s += $A[$i] * $B[$i]", "$s += sum(map(operator.mul, $A, $B))", "dot product: map", imports=_OPERATOR),
    Shape("[$M[$i][$c] for $i in range(len($M))]", "[row[$c] for row in $M]", "column by index: the rows themselves",
          lambda f: ast.unparse(f["c"]) != f.name("i")),
    Shape("sum($M[$i][$j] for $i in range(len($M)) for $j in range(len($M[0])))", "sum(map(sum, $M))", "sum of a matrix: sums of its rows"),
    Shape("for $i in range(len($M)):\n    for $j in range(len($M[$i])):\n        $s += $M[$i][$j]", "$s += sum(map(sum, $M))",
          "sum of a matrix: sums of its rows"),
    Shape("for $row in $M:\n    for $x in $row:\n        $s += $x", "$s += sum(map(sum, $M))", "sum of a matrix: sums of its rows"),
    Shape("[abs($x - $y) for $x, $y in zip($A, $B)]", "list(map(abs, map(operator.sub, $A, $B)))", "differences: map", imports=_OPERATOR),
    Shape("[$x + $y for $x, $y in zip($A, $B)]", "list(map(operator.add, $A, $B))", "sums: map", imports=_OPERATOR),
    Shape("[$x - $y for $x, $y in zip($A, $B)]", "list(map(operator.sub, $A, $B))", "differences: map", imports=_OPERATOR),
    Shape("[$x * $y for $x, $y in zip($A, $B)]", "list(map(operator.mul, $A, $B))", "products: map", imports=_OPERATOR),
)  # fmt: skip


def apply(code: Code) -> Iterator[Rewrite]:
    yield from apply_shapes(code, _SHAPES)
