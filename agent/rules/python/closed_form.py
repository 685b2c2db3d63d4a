"""Sums and products of ranges by formula."""

from __future__ import annotations

from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyfacts import names_in, type_of
from codeopt.agent.rules.pymatch import Found, Shape, apply_shapes

SUMMARY = "Sums of `range`, of squares and of cubes, counts of multiples, factorial loops: closed forms, math.factorial"
EXPECTS = "O(n) -> O(1)"
SOURCE = "Arithmetic series (Faulhaber's formulas); Python documentation, math.factorial"


def _plain(f: Found) -> bool:
    """The bounds are integers as far as one can see, and the loop does not change them."""
    bounds = [f[k] for k in ("A", "N") if k in f.b]
    own = {f.name(k) for k in ("i", "s") if k in f.b}
    return not own & names_in(bounds) and all(type_of(b, f.scope) in ("int", "") for b in bounds)


def _series(a: str, n: str) -> str:
    """Sum of range(a, n), zero where it is empty."""
    return f"(max($N - {a}, 0) * ({a} + $N - 1) // 2)" if n == "$N" else f"(max($N + 1 - {a}, 0) * ({a} + $N) // 2)"


_NOTE = "sum of a range: closed form"
_RANGES = (("range($N + 1)", "0", "+1"), ("range(1, $N + 1)", "1", "+1"), ("range($N)", "0", "$N"), ("range(1, $N)", "1", "$N"),
           ("range($A, $N + 1)", "$A", "+1"), ("range($A, $N)", "$A", "$N"))  # fmt: skip
_TOP = {"+1": "$N", "$N": "($N - 1)"}
_SQUARES = "(max({m}, 0) * (max({m}, 0) + 1) * (2 * max({m}, 0) + 1) // 6)"
_CUBES = "((max({m}, 0) * (max({m}, 0) + 1) // 2) ** 2)"
_SHAPES = (
    *(Shape(form.format(r=r), _series(a, n), _NOTE, _plain) for r, a, n in _RANGES
      for form in ("sum({r})", "sum($i for $i in {r})", "sum([$i for $i in {r}])")),
    *(Shape(f"for $i in {r}:\n    $s += $i", f"$s += {_series(a, n)}", _NOTE, _plain) for r, a, n in _RANGES),
    *(Shape(form.format(r=r), made.format(m=_TOP[n]), "sum of powers: closed form", _plain) for r, a, n in _RANGES[:4]
      for made, powers in ((_SQUARES, ("$i ** 2", "$i * $i")), (_CUBES, ("$i ** 3", "$i * $i * $i"))) for power in powers
      for form in (f"sum({power} for $i in {{r}})", f"sum([{power} for $i in {{r}}])")),
    *(Shape(f"for $i in {r}:\n    $s += {power}", "$s += " + made.format(m=_TOP[n]), "sum of powers: closed form", _plain)
      for r, a, n in _RANGES[:4]
      for made, powers in ((_SQUARES, ("$i ** 2", "$i * $i")), (_CUBES, ("$i ** 3", "$i * $i * $i"))) for power in powers),
    *(Shape(f"for $i in {r}:\n    $s *= $i", "$s *= math.factorial(max($N, 0))", "product of a range: math.factorial", _plain,
            ("import math",)) for r in ("range(1, $N + 1)", "range(2, $N + 1)")),
    *(Shape(f"for $i in {r}:\n    $s *= $i", "$s *= math.factorial(max($N - 1, 0))", "product of a range: math.factorial", _plain,
            ("import math",)) for r in ("range(1, $N)", "range(2, $N)")),
    Shape("if $n == 0:\n    return 1\nreturn $n * $f($n - 1)", "return math.factorial($n)", "factorial: math.factorial",
          _plain, ("import math",)),
    Shape("for $i in range($A, $N + 1):\n    if $i % $K == 0:\n        $s += 1", "$s += max($N // $K - ($A - 1) // $K, 0)",
          "count of multiples: closed form", lambda f: _plain(f) and not {f.name("i")} & names_in(f["K"])),
    Shape("for $i in range(1, $N):\n    if $i % $K == 0:\n        $s += 1", "$s += max(($N - 1) // $K, 0)",
          "count of multiples: closed form", lambda f: _plain(f) and not {f.name("i")} & names_in(f["K"])),
)  # fmt: skip


def apply(code: Code) -> Iterator[Rewrite]:
    yield from apply_shapes(code, _SHAPES)
