"""Polynomials by Horner's rule."""

from __future__ import annotations

from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyedit import Edits
from codeopt.agent.rules.pyfacts import is_pure, names_in
from codeopt.agent.rules.pymatch import fill, find

SUMMARY = "`sum(c * x ** i for i, c in enumerate(coefficients))`: Horner's rule, no powers"
EXPECTS = "2-4x; the last bits of floats may differ"
SOURCE = "Horner 1819"

_HORNER = '''
def _horner(coefficients, x):
    """Value at x of the polynomial whose coefficients start with the constant term."""
    value = 0
    for c in reversed(coefficients):
        value = value * x + c
    return value
'''
_POWERS = ("$X ** $i", "math.pow($X, $i)", "pow($X, $i)")


def apply(code: Code) -> Iterator[Rewrite]:
    patterns = [form.format(p=p) for p in _POWERS for form in ("sum([$c * {p} for $i, $c in enumerate($A)])", "sum($c * {p} for $i, $c in enumerate($A))",
                                                               "sum($A[$i] * {p} for $i in range(len($A)))", "sum([$A[$i] * {p} for $i in range(len($A))])")]  # fmt: skip
    for pattern in patterns:
        for f in find(code, pattern):
            if f.name("i") in names_in(f["X"]) or not is_pure(f["A"]):
                continue
            edits = Edits(code.text)
            edits.replace(f.nodes[0], fill("_horner($A, $X)", f.b))
            if "def _horner(" not in code.text:
                edits.add_helper(_HORNER)
            yield Rewrite(edits.text(), "polynomial: Horner's rule", f.nodes[0].lineno)
