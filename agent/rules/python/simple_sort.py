"""Hand-written quadratic sorts call list.sort."""

from __future__ import annotations

from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pymatch import Shape, apply_shapes

SUMMARY = "Bubble, selection, exchange and insertion sort loops: `list.sort`"
EXPECTS = "O(n^2) -> O(n log n), in C"
SOURCE = "Timsort (CPython listsort.txt)"

_NOTE = "hand-written sort: list.sort"
_SWAPS = ("$A[{i}], $A[{j}] = $A[{j}], $A[{i}]", "$t = $A[{i}]\n            $A[{i}] = $A[{j}]\n            $A[{j}] = $t")
_ENDS = ("0, $N - $i - 1", "$N - $i - 1", "$N - 1 - $i", "$N - 1", "len($A) - 1", "len($A) - $i - 1", "len($A) - 1 - $i")


def _shapes() -> Iterator[Shape]:
    for sign, order in ((">", ""), ("<", "reverse=True")):
        for swap in (s.format(i="$j", j="$j + 1") for s in _SWAPS):
            for outer in ("range($N)", "range(len($A))", "range($N - 1)", "range(len($A) - 1)"):
                for end in _ENDS:
                    body = f"for $i in {outer}:\n    for $j in range({end}):\n        if $A[$j] {sign} $A[$j + 1]:\n            {swap}"
                    yield Shape(body, f"$A.sort({order})", _NOTE)
        for swap in (s.format(i="$i", j="$j") for s in _SWAPS):
            for outer in ("range($N)", "range(len($A))", "range($N - 1)", "range(len($A) - 1)"):
                for inner in ("range($i + 1, $M)", "range($i, $M)"):
                    body = f"for $i in {outer}:\n    for $j in {inner}:\n        if $A[$i] {sign} $A[$j]:\n            {swap}"
                    yield Shape(body, f"$A.sort({order})", _NOTE)
        compare = "$A[$j] < $A[$m]" if sign == ">" else "$A[$j] > $A[$m]"
        for outer in ("range($N)", "range(len($A))", "range(len($A) - 1)"):
            body = (f"for $i in {outer}:\n    $m = $i\n    for $j in range($i + 1, $M):\n        if {compare}:\n            $m = $j\n"
                    "    $A[$i], $A[$m] = $A[$m], $A[$i]")  # fmt: skip
            yield Shape(body, f"$A.sort({order})", _NOTE)
        under = "$A[$j] > $k" if sign == ">" else "$A[$j] < $k"
        for test in (f"$j >= 0 and {under}", f"{under} and $j >= 0"):
            yield Shape(
                f"for $i in range(1, $N):\n    $k = $A[$i]\n    $j = $i - 1\n    while {test}:\n        $A[$j + 1] = $A[$j]\n        $j -= 1\n"
                "    $A[$j + 1] = $k", f"$A.sort({order})", _NOTE)  # fmt: skip


_SHAPES = tuple(_shapes())


def apply(code: Code) -> Iterator[Rewrite]:
    yield from apply_shapes(code, _SHAPES)
