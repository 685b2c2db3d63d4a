"""Largest or smallest so far, carried along."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyedit import Edits, fresh_name, functions, parents
from codeopt.agent.rules.pymatch import Shape, apply_shapes, fill, match
from codeopt.agent.rules.pyplace import home, walk_all

SUMMARY = "`max(a[:i+1])`, `min(a[i:])` in a loop, and loops that collect the largest so far: itertools.accumulate"
EXPECTS = "O(n^2) -> O(n); 2x for the loops"
SOURCE = "Python documentation, itertools.accumulate"

_SLICES = {
    "max($A[:$I + 1])": "{p}[$I]", "min($A[:$I + 1])": "{p}[$I]", "max($A[:$I])": "{p}[$I - 1]", "min($A[:$I])": "{p}[$I - 1]",
    "max($A[0:$I + 1])": "{p}[$I]", "min($A[0:$I + 1])": "{p}[$I]",
    "max($A[$I:])": "{s}[$I]", "min($A[$I:])": "{s}[$I]", "max($A[$I + 1:])": "{s}[$I + 1]", "min($A[$I + 1:])": "{s}[$I + 1]",
}  # fmt: skip

_SHAPES = tuple(
    Shape(pattern.replace("max", word), f"$out = list(itertools.accumulate($A, {word}))", "largest so far: itertools.accumulate",
          imports=("import itertools",))
    for word in ("max", "min")
    for pattern in (
        "$m = None\n$out = []\nfor $x in $A:\n    if $m is None:\n        $m = $x\n    else:\n        $m = max($m, $x)\n    $out.append($m)",
        "$m = None\n$out = []\nfor $x in $A:\n    if $m is None:\n        $m = $x\n    else:\n        $m = max($x, $m)\n    $out.append($m)",
        "$out = []\n$m = None\nfor $x in $A:\n    if $m is None:\n        $m = $x\n    else:\n        $m = max($m, $x)\n    $out.append($m)",
        "$m = float('-inf')\n$out = []\nfor $x in $A:\n    $m = max($m, $x)\n    $out.append($m)",
        "$out = []\n$m = float('-inf')\nfor $x in $A:\n    $m = max($m, $x)\n    $out.append($m)",
    )
) + tuple(
    Shape(f"$m = {first}\n$out = []\nfor $x in $A:\n    if $x {sign} $m:\n        $m = $x\n    $out.append($m)",
          f"$out = list(itertools.accumulate($A, {word}))", "largest so far: itertools.accumulate", imports=("import itertools",))
    for word, sign, infinite in (("max", ">", "float('-inf')"), ("min", "<", "float('inf')"))
    for first in ("$A[0]", infinite)
)  # fmt: skip


def apply(code: Code) -> Iterator[Rewrite]:
    yield from apply_shapes(code, _SHAPES)
    up = parents(code.tree)
    for scope in functions(code):
        for node in walk_all(scope):
            if not isinstance(node, ast.Call):
                continue
            for pattern, template in _SLICES.items():
                b = match(pattern, node)
                place = home(node, b["A"], up) if b else None
                if b and place is not None:
                    word, seq = pattern[:3], ast.unparse(b["A"])
                    name = fresh_name(code.tree, f"{word}_so_far" if "{p}" in template else f"{word}_from")
                    edits = Edits(code.text)
                    forward = f"{name} = list(itertools.accumulate({seq}, {word}))"
                    backward = f"{name} = list(itertools.accumulate(reversed({seq}), {word}))[::-1]"
                    edits.before(place, forward if "{p}" in template else backward)
                    edits.replace(node, fill(template.format(p=name, s=name), b))
                    edits.add_import("import itertools")
                    yield Rewrite(edits.text(), f"{word} of a growing slice: itertools.accumulate", node.lineno)
                    break
