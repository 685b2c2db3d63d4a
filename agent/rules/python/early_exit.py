"""A loop that only sets a flag stops when the flag is set."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyedit import Edits, functions, loops
from codeopt.agent.rules.pyfacts import bound, is_pure, names_in
from codeopt.agent.rules.pymatch import fill, find, match

SUMMARY = "A loop whose only effect is to set a flag: `break`; scan that keeps the last match: from the end; `len([…]) > 0`: any"
EXPECTS = "the part of the scan after the first match"
SOURCE = "Common practice among PIE's human pairs"


def apply(code: Code) -> Iterator[Rewrite]:
    for scope in functions(code):
        for loop in loops(scope):
            stmt = _flag(loop.body)
            if stmt is not None and not loop.orelse and is_pure(getattr(loop, "iter", ast.Constant(value=0))):
                edits = Edits(code.text)
                edits.after(stmt, "break")
                yield Rewrite(edits.text(), "a loop that only sets a flag: break", stmt.lineno)
    for pattern, template in (
        ("len([$x for $x in $A if $C]) > 0", "any($C for $x in $A)"), ("len([$x for $x in $A if $C]) != 0", "any($C for $x in $A)"),
        ("len([$x for $x in $A if $C]) >= 1", "any($C for $x in $A)"), ("len([$x for $x in $A if $C]) == 0", "not any($C for $x in $A)"),
        ("len(list(filter(lambda $x: $C, $A))) > 0", "any($C for $x in $A)"), ("any([$C for $x in $A])", "any($C for $x in $A)"),
        ("all([$C for $x in $A])", "all($C for $x in $A)"), ("sum($C for $x in $A) > 0", "any($C for $x in $A)"),
    ):  # fmt: skip
        for f in find(code, pattern):
            if not template.startswith("any") or isinstance(f["C"], ast.Compare | ast.BoolOp | ast.Call):
                edits = Edits(code.text)
                edits.replace(f.nodes[0], f"({fill(template, f.b)})" if template.startswith("not") else fill(template, f.b))
                yield Rewrite(edits.text(), "a question about existence: stops at the first answer", f.nodes[0].lineno)
    yield from _last_match(code)


def _flag(body: list[ast.stmt]) -> ast.stmt | None:
    """The assignment of constants under one `if` that is the loop's whole body (pure assignments may stand before it)."""
    lead, last = body[:-1], body[-1]
    if not isinstance(last, ast.If) or last.orelse or len(last.body) != 1 or not is_pure(last.test):
        return None
    if not all(match("$x = $E", s) and is_pure(s) for s in lead):
        return None
    stmt = last.body[0]
    if isinstance(stmt, ast.Assign) and isinstance(stmt.value, ast.Constant) and all(isinstance(t, ast.Name) for t in stmt.targets):
        return None if bound(stmt) & names_in(last.test) else stmt
    return None


def _last_match(code: Code) -> Iterator[Rewrite]:
    """`for i in range(a, b): if c(i): last = i` scans from the end."""
    for head, back in (("range($A, $B)", "range($B - 1, $A - 1, -1)"), ("range($B)", "range($B - 1, -1, -1)")):
        for f in find(code, f"for $i in {head}:\n    if $C:\n        $m = $i"):
            if is_pure(f["C"]) and f.name("m") not in names_in(f["C"]):
                edits = Edits(code.text)
                edits.replace(f.nodes[0].iter, fill(back, f.b))
                edits.after(f.nodes[0].body[0].body[0], "break")
                yield Rewrite(edits.text(), "the last match: scanned from the end", f.nodes[0].lineno)
    for test in ("$i < len($A)", "$i < $n"):
        for f in find(code, f"$m = $D\n$i = $S\nwhile {test}:\n    if $C:\n        $m = $i\n    $i += 1"):
            if is_pure(f["C"]) and f.name("m") not in names_in(f["C"]):
                stop = "len($A)" if "A" in f.b else "$n"
                text = f"$m = $D\nfor $i in range({stop} - 1, $S - 1, -1):\n    if $C:\n        $m = $i\n        break"
                edits = Edits(code.text)
                edits.replace_stmts(f.nodes, fill(text, f.b))
                yield Rewrite(edits.text(), "the last match: scanned from the end", f.nodes[0].lineno)
