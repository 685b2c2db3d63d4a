"""Sums of slices from prefix sums."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyedit import Edits, fresh_name, functions, parents
from codeopt.agent.rules.pyfacts import names_in
from codeopt.agent.rules.pymatch import fill, find, match
from codeopt.agent.rules.pyplace import home, walk_all

SUMMARY = "`sum(a[i:j])` in a loop, or an inner loop that adds `a[k]` for k from i to j: prefix sums"
EXPECTS = "O(n*m) -> O(n+m)"
SOURCE = "Prefix sums (itertools.accumulate, Python documentation)"

_SLICES = ("sum($A[$I:$J])", "sum($A[:$J])", "sum($A[$I:])")
_INNER = ("$s = 0\nfor $k in range($I, $J):\n    $s += $A[$k]", "$s = 0\nfor $x in $A[$I:$J]:\n    $s += $x",
          "$s = 0\nfor $x in $A[:$J]:\n    $s += $x")  # fmt: skip


def apply(code: Code) -> Iterator[Rewrite]:
    up = parents(code.tree)
    for scope in functions(code):
        groups: dict[tuple[str, int], list[tuple[ast.expr, str, ast.stmt, ast.expr]]] = {}
        for node in walk_all(scope):
            b = next((m for p in _SLICES if (m := match(p, node))), None) if isinstance(node, ast.Call) else None
            place = home(node, b["A"], up) if b else None
            if b and place is not None and isinstance(node, ast.Call):
                groups.setdefault((ast.unparse(b["A"]), id(place)), []).append((node, _difference(b), place, b["A"]))
        for (text, _), uses in groups.items():
            name = fresh_name(code.tree, "prefix")
            edits = Edits(code.text)
            edits.before(uses[0][2], f"{name} = [0, *itertools.accumulate({text})]")
            for call, new, _, _ in uses:
                edits.replace(call, f"({new.format(p=name, n=f'len({text})')})")
            edits.add_import("import itertools")
            yield Rewrite(edits.text(), "sums of slices: prefix sums made once", uses[0][0].lineno)
    for pattern in _INNER:
        for f in find(code, pattern):
            place = home(f.nodes[1], f["A"], up)
            if place is None or place is f.nodes[1] or names_in(f["A"]) & {f.name("s")}:
                continue
            name = fresh_name(code.tree, "prefix")
            edits = Edits(code.text)
            edits.before(place, fill(f"{name} = [0, *itertools.accumulate($A)]", f.b))
            edits.replace_stmts(f.nodes, f"{f.name('s')} = " + _difference(f.b).format(p=name, n=f"len({ast.unparse(f['A'])})"))
            edits.add_import("import itertools")
            yield Rewrite(edits.text(), "inner loop that adds a range: prefix sums made once", f.nodes[0].lineno)


def _difference(b: object) -> str:
    held: dict[str, ast.expr] = dict(b)  # type: ignore[call-overload]
    low = ast.unparse(held["I"]) if "I" in held else "0"
    high = _capped(held["J"]) if "J" in held else "{n}"
    return f"{{p}}[{high}]" if low == "0" else f"{{p}}[{high}] - {{p}}[{low}]"


def _capped(high: ast.expr) -> str:
    """A slice may end beyond the list, an index may not; a plain name or `i + 1` is taken as it is."""
    text = ast.unparse(high).replace("{", "{{").replace("}", "}}")
    simple = isinstance(high, ast.Name | ast.Constant) or match("$i + 1", high)
    return text if simple else f"min({text}, {{n}})"
