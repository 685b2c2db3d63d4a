"""Greatest common divisors and least common multiples from the math module."""

from __future__ import annotations

from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyfacts import type_of
from codeopt.agent.rules.pymatch import Found, Shape, apply_shapes

SUMMARY = "Euclid's loop or recursion, and searches for a common divisor or multiple: math.gcd, math.lcm"
EXPECTS = "2-10x for Euclid; O(n) -> O(log n) for searches"
SOURCE = "Python documentation, math.gcd and math.lcm"

_MATH = ("import math",)


def _ints(f: Found) -> bool:
    return all(type_of(f[k], f.scope) in ("int", "") for k in ("a", "b", "A", "B") if k in f.b)


_EUCLID = ("$b", "$b != 0", "$b > 0")
_NOTE_GCD, _NOTE_LCM = "greatest common divisor: math.gcd", "least common multiple: math.lcm"
_SHAPES = (
    *(Shape(f"while {test}:\n    $a, $b = $b, $a % $b", "$a, $b = math.gcd($a, $b), 0", _NOTE_GCD, _ints, _MATH) for test in _EUCLID),
    *(Shape(f"while {test}:\n    $t = $b\n    $b = $a % $b\n    $a = $t", "$a, $b = math.gcd($a, $b), 0", _NOTE_GCD, _ints, _MATH)
      for test in _EUCLID),
    *(Shape(f"while {test}:\n    $t = $a % $b\n    $a = $b\n    $b = $t", "$a, $b = math.gcd($a, $b), 0", _NOTE_GCD, _ints, _MATH)
      for test in _EUCLID),
    Shape("while $a != $b:\n    if $a > $b:\n        $a -= $b\n    else:\n        $b -= $a", "$a = $b = math.gcd($a, $b)", _NOTE_GCD, _ints, _MATH),
    *(Shape(f"$g = 1\nfor $i in {bounds}:\n    if $A % $i == 0 and $B % $i == 0:\n        $g = $i", "$g = math.gcd($A, $B)", _NOTE_GCD, _ints, _MATH)
      for bounds in ("range(1, min($A, $B) + 1)", "range(2, min($A, $B) + 1)", "range(1, $A + 1)", "range(1, $B + 1)", "range(2, $A + 1)")),
    *(Shape(f"for $i in range(min($A, $B), 0, -1):\n    if $A % $i == 0 and $B % $i == 0:\n        return {out}",
            f"return {new}", _NOTE_GCD, _ints, _MATH)
      for out, new in (("$i", "math.gcd($A, $B)"), ("$A * $B // $i", "math.lcm($A, $B)"))),
    Shape("if $b == 0:\n    return $a\nreturn $f($b, $a % $b)", "return math.gcd($a, $b)", _NOTE_GCD, _ints, _MATH),
    Shape("if $b == 0:\n    return $a\nelse:\n    return $f($b, $a % $b)", "return math.gcd($a, $b)", _NOTE_GCD, _ints, _MATH),
    Shape("if not $b:\n    return $a\nreturn $f($b, $a % $b)", "return math.gcd($a, $b)", _NOTE_GCD, _ints, _MATH),
    Shape("return $a if $b == 0 else $f($b, $a % $b)", "return math.gcd($a, $b)", _NOTE_GCD, _ints, _MATH),
    *(Shape(f"$x = {start}\nwhile True:\n    if $x % $A == 0 and $x % $B == 0:\n        {leave}\n    $x += 1", new, _NOTE_LCM, _ints, _MATH)
      for start in ("max($A, $B)", "1", "$A", "$B")
      for leave, new in (("return $x", "return math.lcm($A, $B)"), ("break", "$x = math.lcm($A, $B)"))),
    *(Shape(f"$x = {start}\nwhile {test}:\n    $x += {step}", "$x = math.lcm($A, $B)", _NOTE_LCM, _ints, _MATH)
      for start, step, test in (("max($A, $B)", "1", "$x % $A != 0 or $x % $B != 0"), ("$A", "$A", "$x % $B != 0"),
                                ("max($A, $B)", "max($A, $B)", "$x % $A != 0 or $x % $B != 0"))),
)  # fmt: skip


def apply(code: Code) -> Iterator[Rewrite]:
    yield from apply_shapes(code, _SHAPES)
