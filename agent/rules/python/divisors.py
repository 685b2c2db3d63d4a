"""Loops that act only on divisors visit only the divisors."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules import pynumbers
from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyedit import Edits, functions, walk_scope
from codeopt.agent.rules.pyfacts import changed, is_pure, names_in
from codeopt.agent.rules.pymatch import fill, match

SUMMARY = "`for i in range(a, b): if n % i == 0: …` (loop or comprehension): only the divisors, found in pairs"
EXPECTS = "O(n) -> O(sqrt n)"
SOURCE = "Divisors come in pairs (i, n / i); common in competitive programming"


def apply(code: Code) -> Iterator[Rewrite]:
    for scope in functions(code):
        if getattr(scope, "name", "").startswith("_divisors"):
            continue
        for node in walk_scope(scope):
            if isinstance(node, ast.For) and len(node.body) == 1 and isinstance(node.target, ast.Name):
                branch = node.body[0]
                if isinstance(branch, ast.If) and all(isinstance(s, ast.Pass | ast.Continue) for s in branch.orelse):
                    n = _divided(branch.test, node.target.id)
                    if n is not None and not names_in(n) & (changed(node.body) | {node.target.id}):
                        yield from _iterate(code, node.iter, n, isinstance(branch.body[-1], ast.Return | ast.Break))
            elif isinstance(node, ast.comprehension) and isinstance(node.target, ast.Name) and node.ifs:
                n = _divided(node.ifs[0], node.target.id)
                if n is not None and node.target.id not in names_in(n):
                    yield from _iterate(code, node.iter, n, False)


def _divided(test: ast.expr, i: str) -> ast.expr | None:
    """The n of `n % i == 0`, alone or first in an `and`."""
    parts = test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And) else [test]
    for part in parts:
        b = match(f"$N % {i} == 0", part)
        if b and is_pure(b["N"]):
            n: ast.expr = b["N"]
            return n
        if not is_pure(part):
            return None
    return None


def _iterate(code: Code, it: ast.expr, n: ast.expr, leaves: bool) -> Iterator[Rewrite]:
    forms = (
        ("range($A, $B)", "{f}($N, $A, $B)"),
        ("range($B, 0, -1)", "reversed(list({f}($N, 1, $B + 1)))"),
        ("range($B, 1, -1)", "reversed(list({f}($N, 2, $B + 1)))"),
        ("reversed(range($A, $B))", "reversed(list({f}($N, $A, $B)))"),
    )
    down = (("reversed(range($B))", "reversed(list({f}($N, 1, $B)))"), ("range($B, -1, -1)", "reversed(list({f}($N, 1, $B + 1)))"))
    for pattern, template in forms + (down if leaves else ()):
        b = match(pattern, it)
        if b:
            edits = Edits(code.text)
            name = pynumbers.add(edits, code.tree, pynumbers.DIVISORS)
            edits.replace(it, fill(template.format(f=name), {**b, "N": n}))
            yield Rewrite(edits.text(), "only the divisors, found in pairs up to the square root", it.lineno)
            return
