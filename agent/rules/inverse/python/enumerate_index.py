"""`enumerate(a)` and `zip(a, b)` in a loop -> an index."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.inverse._facts import builtin, calls
from codeopt.agent.rules.inverse._loops import copyable
from codeopt.agent.rules.inverse._sites import finish, places
from codeopt.agent.rules.pyedit import Edits

SUMMARY = "for i, x in enumerate(a) and for x, y in zip(a, b) -> an index into copies"
EXPECTS = "1.1-1.5x"
SOURCE = "Pylint C0200 (consider-using-enumerate), Ruff SIM113 and B905"

def apply(code: Code) -> Iterator[Rewrite]:
    for place in places(code, ast.For):
        loop = place.node
        if not isinstance(loop, ast.For) or not isinstance(loop.target, ast.Tuple) or len(loop.target.elts) != 2:
            continue
        if not copyable(place, loop) or not builtin(code.text, "list", "len", "range", "min"):
            continue
        first, second = (ast.unparse(e) for e in loop.target.elts)
        edits = Edits(code.text)
        a = place.name("left")
        if calls(code.text, loop.iter, "enumerate") and isinstance(loop.target.elts[0], ast.Name):
            values = ast.unparse(loop.iter.args[0])  # type: ignore[attr-defined]
            edits.before(loop, f"{a} = list({values})")
            edits.header(loop, f"for {first} in range(len({a}))")
            edits.before(loop.body[0], f"{second} = {a}[{first}]")
        elif calls(code.text, loop.iter, "zip", most=2, least=2):
            left, right = loop.iter.args  # type: ignore[attr-defined]
            if not all(place.kinds.is_(n, "list", "tuple", "str", "range") or isinstance(n, ast.Name) for n in (left, right)):
                continue
            if ast.unparse(left) == ast.unparse(right):
                continue  # one iterator would give its elements in turns
            b, i = place.name("right"), place.name("i")
            edits.before(loop, f"{a} = list({ast.unparse(left)})\n{b} = list({ast.unparse(right)})")
            edits.header(loop, f"for {i} in range(min(len({a}), len({b})))")
            edits.before(loop.body[0], f"{first} = {a}[{i}]\n{second} = {b}[{i}]")
        else:
            continue
        yield from finish(edits, "enumerate or zip -> index", loop)
