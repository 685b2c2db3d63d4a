"""Element-by-element comparison of two sequences becomes one comparison."""

from __future__ import annotations

from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyfacts import names_in, type_of
from codeopt.agent.rules.pymatch import Found, Shape, apply_shapes, same

SUMMARY = "Loops that compare two sequences by index, or one with its sorted self: one comparison, or a pass over neighbours"
EXPECTS = "10-50x"
SOURCE = "List and string comparison runs in C"

_NOTE = "element-wise comparison: one comparison of the sequences"


def _different(f: Found) -> bool:
    kinds = {type_of(f["S"], f.scope), type_of(f["T"], f.scope)} - {""}
    walked = {f.name(hole) for hole in ("i", "x", "y") if hole in f.b}
    # Which place it is that differs goes with the loop: where somebody asks, the loop stays.
    asked = names_in([f.b[hole] for hole in ("E", "F") if hole in f.b]) | names_in(f.rest)
    return not same(f["S"], f["T"]) and len(kinds) < 2 and not walked & asked


_SHAPES = (
    *(Shape(f"for $i in range(len({one})):\n    if $S[$i] != $T[$i]:\n        return $E\nreturn $F",
            f"return $F if $S[:len({one})] == $T[:len({one})] else $E", _NOTE, _different) for one in ("$S", "$T")),
    Shape("for $i in range($N):\n    if $S[$i] != $T[$i]:\n        return $E\nreturn $F", "return $F if $S[:$N] == $T[:$N] else $E",
          _NOTE, _different),
    Shape("for $x, $y in zip($S, $T):\n    if $x != $y:\n        return $E\nreturn $F",
          "return $E if any(map(operator.ne, $S, $T)) else $F", _NOTE, _different, ("import operator",)),
    Shape("all($x == $y for $x, $y in zip($S, $T))", "all(map(operator.eq, $S, $T))", _NOTE, _different, ("import operator",)),
    Shape("for $i in range(len($S)):\n    if $S[$i] != $T[$i]:\n        $c += 1", "$c += sum(map(operator.ne, $S, $T))",
          "element-wise comparison: one pass in C", _different, ("import operator",)),
    Shape("for $x, $y in zip($S, $T):\n    if $x != $y:\n        $c += 1", "$c += sum(map(operator.ne, $S, $T))",
          "element-wise comparison: one pass in C", _different, ("import operator",)),
    Shape("all($S[$i] <= $S[$i + 1] for $i in range(len($S) - 1))", "all(map(operator.le, $S, $S[1:]))",
          "neighbours compared in one pass", imports=("import operator",)),
    Shape("all($S[$i - 1] <= $S[$i] for $i in range(1, len($S)))", "all(map(operator.le, $S, $S[1:]))",
          "neighbours compared in one pass", imports=("import operator",)),
    Shape("all($S[$i] < $S[$i + 1] for $i in range(len($S) - 1))", "all(map(operator.lt, $S, $S[1:]))",
          "neighbours compared in one pass", imports=("import operator",)),
    Shape("$S == sorted($S)", "all(map(operator.le, $S, $S[1:]))", "sortedness: neighbours compared, no sorting",
          imports=("import operator",)),
    Shape("$S == sorted($S, reverse=True)", "all(map(operator.ge, $S, $S[1:]))", "sortedness: neighbours compared, no sorting",
          imports=("import operator",)),
)  # fmt: skip


def apply(code: Code) -> Iterator[Rewrite]:
    yield from apply_shapes(code, _SHAPES)
