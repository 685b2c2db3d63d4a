"""One or a few elements of a sorted list do not need the sort."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pymatch import Found, Shape, apply_shapes

SUMMARY = "`sorted(a)[0]`, `[-1]`, `[:k]`: min, max, heapq.nsmallest; also after `a = sorted(…)` used only so"
EXPECTS = "O(n log n) -> O(n)"
SOURCE = "Python documentation, heapq; Sorting HOWTO"

_MIN, _MAX, _FEW = "smallest of a sorted list: min", "largest of a sorted list: max", "first few of a sorted list: heapq"
_HEAP = ("import heapq",)


def _small(f: Found) -> bool:
    return not isinstance(f["K"], ast.UnaryOp)


_SHAPES = (
    Shape("sorted($A)[0]", "min($A)", _MIN),
    Shape("sorted($A)[-1]", "max($A)", _MAX),
    Shape("sorted($A, reverse=True)[0]", "max($A)", _MAX),
    Shape("sorted($A, reverse=True)[-1]", "min($A)", _MIN),
    Shape("sorted($A, key=$F)[0]", "min($A, key=$F)", _MIN),
    Shape("sorted($A, key=$F)[-1]", "max(reversed(list($A)), key=$F)", _MAX),
    Shape("sorted($A, key=$F, reverse=True)[0]", "max($A, key=$F)", _MAX),
    Shape("sorted($A)[:$K]", "heapq.nsmallest($K, $A)", _FEW, _small, _HEAP),
    Shape("sorted($A, key=$F)[:$K]", "heapq.nsmallest($K, $A, key=$F)", _FEW, _small, _HEAP),
    Shape("sorted($A, reverse=True)[:$K]", "heapq.nlargest($K, $A)", _FEW, _small, _HEAP),
    Shape("sorted($A, key=$F, reverse=True)[:$K]", "heapq.nlargest($K, $A, key=$F)", _FEW, _small, _HEAP),
    Shape("sorted($A)[-$K:]", "heapq.nlargest($K, $A)[::-1]", _FEW, imports=_HEAP),
    Shape("$s = sorted($A)\nreturn $s[0]", "return min($A)", _MIN),
    Shape("$s = sorted($A)\nreturn $s[-1]", "return max($A)", _MAX),
    Shape("$s = sorted($A, key=$F)\nreturn $s[0]", "return min($A, key=$F)", _MIN),
    Shape("$s = sorted($A)\nreturn $s[:$K]", "return heapq.nsmallest($K, $A)", _FEW, _small, _HEAP),
    Shape("$s = sorted($A, reverse=True)\nreturn $s[:$K]", "return heapq.nlargest($K, $A)", _FEW, _small, _HEAP),
    Shape("$s = sorted($A)\nreturn $s[1]", "return heapq.nsmallest(2, $A)[1]", _FEW, imports=_HEAP),
    Shape("$s = sorted($A)\nreturn $s[-2]", "return heapq.nlargest(2, $A)[1]", _FEW, imports=_HEAP),
    Shape("$s = sorted(set($A))\nreturn None if len($s) < 2 else $s[1]",
          "$s = heapq.nsmallest(2, set($A))\nreturn None if len($s) < 2 else $s[1]", _FEW, imports=_HEAP),
    Shape("$m = max(len($x) for $x in $A)\nfor $s in $A:\n    if len($s) == $m:\n        return $s", "return max($A, key=len)",
          "first of the longest: max with a key"),
    Shape("$m = $A[0]\nfor $x in $A:\n    if $x > $m:\n        $m = $x", "$m = max($A)", "largest in a loop: max"),
    Shape("$m = $A[0]\nfor $x in $A:\n    if $x < $m:\n        $m = $x", "$m = min($A)", "smallest in a loop: min"),
    Shape("$m = $A[0]\nfor $x in $A[1:]:\n    if $x > $m:\n        $m = $x", "$m = max($A)", "largest in a loop: max"),
    Shape("$m = $A[0]\nfor $x in $A[1:]:\n    if $x < $m:\n        $m = $x", "$m = min($A)", "smallest in a loop: min"),
)  # fmt: skip


def apply(code: Code) -> Iterator[Rewrite]:
    yield from apply_shapes(code, _SHAPES)
