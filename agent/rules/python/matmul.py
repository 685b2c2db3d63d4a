"""The triple loop of a matrix product over lists -> rows against columns, and NumPy where it is there."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyedit import Edits, fresh_name
from codeopt.agent.rules.pymatch import Found, fill, find, match, rewrite
from codeopt.agent.rules.pynumeric import name_of

SUMMARY = "matrix product as a triple loop over lists -> sum(map(mul, row, column)), or NumPy behind a look at the types"
EXPECTS = "2.9x measured on 40x40 lists of floats, 20x through NumPy"
SOURCE = "Python Cookbook: zip(*b) for columns; numpy.matmul calls BLAS"

_NEST = "for $i in range($N):\n    for $j in range($P):\n        "
_LOOPS = (
    _NEST + "for $k in range($M):\n            $C[$i][$j] += $A[$i][$k] * $B[$k][$j]",
    _NEST + "$s = $Z\n        for $k in range($M):\n            $s += $A[$i][$k] * $B[$k][$j]\n        $C[$i][$j] = $s",
    _NEST + "$C[$i][$j] = sum($A[$i][$k] * $B[$k][$j] for $k in range($M))",
    _NEST + "$C[$i][$j] = sum([$A[$i][$k] * $B[$k][$j] for $k in range($M)])",
)
_COLUMNS = """\
$cols = list(zip(*$B[:$M]))
for $i in range($N):
    $row = $A[$i]
    $out = $C[$i]
    for $j in range($P):
        $out[$j] = sum(map(operator.mul, $row, $cols[$j]), $Z)"""
_COMPREHENSION = "[[sum($A[$i][$k] * $B[$k][$j] for $k in range($M)) for $j in range($P)] for $i in range($N)]"
_HELPER = '''\
def {name}(a, b, n, p, m):
    """The n x p product of lists of lists by NumPy, None where it would not be exactly the loop's."""
    kinds = {{type(v) for rows in (a, b) for row in rows for v in row}}
    if kinds not in ({{float}}, {{int}}) or not n * p * m:
        return None
    if {{len(row) for row in a}} != {{m}} or {{len(row) for row in b}} != {{p}} or (len(a), len(b)) != (n, m):
        return None
    if kinds == {{float}}:
        return numpy.matmul(numpy.array(a), numpy.array(b)).tolist()
    largest = [max(max(map(abs, row)) for row in rows) for rows in (a, b)]
    if largest[0] * largest[1] * m >= 2**63 or max(largest) >= 2**63:
        return None
    return numpy.matmul(numpy.array(a, dtype=numpy.int64), numpy.array(b, dtype=numpy.int64)).tolist()

'''


def _names(found: Found) -> bool:
    """Whether the result is another matrix than the factors."""
    c = ast.unparse(found["C"])
    return c not in (ast.unparse(found["A"]), ast.unparse(found["B"])) and isinstance(found["C"], ast.Name | ast.Attribute)


def apply(code: Code) -> Iterator[Rewrite]:
    for pattern in _LOOPS:
        for found in find(code, pattern):
            if _names(found):
                yield from _rewrite(code, found)
    for found in find(code, _COMPREHENSION):
        template = "[[sum(map(operator.mul, row, column)) for column in zip(*$B)] for row in $A]"
        whole = match("len($X)", found["N"]) or isinstance(found["N"], ast.Name)
        if whole and isinstance(found["B"], ast.Name):
            yield from rewrite(code, found, template, "matrix product -> rows against columns", ("import operator",))


def _rewrite(code: Code, found: Found) -> Iterator[Rewrite]:
    extra: dict[str, object] = {
        h: ast.Name(fresh_name(code.tree, w), ast.Load()) for h, w in (("cols", "columns"), ("row", "row"), ("out", "out_row"))
    }
    if "Z" not in found.b:
        added = "+=" in ast.unparse(found.nodes[0]) and "sum(" not in ast.unparse(found.nodes[0])
        extra["Z"] = fill("$out[$j]", {**found.b, **extra}) if added else "0"
    yield from rewrite(code, found, _COLUMNS, "triple loop -> rows against columns", ("import operator",), **extra)
    start = found.before[-1] if found.before else None
    made = match("$c = [[$Z] * $Q for $u in range($N)]", start) or match("$c = [[$Z for $v in range($Q)] for $u in range($N)]", start) if start else None
    if not made or "numpy" not in code.available or name_of(made["c"]) != ast.unparse(found["C"]) or "_numpy_product" in code.text:
        return
    zero = made["Z"]
    if not isinstance(start, ast.stmt) or not (isinstance(zero, ast.Constant) and zero.value == 0):
        return
    name = fresh_name(code.tree, "_numpy_product")
    home = next(s for s in code.tree.body if s.lineno <= start.lineno <= (s.end_lineno or 0))
    loop = found.nodes[0]
    assert isinstance(loop, ast.stmt)
    edits = Edits(code.text)
    c = name_of(made["c"])
    args = ", ".join(ast.unparse(found[h]) for h in "ABNPM")
    body = "\n".join("    " + line for line in f"{ast.unparse(start)}\n{ast.unparse(loop)}".splitlines())
    edits.replace_stmts([start, loop], f"{c} = {name}({args})\nif {c} is None:\n{body}")
    edits.before(home, _HELPER.format(name=name))
    edits.add_import("import numpy")
    yield Rewrite(edits.text(), "triple loop -> NumPy where every item is a float or a small integer", loop.lineno)
