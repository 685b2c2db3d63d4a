"""`list(map(f, a))` -> a loop that appends."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.inverse._facts import calls
from codeopt.agent.rules.inverse._sites import inline, places
from codeopt.agent.rules.pyfacts import is_pure
from codeopt.agent.rules.pynumeric import substitute

SUMMARY = "list(map(f, a)), list(filter(f, a)), tuple, set and sorted of them -> loops that append"
EXPECTS = "1.1-2x"
SOURCE = "Ruff C417 and PERF401; a manual loop is the usual beginners' form"

def apply(code: Code) -> Iterator[Rewrite]:
    for place in places(code, ast.Call):
        node = place.node
        outer = next((n for n in ("list", "tuple", "set", "sorted") if calls(code.text, node, n)), "")
        if not outer or not isinstance(node, ast.Call):
            continue
        inner = node.args[0]
        which = next((n for n in ("map", "filter") if calls(code.text, inner, n, most=2, least=2)), "")
        if not which or not isinstance(inner, ast.Call):
            continue
        function, values = inner.args
        x = place.name("element")
        if not is_pure(values) or not isinstance(function, ast.Lambda | ast.Name):
            continue
        applied = _applied(function, x)
        if applied is None:
            continue

        def lines(name: str, x: str = x, values: ast.expr = values, which: str = which, applied: str = applied, outer: str = outer) -> str:
            body = f"    {name}.append({applied})" if which == "map" else f"    if {applied}:\n        {name}.append({x})"
            last = "" if outer == "list" else f"\n{name} = {outer}({name})"
            return f"{name} = []\nfor {x} in {ast.unparse(values)}:\n{body}{last}"

        yield from inline(place, "result", lines, f"{outer} of {which} -> loop")


def _applied(function: ast.expr, x: str) -> str | None:
    """The function's value for the element `x`, as source."""
    if isinstance(function, ast.Name):
        return f"{function.id}({x})"
    if not isinstance(function, ast.Lambda) or len(function.args.args) != 1 or function.args.defaults or function.args.vararg or function.args.kwarg:
        return None
    name = function.args.args[0].arg
    nested = [n for n in ast.walk(function.body) if isinstance(n, ast.Lambda | ast.comprehension | ast.NamedExpr | ast.Yield)]
    if nested or function.args.kwonlyargs or function.args.posonlyargs:
        return None
    new = substitute(function.body, lambda n: ast.Name(x, ast.Load()) if isinstance(n, ast.Name) and n.id == name else None)
    return ast.unparse(new)
