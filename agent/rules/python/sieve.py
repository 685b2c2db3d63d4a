"""Primes in a range come from a sieve."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules import pynumbers
from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyedit import (
    Edits,
    all_functions,
    fresh_name,
    functions,
    parents,
    statement_of,
    walk_scope,
)
from codeopt.agent.rules.pyfacts import changed, names_in
from codeopt.agent.rules.pymatch import fill, find, match

SUMMARY = "A prime test of every number in a range (called, or written as an inner loop): sieve of Eratosthenes"
EXPECTS = "O(n sqrt n) or O(n^2) -> O(n log log n)"
SOURCE = "Sieve of Eratosthenes"

_INNER = (
    "for $i in range($A, $B):\n    $flag = True\n    for $j in range(2, $STOP):\n        if $i % $j == 0:\n"
    "            $flag = False\n            $$quit\n    if $flag:\n        $$body",
    "for $i in range($A, $B):\n    for $j in range(2, $STOP):\n        if $i % $j == 0:\n            break\n    else:\n        $$body",
    "for $i in range($A, $B):\n    if all($i % $j != 0 for $j in range(2, $STOP)):\n        $$body",
    "for $i in range($A, $B):\n    if all($i % $j for $j in range(2, $STOP)):\n        $$body",
    "for $i in range($A, $B):\n    $count = 0\n    for $j in range(1, $i + 1):\n        if $i % $j == 0:\n            $count += 1\n"
    "    if $count == 2:\n        $$body",
)


def apply(code: Code) -> Iterator[Rewrite]:
    for pattern in _INNER:
        for f in find(code, pattern):
            if names_in(f["B"]) & changed(f.block("body")) or f.name("i") in changed(f.block("body")):
                continue
            edits = Edits(code.text)
            name = pynumbers.add(edits, code.tree, pynumbers.SIEVE)
            table = fresh_name(code.tree, "is_prime_at")
            first = "$A" if match("2", f["A"]) else "max($A, 2)"
            new = f"{table} = {name}($B)\nfor $i in range({first}, $B):\n    if {table}[$i]:\n        $$body"
            edits.replace_stmts(f.nodes, fill(new, f.b))
            yield Rewrite(edits.text(), "primes in a range: a sieve", f.nodes[0].lineno)
    yield from _calls(code)


def _calls(code: Code) -> Iterator[Rewrite]:
    table = all_functions(code.tree)
    tests = {fn.name for fn in table.values() if pynumbers.is_prime_test(fn)}
    if not tests:
        return
    up = parents(code.tree)
    for scope in functions(code):
        for node in walk_scope(scope):
            owner: ast.For | ast.comprehension | None = node if isinstance(node, ast.For | ast.comprehension) else None
            bounds = match("range($B)", owner.iter) or match("range($A, $B)", owner.iter) if owner else None
            if not bounds or owner is None or not isinstance(owner.target, ast.Name):
                continue
            region: ast.AST = owner if isinstance(owner, ast.For) else up[owner]
            calls = [c for c in ast.walk(region) if isinstance(c, ast.Call) and match(f"$f({owner.target.id})", c)
                     and getattr(c.func, "id", "") in tests]  # fmt: skip
            outer = _outermost(owner, up, names_in(bounds["B"]))
            if calls and outer is not None:
                edits = Edits(code.text)
                made = pynumbers.add(edits, code.tree, pynumbers.SIEVE)
                name = fresh_name(code.tree, "is_prime_at")
                edits.before(outer, fill(f"{name} = {made}($B)", bounds))
                for call in calls:
                    i = owner.target.id
                    edits.replace(call, f"({name}[{i}] == 1 if {i} > 1 else {ast.unparse(call)})")
                yield Rewrite(edits.text(), "prime tests of a range: a sieve", owner.iter.lineno)


def _outermost(node: ast.AST, up: dict[ast.AST, ast.AST], names: set[str]) -> ast.stmt | None:
    """The outermost loop around a node in which the given names stay the same."""
    best: ast.stmt = statement_of(node if isinstance(node, ast.stmt) else up[node], up)
    here: ast.AST = best
    while not isinstance(here, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module):
        if isinstance(here, ast.For | ast.While):
            if names & changed(here):
                return best if here is not best else None
            best = here
        here = up[here]
    return best
