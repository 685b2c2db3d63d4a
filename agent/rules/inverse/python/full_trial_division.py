"""Divisors up to the root -> up to the number."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.inverse._sites import Place, finish, places
from codeopt.agent.rules.pyedit import Edits
from codeopt.agent.rules.pymatch import match

SUMMARY = "for i in range(2, int(sqrt(n)) + 1) in a test for primes -> range(2, n)"
EXPECTS = "O(sqrt(n)) -> O(n)"
SOURCE = "Trial division by every smaller number is a common slowness of PIE's human programs"

_ROOTS = ("range($A, int($N ** 0.5) + 1)", "range($A, int(math.sqrt($N)) + 1)", "range($A, int(sqrt($N)) + 1)", "range($A, math.isqrt($N) + 1)")
_STEPS = ("range($A, int($N ** 0.5) + 1, $S)", "range($A, int(math.sqrt($N)) + 1, $S)")


def apply(code: Code) -> Iterator[Rewrite]:
    for place in places(code, ast.For):
        loop = place.node
        if not isinstance(loop, ast.For) or not isinstance(loop.target, ast.Name) or not isinstance(place.scope, ast.FunctionDef):
            continue
        found = next((b for form in (*_ROOTS, *_STEPS) if (b := match(form, loop.iter))), None)
        if not found or not isinstance(found["N"], ast.Name) or ast.unparse(found["A"]) not in ("2", "3"):
            continue
        n, i = found["N"].id, loop.target.id
        quits = any(match(f"if {n} % {i} == 0:\n    return False", s) for s in loop.body[:1]) and len(loop.body) == 1 and not loop.orelse
        step = f", {ast.unparse(found['S'])}" if "S" in found else ""
        if quits and place.kinds.is_(found["N"], "int") and _guarded(place, loop, n):
            edits = Edits(code.text)
            edits.header(loop, f"for {i} in range({ast.unparse(found['A'])}, {n}{step})")
            yield from finish(edits, "divisors up to n", loop)


def _guarded(place: Place, loop: ast.For, n: str) -> bool:
    """Whether numbers below 2 have left before: of those the root is not defined, or the answer another one."""
    stmts = [s for s in ast.walk(place.scope) if isinstance(s, ast.If)]
    tests = [ast.unparse(s.test) for s in stmts if isinstance(s.body[-1], ast.Return) and s.lineno < loop.lineno and s in place.scope.body]
    around = [s for s in stmts if any(x is loop for x in s.body)]
    return any(t in (f"{n} < 2", f"{n} <= 1") for t in tests) or any(ast.unparse(s.test) in (f"{n} > 1", f"{n} >= 2") for s in around)
