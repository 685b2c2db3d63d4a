"""Copies and sorts whose result nobody sees."""

from __future__ import annotations

from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pymatch import Shape, apply_shapes

SUMMARY = "`sorted(list(set(x)))`, `list(sorted(x))`, `set([… for …])`, `sorted(sorted(x))`, `sum([…])`: without the copy"
EXPECTS = "1.1-2x"
SOURCE = "flake8-comprehensions (C4xx)"

_NOTE = "a copy that nobody sees"
_SHAPES = (
    Shape("sorted(list($A))", "sorted($A)", _NOTE),
    Shape("sorted(list($A), key=$F)", "sorted($A, key=$F)", _NOTE),
    Shape("list(sorted($A))", "sorted($A)", _NOTE),
    Shape("sorted(sorted($A))", "sorted($A)", "sorted twice"),
    Shape("list(list($A))", "list($A)", _NOTE),
    Shape("set(list($A))", "set($A)", _NOTE),
    Shape("len(list(set($A)))", "len(set($A))", _NOTE),
    Shape("max(list($A))", "max($A)", _NOTE),
    Shape("min(list($A))", "min($A)", _NOTE),
    Shape("sum(list($A))", "sum($A)", _NOTE),
    Shape("''.join(list($A))", "''.join($A)", _NOTE),
    Shape("bin($A)[2:].count('1')", "bin($A).count('1')", _NOTE),
    Shape("sorted(sorted($A), key=lambda $x: $E)", "sorted($A, key=lambda $x: ($E, $x))", "two sorts: one with a pair as key"),
    Shape("sorted(sorted($A, key=lambda $y: $F, reverse=True), key=lambda $x: $E)", "sorted($A, key=lambda $x: ($E, -$F))",
          "two sorts: one with a pair as key", lambda f: f.name("x") == f.name("y")),
    Shape("$s.sort()\nreturn sorted($s)", "$s.sort()\nreturn list($s)", "sorted twice"),
)  # fmt: skip


def apply(code: Code) -> Iterator[Rewrite]:
    yield from apply_shapes(code, _SHAPES)
