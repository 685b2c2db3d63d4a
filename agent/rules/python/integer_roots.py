"""Square roots of integers without floats, and not once a turn."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyfacts import type_of
from codeopt.agent.rules.pymatch import Found, Shape, apply_shapes

SUMMARY = "`while i <= sqrt(n)` -> `i * i <= n`; `int(sqrt(n))`, `int(n ** 0.5)` -> math.isqrt; perfect squares by isqrt"
EXPECTS = "1.2-2x on loops that test the root each turn; exact for large n"
SOURCE = "Python documentation, math.isqrt"


def _integer(f: Found) -> bool:
    return type_of(f["N"], f.scope) in ("int", "")


_ROOTS = ("math.sqrt($N)", "sqrt($N)", "$N ** 0.5", "$N ** (1 / 2)", "pow($N, 0.5)", "math.pow($N, 0.5)")
_MATH = ("import math",)
_SHAPES = (
    *(Shape(f"while $i <= {top}:\n    $$body", "while $i * $i <= $N:\n    $$body", "bound by the square root: a product each turn",
            _integer) for root in _ROOTS for top in (root, f"int({root})", f"int({root}) + 1", f"int({root} + 1)")),
    *(Shape(f"while $i < {top}:\n    $$body", "while $i * $i <= $N:\n    $$body", "bound by the square root: a product each turn",
            _integer) for root in _ROOTS for top in (f"int({root}) + 1", f"int({root} + 1)", f"{root} + 1")),
    *(Shape(test.format(r=root), "math.isqrt($N) ** 2 == $N", "perfect square by integer root", _integer, _MATH)
      for root in _ROOTS for test in ("int({r}) ** 2 == $N", "int({r}) * int({r}) == $N", "{r} == int({r})", "{r} % 1 == 0",
                                      "({r}).is_integer()", "{r} - int({r}) == 0")),
    *(Shape(f"int({root})", "math.isqrt($N)", "integer root: math.isqrt", _integer, _MATH) for root in _ROOTS),
)  # fmt: skip


def apply(code: Code) -> Iterator[Rewrite]:
    if any(isinstance(n, ast.BinOp | ast.Call) for n in ast.walk(code.tree)):
        yield from apply_shapes(code, _SHAPES)
