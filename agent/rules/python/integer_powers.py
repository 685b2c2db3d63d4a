"""Repeated multiplication becomes pow, also modulo m."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyfacts import names_in, type_of
from codeopt.agent.rules.pymatch import Found, Shape, apply_shapes

SUMMARY = "Loops that multiply by the same number, with or without `% m`, and `(a ** b) % m`: pow"
EXPECTS = "O(n) -> O(log n)"
SOURCE = "Python documentation, pow(base, exp, mod): exponentiation by squaring"


def _steady(f: Found) -> bool:
    own = {f.name("r"), f.name("i")} if "i" in f.b else {f.name("r")}
    return not own & names_in([f.b[k] for k in "BNM" if k in f.b])


def _integer(f: Found) -> bool:
    return type_of(f["B"], f.scope) != "float" and _steady(f)


def _many(loop: str, mod: str) -> list[tuple[str, str]]:
    return [(f"for $i in {loop}:\n    {step}", mod) for step in
            ("$r = $r * $B % $M", "$r = $B * $r % $M", "$r = ($r * $B) % $M", "$r *= $B\n    $r %= $M")]  # fmt: skip


_MOD = "if {n} > 0:\n    $r = $r * pow($B, {n}, $M) % $M"
_SHAPES = (
    *(Shape(p, t, "repeated multiplication modulo m: pow", _steady)
      for p, t in _many("range($N)", _MOD.format(n="$N")) + _many("range(1, $N + 1)", _MOD.format(n="$N"))),
    Shape("for $i in range($N):\n    $r *= $B", "$r *= $B ** max($N, 0)", "repeated multiplication: a power", _integer),
    Shape("for $i in range(1, $N + 1):\n    $r *= $B", "$r *= $B ** max($N, 0)", "repeated multiplication: a power", _integer),
    Shape("$A ** $B % $M", "pow($A, $B, $M)", "power modulo m: pow with three arguments",
          lambda f: not isinstance(f["M"], ast.Constant) or (isinstance(f["M"].value, int) and f["M"].value > 1)),
    Shape("pow($A, $B) % $M", "pow($A, $B, $M)", "power modulo m: pow with three arguments"),
)  # fmt: skip


def apply(code: Code) -> Iterator[Rewrite]:
    yield from apply_shapes(code, _SHAPES)
