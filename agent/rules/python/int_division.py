"""Halving an integer stays in integers."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyedit import Edits
from codeopt.agent.rules.pyfacts import type_of
from codeopt.agent.rules.pymatch import Found, Shape, apply_shapes, fill, find, match

SUMMARY = "`n = n / 2` under `n % 2 == 0`, `int(n / k)`: integer division"
EXPECTS = "1.2-2x, and exact for large numbers"
SOURCE = "PEP 238"


def _whole(f: Found) -> bool:
    return type_of(f["N"], f.scope) in ("int", "") and isinstance(f["K"], ast.Constant) and isinstance(f["K"].value, int)


_SHAPES = (
    Shape("int($N / $K)", "$N // $K", "division of integers: //", _whole),
    Shape("math.floor($N / $K)", "$N // $K", "division of integers: //", _whole),
)


def apply(code: Code) -> Iterator[Rewrite]:
    yield from apply_shapes(code, _SHAPES)
    for f in find(code, "if $n % $K == 0:\n    $$body\nelse:\n    $$more"):
        yield from _halved(code, f)
    for f in find(code, "if $n % $K == 0:\n    $$body"):
        yield from _halved(code, f)
    for f in find(code, "while $n % $K == 0:\n    $$body"):
        yield from _halved(code, f)


def _halved(code: Code, f: Found) -> Iterator[Rewrite]:
    for stmt in f.block("body"):
        b = match(f"{f.name('n')} /= $K", stmt)
        if b and ast.dump(b["K"]) == ast.dump(f["K"]):
            edits = Edits(code.text)
            edits.replace(stmt, fill("$n //= $K", f.b))
            yield Rewrite(edits.text(), "exact division of an integer: //", stmt.lineno)
