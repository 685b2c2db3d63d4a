"""Helper functions that the number rules put into a file, and how they recognise a test for primes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from codeopt.agent.rules.pyedit import Edits, FunctionNode, Scope, fresh_name, walk_scope
from codeopt.agent.rules.pyfacts import names_in
from codeopt.agent.rules.pymatch import match

DIVISORS = '''
def _divisors(n, start, stop):
    """The divisors of n in [start, stop), ascending, by trial up to the root; all numbers where n is not a positive int."""
    if not isinstance(n, int) or n <= 0 or start <= 0 or stop - start <= 32:
        yield from range(start, stop)
        return
    large = []
    for small in range(1, min(math.isqrt(n), stop - 1) + 1):
        if n % small == 0:
            if start <= small:
                yield small
            if small * small != n and start <= n // small < stop:
                large.append(n // small)
    yield from reversed(large)
'''

MILLER_RABIN = '''
def _is_prime(n):
    """Miller-Rabin, deterministic below 3.3e24 (Sorenson and Webster 2015)."""
    bases = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41)
    if n < 2 or any(n % p == 0 for p in bases):
        return n in bases
    odd, twos = n - 1, 0
    while odd % 2 == 0:
        odd //= 2
        twos += 1
    for base in bases if n >= 3215031751 else bases[:4]:
        x = pow(base, odd, n)
        if x in (1, n - 1):
            continue
        for _ in range(twos - 1):
            x = x * x % n
            if x == n - 1:
                break
        else:
            return False
    return True
'''

SIEVE = '''
def _prime_table(stop):
    """table[i] is 1 where i is prime, for i below stop (sieve of Eratosthenes)."""
    table = bytearray([1]) * max(stop, 2)
    table[0] = table[1] = 0
    for i in range(2, math.isqrt(max(stop, 2)) + 1):
        if table[i]:
            table[i * i :: i] = bytes(len(range(i * i, len(table), i)))
    return table
'''


def add(edits: Edits, tree: ast.Module, helper: str) -> str:
    """Add a helper under a name that the file does not use (or find it there already); returns the name."""
    name = helper.split("(")[0].split()[-1]
    if helper.strip() in edits.old:
        return name
    new = fresh_name(tree, name)
    edits.add_helper(helper.replace(f"def {name}(", f"def {new}("))
    if "math." in helper:
        edits.add_import("import math")
    return new


@dataclass(frozen=True)
class Trial:
    """A loop that looks for a divisor.

    Attributes:
        loop: The `for`.
        n: The number that is divided.
        i: The trial divisor.
        start, stop: Sources of the range's bounds.
        hit: What happens at a divisor; does not mention `i`.
        test: The whole condition.
    """

    loop: ast.For
    n: ast.expr
    i: str
    start: ast.expr
    stop: ast.expr
    hit: list[ast.stmt]
    test: ast.expr


def trials(scope: Scope) -> Iterator[Trial]:
    """The loops `for i in range(a, b): if n % i == 0: <leaves or sets constants>` of a scope."""
    for node in walk_scope(scope):
        if isinstance(node, ast.For) and len(node.body) == 1 and isinstance(node.target, ast.Name):
            found = trial(node)
            if found:
                yield found


def trial(node: ast.For) -> Trial | None:
    """The loop as a trial division, or None."""
    bounds = match("range($A, $B)", node.iter)
    branch = node.body[0]
    if not bounds or not isinstance(branch, ast.If) or not isinstance(node.target, ast.Name):
        return None
    if any(not isinstance(s, ast.Pass | ast.Continue) for s in branch.orelse):
        return None
    b = match(f"$N % {node.target.id} == 0", branch.test)
    if not b or node.target.id in names_in(b["N"]) or not quits(branch.body):
        return None
    if node.target.id in names_in(branch.body) or names_in(b["N"]) & _stored(branch.body):
        return None
    return Trial(node, b["N"], node.target.id, bounds["A"], bounds["B"], branch.body, branch.test)


def _stored(body: list[ast.stmt]) -> set[str]:
    return {n.id for s in body for n in ast.walk(s) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def quits(body: list[ast.stmt]) -> bool:
    """Whether doing the body once is as good as doing it many times: it leaves, or only sets constants."""
    for stmt in body:
        if isinstance(stmt, ast.Return | ast.Break | ast.Raise):
            return True
        if not (isinstance(stmt, ast.Assign) and isinstance(stmt.value, ast.Constant)):
            return False
    return True


def is_prime_test(fn: FunctionNode) -> bool:
    """Whether a function of one argument looks like a test for primes: it divides by a counter, returns False and True."""
    args = fn.args
    if len(args.args) != 1 or args.vararg or args.kwonlyargs:
        return False
    n = args.args[0].arg
    returns: set[Any] = {r.value.value for r in ast.walk(fn) if isinstance(r, ast.Return) and isinstance(r.value, ast.Constant)}
    divides = any(match(f"{n} % $i == 0", e) for e in ast.walk(fn) if isinstance(e, ast.expr))
    return divides and {True, False} <= returns and any(isinstance(x, ast.For | ast.While) for x in ast.walk(fn))
