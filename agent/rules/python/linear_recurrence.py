"""f(n) = f(n-1) + f(n-2) …: a loop instead of recursion."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyedit import Edits, fresh_name, functions
from codeopt.agent.rules.pyfacts import is_pure
from codeopt.agent.rules.pyloops import load, swap
from codeopt.agent.rules.pymatch import match

SUMMARY = "Recursion over f(n-1), f(n-2) …: a loop that keeps the last values"
EXPECTS = "exponential -> O(n), and no recursion limit"
SOURCE = "Dynamic programming, bottom up; Fibonacci by iteration"


def apply(code: Code) -> Iterator[Rewrite]:
    for fn in functions(code):
        if isinstance(fn, ast.FunctionDef) and len(fn.args.args) == 1 and not fn.decorator_list:
            new = _loop(fn, code.tree)
            if new:
                edits = Edits(code.text)
                edits.replace_stmts([fn.body[-1]], new)
                yield Rewrite(edits.text(), f"{fn.name}: recursion to a loop over the last values", fn.lineno)


def _recursive(fn: ast.FunctionDef) -> ast.expr | None:
    """The final `return <expression with f(n - k)>`, also in the last `else`."""
    last: ast.stmt = fn.body[-1]
    while isinstance(last, ast.If) and last.orelse:
        last = last.orelse[-1]
    return last.value if isinstance(last, ast.Return) else None


def _base_cases(stmts: list[ast.stmt], n: str, out: dict[int, ast.expr]) -> None:
    for stmt in stmts:
        if not isinstance(stmt, ast.If):
            continue
        value = stmt.body[-1].value if isinstance(stmt.body[-1], ast.Return) else None
        if value is not None and len(stmt.body) == 1 and is_pure(value):
            for k in _covered(stmt.test, n):
                out.setdefault(k, swap(value, [(load(n), ast.Constant(value=k))]))
        _base_cases(stmt.orelse, n, out)


def _covered(test: ast.expr, n: str) -> list[int]:
    """Which of 0..9 the test of a base case surely selects."""
    for form, which in ((f"{n} == $K", "eq"), (f"{n} <= $K", "le"), (f"{n} < $K", "lt"), (f"{n} in $K", "in")):
        b = match(form, test)
        if not b:
            continue
        k = b["K"]
        if which == "in" and isinstance(k, ast.Tuple | ast.List | ast.Set):
            return [e.value for e in k.elts if isinstance(e, ast.Constant) and isinstance(e.value, int)]
        if isinstance(k, ast.Constant) and isinstance(k.value, int):
            return {"eq": [k.value], "le": list(range(k.value + 1)), "lt": list(range(k.value)), "in": []}[which]
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.Or):
        return [k for value in test.values for k in _covered(value, n)]
    b = match(f"not {n}", test)
    return [0] if b else []


def _loop(fn: ast.FunctionDef, tree: ast.Module) -> str:
    n = fn.args.args[0].arg
    result = _recursive(fn)
    if result is None:
        return ""
    steps: list[tuple[ast.expr, int]] = []
    for node in ast.walk(fn):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == fn.name:
            b = match(f"{fn.name}({n} - $K)", node)
            if not b or not isinstance(b["K"], ast.Constant) or not isinstance(b["K"].value, int) or b["K"].value < 1:
                return ""
            steps.append((node, b["K"].value))
    inside = sum(isinstance(c, ast.Call) and getattr(c.func, "id", "") == fn.name for c in ast.walk(result))
    if not steps or len(steps) != inside or not is_pure(result, {fn.name}):
        return ""
    order = max(k for _, k in steps)
    base: dict[int, ast.expr] = {}
    _base_cases(fn.body, n, base)
    known = sorted(base)
    run = [k for k in known if all(j in base for j in range(k, known[-1] + 1))] if known else []
    if len(run) < order or order > 8:
        return ""
    first = run[-1] + 1
    window = [f"f_{k}" for k in range(order, 0, -1)]
    window = [fresh_name(tree, w) for w in window]
    counter = fresh_name(tree, "step")
    value = swap(result, [(node, load(window[order - k])) for node, k in steps] + [(load(n), load(counter))])
    start = ", ".join(ast.unparse(base[k]) for k in range(first - order, first))
    targets = ", ".join(window)
    nxt = ", ".join([*window[1:], ast.unparse(value)])
    guards = [ast.unparse(s) for s in _guards(fn)]
    return "\n".join([*guards, f"{targets} = {start}", f"for {counter} in range({first}, {n} + 1):", f"    {targets} = {nxt}",
                      f"return {window[-1]}"])  # fmt: skip


def _guards(fn: ast.FunctionDef) -> list[ast.stmt]:
    """The tests of the last statement when the recursion stands in its `else`."""
    out: list[ast.stmt] = []
    last: ast.stmt = fn.body[-1]
    while isinstance(last, ast.If) and last.orelse:
        out.append(ast.If(test=last.test, body=last.body, orelse=[]))
        if len(last.orelse) > 1:
            out.extend(last.orelse[:-1])
        last = last.orelse[-1]
    return [ast.fix_missing_locations(s) for s in out]
