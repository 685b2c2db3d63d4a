"""Scans of all triples: a set replaces the innermost loop, or residues are counted."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyedit import Edits, fresh_name
from codeopt.agent.rules.pyfacts import names_in
from codeopt.agent.rules.pymatch import Found, fill, find

SUMMARY = "`for i … for j … for k …: if a[i] + a[j] + a[k] == t`: a set of what the third must be; counts modulo m by residue"
EXPECTS = "O(n^3) -> O(n^2), or O(n) for residues"
SOURCE = "3SUM with a hash set; counting by residue classes"

_INDEX = "for $i in range({n}):\n    for $j in range($i + 1, {m}):\n        for $k in range($j + 1, {p}):\n            if {test}:\n                $$body"
_COMB = "for $x, $y, $z in itertools.combinations($A, 3):\n    if {test}:\n        $$body"
_SUMS = ("$A[$i] + $A[$j] + $A[$k] == $T", "($A[$i] + $A[$j] + $A[$k]) % $M == 0")


def apply(code: Code) -> Iterator[Rewrite]:
    for n, m, p in (("len($A)", "len($A)", "len($A)"), ("$N", "$N", "$N"), ("len($A) - 2", "len($A) - 1", "len($A)"), ("$N - 2", "$N - 1", "$N")):
        for f in find(code, _INDEX.format(n=n, m=m, p=p, test=_SUMS[0])):
            yield from _exists(code, f)
        for f in find(code, _INDEX.format(n=n, m=m, p=p, test=_SUMS[1])):
            yield from _residues(code, f)
    for f in find(code, _COMB.format(test="$x + $y + $z == $T")):
        yield from _exists(code, f)


def _plain(f: Found) -> bool:
    loop_names = {f.name(k) for k in ("i", "j", "k", "x", "y", "z") if k in f.b}
    return not loop_names & names_in([f[k] for k in ("A", "T", "M") if k in f.b])


def _exists(code: Code, f: Found) -> Iterator[Rewrite]:
    """The body leaves without naming the triple."""
    body = f.block("body")
    loop_names = {f.name(k) for k in ("i", "j", "k", "x", "y", "z") if k in f.b}
    if not _plain(f) or len(body) != 1 or not isinstance(body[0], ast.Return) or names_in(body) & loop_names:
        return
    pairs, left, right, at = (fresh_name(code.tree, w) for w in ("pair_sums", "left", "right", "at"))
    text = (
        f"{pairs} = set()\nfor {at}, {right} in enumerate($A):\n    if $T - {right} in {pairs}:\n        $$body\n"
        f"    {pairs}.update({left} + {right} for {left} in $A[:{at}])"
    )
    edits = Edits(code.text)
    edits.replace_stmts(f.nodes, fill(text, f.b))
    yield Rewrite(edits.text(), "triples with a sum: sums of earlier pairs in a set", f.nodes[0].lineno)
    done = fresh_name(code.tree, "done")
    text = (
        f"for {at}, {left} in enumerate($A):\n    {done} = set()\n    for {right} in $A[{at} + 1:]:\n        if $T - {left} - {right} in {done}:\n"
        f"            $$body\n        {done}.add({right})"
    )
    edits = Edits(code.text)
    edits.replace_stmts(f.nodes, fill(text, f.b))
    yield Rewrite(edits.text(), "triples with a sum: a set for the third", f.nodes[0].lineno)


def _residues(code: Code, f: Found) -> Iterator[Rewrite]:
    """The body counts, or collects triples of which only the number is asked."""
    body = f.block("body")
    if not _plain(f) or len(body) != 1:
        return
    counter = _counted(body[0])
    collected = _collected(body[0], f)
    if not counter and not collected:
        return
    groups, total, pick = (fresh_name(code.tree, w) for w in ("by_residue", "triples", "pick"))
    text = (
        f"{groups} = Counter(value % $M for value in $A)\n{total} = 0\n"
        f"for {pick} in itertools.combinations_with_replacement(sorted({groups}), 3):\n"
        f"    if sum({pick}) % $M == 0:\n"
        f"        {total} += math.prod(math.comb({groups}[r], c) for r, c in Counter({pick}).items())\n"
    )
    text += f"{counter} += {total}" if counter else f"return {total}"
    edits = Edits(code.text)
    nodes = f.nodes if counter else [*f.nodes, f.rest[0]]
    edits.replace_stmts(nodes, fill(text, f.b))
    for line in ("import itertools", "import math", "from collections import Counter"):
        edits.add_import(line)
    yield Rewrite(edits.text(), "triples divisible by m: counted by residue", f.nodes[0].lineno)


def _counted(stmt: ast.stmt) -> str:
    simple = isinstance(stmt, ast.AugAssign) and isinstance(stmt.value, ast.Constant) and stmt.value.value == 1
    return stmt.target.id if simple and isinstance(stmt, ast.AugAssign) and isinstance(stmt.target, ast.Name) else ""


def _collected(stmt: ast.stmt, f: Found) -> bool:
    """`out.append(triple)` or `out += [triple]`, then at once `return len(out)`."""
    names = [n.id for n in ast.walk(stmt) if isinstance(n, ast.Name)]
    after = f.rest[0] if f.rest else None
    if not isinstance(stmt, ast.Expr | ast.AugAssign) or not isinstance(after, ast.Return) or after.value is None:
        return False
    return any(ast.unparse(after.value) == f"len({name})" for name in names)
