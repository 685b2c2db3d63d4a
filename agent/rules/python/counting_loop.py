"""Counting and grouping loops -> `Counter` and `defaultdict`, given back as plain dictionaries."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyfacts import names_in
from codeopt.agent.rules.pymatch import Found, Shape, apply_shapes
from codeopt.agent.rules.pynumeric import used_later

SUMMARY = "counting loops -> dict(Counter(xs)); grouping loops -> defaultdict(list)"
EXPECTS = "2x measured on counting 1e5 items, 1.4-2.4x on grouping; 1.4x for get instead of a test"
SOURCE = "Python documentation, collections.Counter (counts in C) and defaultdict"

_COUNTER = "$d = dict(collections.Counter($E))"
_GROUP = "$d = collections.defaultdict(list)\nfor $X in $E:\n    $$pre\n    $d[$K].append($V)\n$d = dict($d)"
_STARTS = ("{}", "dict()")
_IMPORT = ("import collections",)


def _count(found: Found) -> bool:
    return found.name("d") not in names_in(found["E"]) | {found.name("x")} and not used_later(found, "x")


def _group(found: Found) -> bool:
    inner = [*found.block("pre"), found["E"], found["K"], found["V"]]
    jumps = ast.Return | ast.Yield | ast.YieldFrom | ast.Raise
    return found.name("d") not in names_in(inner) and not any(isinstance(n, jumps) for s in inner for n in ast.walk(s))


def _shapes() -> Iterator[Shape]:
    for start in _STARTS:
        for body in (
            "if $x in $d:\n        $d[$x] += 1\n    else:\n        $d[$x] = 1",
            "if $x not in $d:\n        $d[$x] = 1\n    else:\n        $d[$x] += 1",
            "if $x not in $d:\n        $d[$x] = 0\n    $d[$x] += 1",
            "$d[$x] = $d.get($x, 0) + 1",
        ):
            yield Shape(f"$d = {start}\nfor $x in $E:\n    {body}", _COUNTER, "counting loop -> Counter", _count, _IMPORT)
        for body in (
            "if $K not in $d:\n        $d[$K] = []\n    $d[$K].append($V)",
            "if $K in $d:\n        $d[$K].append($V)\n    else:\n        $d[$K] = [$V]",
            "if $K not in $d:\n        $d[$K] = [$V]\n    else:\n        $d[$K].append($V)",
            "$d.setdefault($K, []).append($V)",
        ):
            yield Shape(
                f"$d = {start}\nfor $X in $E:\n    $$pre\n    {body}", _GROUP, "grouping loop -> defaultdict", _group, _IMPORT
            )
    for body in (
        "if $K in $d:\n    $d[$K] += $V\nelse:\n    $d[$K] = $V",
        "if $K not in $d:\n    $d[$K] = $V\nelse:\n    $d[$K] += $V",
        "if $K not in $d:\n    $d[$K] = 0\n$d[$K] += $V",
    ):
        yield Shape(body, "$d[$K] = $d.get($K, 0) + $V", "test and look-up -> get", _number)


def _number(found: Found) -> bool:
    value = found["V"]
    return isinstance(value, ast.Constant) and isinstance(value.value, int | float)


def apply(code: Code) -> Iterator[Rewrite]:
    yield from apply_shapes(code, _shapes())
