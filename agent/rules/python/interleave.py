"""Loops that append several things a turn fill a list by slices or chains."""

from __future__ import annotations

from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyfacts import is_pure, names_in
from codeopt.agent.rules.pymatch import Found, Shape, apply_shapes

SUMMARY = "`r.append(x); r.append(sep)` or `r.extend([a, b])` for each element or pair: slice assignment, chain over zip"
EXPECTS = "3-10x"
SOURCE = "Slice assignment and itertools.chain run in C"

_CHAIN = ("import itertools",)


def _steady(f: Found) -> bool:
    return is_pure(f["A"]) and (f.name("x") not in names_in(f["D"])) and is_pure(f["D"]) and f.name("r") not in names_in([f["A"], f["D"]])


_SHAPES = (
    Shape("for $x in $A:\n    $r.append($x)\n    $r.append($D)",
          "woven = [$D] * (2 * len($A))\nwoven[::2] = $A\n$r.extend(woven)", "two appends a turn: a slice filled at once", _steady),
    Shape("for $x in $A:\n    $r.append($D)\n    $r.append($x)",
          "woven = [$D] * (2 * len($A))\nwoven[1::2] = $A\n$r.extend(woven)", "two appends a turn: a slice filled at once", _steady),
    Shape("for $x in $A:\n    $r += [$x, $D]", "woven = [$D] * (2 * len($A))\nwoven[::2] = $A\n$r.extend(woven)",
          "two appends a turn: a slice filled at once", _steady),
    *(Shape(f"for $x, $y in zip($A, $B):\n    {step}", "$r.extend(itertools.chain.from_iterable(zip($A, $B)))",
            "pairs appended: one chain", imports=_CHAIN)
      for step in ("$r.extend([$x, $y])", "$r.extend(($x, $y))", "$r += [$x, $y]", "$r.append($x)\n    $r.append($y)")),
    Shape("for $row in $M:\n    for $x in $row:\n        $r.append($x)", "$r.extend(itertools.chain.from_iterable($M))",
          "rows appended: one chain", lambda f: f.name("r") not in names_in(f["M"]), _CHAIN),
    Shape("for $row in $M:\n    $r.extend($row)", "$r.extend(itertools.chain.from_iterable($M))",
          "rows appended: one chain", lambda f: f.name("r") not in names_in(f["M"]), _CHAIN),
    Shape("[$x for $row in $M for $x in $row]", "list(itertools.chain.from_iterable($M))", "rows joined: one chain", imports=_CHAIN),
    Shape("sum($M, [])", "list(itertools.chain.from_iterable($M))", "lists added up: one chain", imports=_CHAIN),
)  # fmt: skip


def apply(code: Code) -> Iterator[Rewrite]:
    yield from apply_shapes(code, _SHAPES)
