"""`sum(lists, [])` and nested flattening loops -> `itertools.chain.from_iterable`."""

from __future__ import annotations

from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pymatch import Shape, apply_shapes
from codeopt.agent.rules.pynumeric import used_later

SUMMARY = "flattening with sum(lists, []) or nested loops -> itertools.chain.from_iterable"
EXPECTS = "O(n^2) -> O(n) for sum(lists, []): 15x measured on 300 lists of 50; 2.5x on nested append loops"
SOURCE = "Python documentation, sum: to concatenate iterables use itertools.chain"

_IMPORT = ("import itertools",)
_SHAPES = (
    Shape("sum($E, [])", "list(itertools.chain.from_iterable($E))", "sum of lists -> chain", imports=_IMPORT),
    Shape(
        "[$x for $r in $E for $x in $r]",
        "list(itertools.chain.from_iterable($E))",
        "nested comprehension that flattens -> chain",
        imports=_IMPORT,
    ),
    Shape(
        "for $r in $E:\n    for $x in $r:\n        $o.append($x)",
        "$o.extend(itertools.chain.from_iterable($E))",
        "nested append loops -> extend(chain)",
        guard=lambda f: f.name("o") not in (f.name("r"), f.name("x")) and not used_later(f, "r", "x"),
        imports=_IMPORT,
    ),
)


def apply(code: Code) -> Iterator[Rewrite]:
    yield from apply_shapes(code, _SHAPES)
