"""Accumulation loops -> `sum`, `str.count` and `len`: the loop runs in C."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyfacts import names_in
from codeopt.agent.rules.pymatch import Found, Shape, apply_shapes
from codeopt.agent.rules.pynumeric import assigned, name_of, shadowed, used_later

SUMMARY = "t += x loops -> sum(xs, t) or sum(map(f, xs), t); counting c == 'x' -> count"
EXPECTS = "3.9x measured on t += x, 1.3x on t += len(x), 1.2x on counting, 30x on counting one character of a string"
SOURCE = "Python Wiki, PerformanceTips: built-in functions; common in PIE's human pairs"

_C_FUNCTIONS = frozenset({"len", "int", "abs", "ord", "float", "sum", "max", "min"})


def _number(found: Found, name: str) -> bool:
    """Whether the nearest earlier assignment to `name` in the block gives a number."""
    for statement in reversed(found.before):
        pair = assigned(statement)
        if pair and pair[0] == name:
            value = pair[1].operand if isinstance(pair[1], ast.UnaryOp) else pair[1]
            return isinstance(value, ast.Constant) and type(value.value) in (int, float)
        if isinstance(statement, ast.Assign):
            for target in statement.targets:
                if isinstance(target, ast.Tuple) and isinstance(statement.value, ast.Tuple):
                    for t, v in zip(target.elts, statement.value.elts):
                        if name_of(t) == name:
                            return isinstance(v, ast.Constant) and type(v.value) in (int, float)
        if any(name_of(n) == name and isinstance(getattr(n, "ctx", None), ast.Store) for n in ast.walk(statement)):
            return False
    return False


def _sum(found: Found) -> bool:
    t = found.name("t")
    return _number(found, t) and t not in names_in(found["E"]) and t != found.name("x") and not used_later(found, "x")


def _function(found: Found) -> bool:
    return _sum(found) and name_of(found["F"]) in _C_FUNCTIONS


def _is_char(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) == 1


def _same(found: Found) -> bool:
    return _sum(found) and _is_char(found["C"]) and isinstance(found["E"], ast.Name | ast.Attribute)


def _one_value(found: Found) -> bool:
    test = found["P"]
    return isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.Eq) and _is_char(test.comparators[0])


_COUNT = "$t += $E.count($C) if type($E) in (str, list, tuple) else sum([$x == $C for $x in $E])"
_SHAPES = (
    Shape("for $x in $E:\n    $t += $x", "$t = sum($E, $t)", "running sum -> sum", _sum),
    Shape("for $x in $E:\n    $t += $F($x)", "$t = sum(map($F, $E), $t)", "running sum of calls -> sum(map)", _function),
    Shape(
        "for $x, $y in zip($E, $B):\n    $t += $x * $y",
        "$t = sum(map(operator.mul, $E, $B), $t)",
        "running sum of products -> sum(map(mul))",
        lambda f: _sum(f) and f.name("t") not in names_in(f["B"]) and not used_later(f, "y"),
        ("import operator",),
    ),
    Shape("for $x in $E:\n    if $x == $C:\n        $t += 1", _COUNT, "counting one value -> count", _same),
    Shape("for $x in $E:\n    $t += $x == $C", _COUNT, "counting one value -> count", _same),
    Shape(
        "for $x in $E:\n    if $P:\n        $t += 1",
        "$t += len([1 for $x in $E if $P])",
        "counting -> len of a comprehension",
        lambda f: _sum(f) and f.name("t") not in names_in(f["P"]) and not (isinstance(f["P"], ast.NamedExpr) or _one_value(f)),
    ),
)


def apply(code: Code) -> Iterator[Rewrite]:
    if not {"sum", "len", "map", "type"} & shadowed(code.tree):
        yield from apply_shapes(code, _SHAPES)
