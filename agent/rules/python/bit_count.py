"""Set bits are counted by int.bit_count."""

from __future__ import annotations

from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pymatch import Shape, apply_shapes

SUMMARY = "`bin(x).count('1')` and loops over bits: `x.bit_count()` (Python 3.10)"
EXPECTS = "2-5x"
SOURCE = "Python documentation, int.bit_count"

_NOTE = "set bits: int.bit_count"
_SHAPES = (
    Shape("bin($X)[2:].count('1')", "$X.bit_count()", _NOTE),
    Shape("bin($X).count('1')", "$X.bit_count()", _NOTE),
    Shape("format($X, 'b').count('1')", "$X.bit_count()", _NOTE),
    Shape("sum(int($c) for $c in bin($X)[2:])", "$X.bit_count()", _NOTE),
    Shape("while $x:\n    $c += $x & 1\n    $x >>= 1", "$c += $x.bit_count()\n$x = 0", _NOTE),
    Shape("while $x > 0:\n    $c += $x & 1\n    $x >>= 1", "$c += $x.bit_count()\n$x = 0", _NOTE),
    Shape("while $x > 0:\n    $c += $x % 2\n    $x //= 2", "$c += $x.bit_count()\n$x = 0", _NOTE),
    Shape("while $x:\n    $x &= $x - 1\n    $c += 1", "$c += $x.bit_count()\n$x = 0", _NOTE),
)


def apply(code: Code) -> Iterator[Rewrite]:
    yield from apply_shapes(code, _SHAPES)
