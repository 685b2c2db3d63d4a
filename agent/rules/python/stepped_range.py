"""A loop over a range that acts only on multiples steps from multiple to multiple."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyedit import Edits, functions, walk_scope
from codeopt.agent.rules.pyfacts import changed, names_in
from codeopt.agent.rules.pymatch import fill, match

SUMMARY = "`for i in range(a, b): if i % k == r: …` steps by k; `enumerate` with `i % k == r` walks a slice"
EXPECTS = "k times fewer turns"
SOURCE = "Range and slice steps; common practice among PIE's human pairs"


def apply(code: Code) -> Iterator[Rewrite]:
    for scope in functions(code):
        for node in walk_scope(scope):
            if isinstance(node, ast.For) and len(node.body) == 1 and isinstance(node.target, ast.Name) and not node.orelse:
                branch = node.body[0]
                if isinstance(branch, ast.If) and not branch.orelse and node.target.id not in changed(node.body):
                    yield from _stepped(code, node.iter, node.target.id, branch.test, changed(node.body), branch)
            elif isinstance(node, ast.comprehension) and node.ifs:
                if isinstance(node.target, ast.Name):
                    yield from _stepped(code, node.iter, node.target.id, node.ifs[0], set())
                else:
                    yield from _slice(code, node)


def _parts(test: ast.expr) -> tuple[ast.expr, ast.expr | None]:
    """First condition and the others of an `and`."""
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        rest = test.values[1:]
        return test.values[0], rest[0] if len(rest) == 1 else ast.BoolOp(op=ast.And(), values=rest)
    return test, None


def _stepped(code: Code, it: ast.expr, i: str, test: ast.expr, touched: set[str],
             branch: ast.If | None = None) -> Iterator[Rewrite]:
    b = match("range($N)", it) or match("range($A, $N)", it)
    if not b:
        return
    low: ast.expr = b.get("A", ast.Constant(value=0))
    first, rest = _parts(test)
    new = ""
    m = match(f"{i} % $K == $R", first)
    if m and isinstance(m["K"], ast.Constant) and isinstance(m["R"], ast.Constant):
        k, r = m["K"].value, m["R"].value
        if isinstance(k, int) and isinstance(r, int) and k > 1 and 0 <= r < k:
            new = _start(low, k, r, b["N"])
    elif m and match("0", m["R"]) and isinstance(m["K"], ast.Name) and m["K"].id not in touched | {i}:
        new = fill("range(-(-$A // $K) * $K, $N, $K)", {"A": low, "N": b["N"], "K": m["K"]})
    edits = Edits(code.text)
    if new:
        _apply(edits, it, new, test, rest, branch)
        yield Rewrite(edits.text(), "only the multiples: a range with a step", it.lineno)
        return
    either = _either(first, i)
    if either and rest is None and not (names_in(b["N"]) & touched):
        ranges = ", ".join("*" + _start(low, k, 0, b["N"]) for k in either)
        _apply(edits, it, f"sorted({{{ranges}}})", test, None, branch)
        yield Rewrite(edits.text(), "only multiples of several numbers: ranges with steps, joined", it.lineno)


def _apply(edits: Edits, it: ast.expr, new: str, test: ast.expr, rest: ast.expr | None, branch: ast.If | None) -> None:
    """The new iterable, and the condition reduced to its rest or taken away."""
    if rest is not None:
        edits.replace(it, new)
        edits.replace(test, ast.unparse(rest))
    elif branch is not None:
        edits.replace(it, new)
        edits.replace_stmts([branch], fill("$$body", {"body": branch.body}))
    else:
        edits.replace_between(it, test, new)


def _start(low: ast.expr, k: int, r: int, stop: ast.expr) -> str:
    if isinstance(low, ast.Constant) and isinstance(low.value, int):
        return f"range({low.value + (r - low.value) % k}, {ast.unparse(stop)}, {k})"
    a = ast.unparse(low) if isinstance(low, ast.Name) else f"({ast.unparse(low)})"
    return f"range({a} + ({r} - {a}) % {k}, {ast.unparse(stop)}, {k})" if r else f"range({a} + -{a} % {k}, {ast.unparse(stop)}, {k})"


def _either(test: ast.expr, i: str) -> list[int]:
    """The numbers of `i % a == 0 or i % b == 0 …`."""
    if not isinstance(test, ast.BoolOp) or not isinstance(test.op, ast.Or):
        return []
    out = []
    for value in test.values:
        m = match(f"{i} % $K == 0", value)
        if not m or not isinstance(m["K"], ast.Constant) or not isinstance(m["K"].value, int) or m["K"].value < 2:
            return []
        out.append(m["K"].value)
    return out


def _slice(code: Code, node: ast.comprehension) -> Iterator[Rewrite]:
    b = match("enumerate($A)", node.iter)
    t = node.target
    if not b or not isinstance(t, ast.Tuple) or len(t.elts) != 2 or not all(isinstance(e, ast.Name) for e in t.elts):
        return
    i = ast.unparse(t.elts[0])
    parts = [p for test in node.ifs for p in (test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And) else [test])]
    m = match(f"{i} % $K == $R", parts[0])
    r = m["R"].value if m and isinstance(m["K"], ast.Constant) and isinstance(m["R"], ast.Constant) else -1
    if m is None or not isinstance(r, int) or r < 0:
        return
    owner = next((n for n in ast.walk(code.tree) if getattr(n, "generators", None) == [node]), None)
    rest = parts[1:]
    if owner is None or i in names_in([getattr(owner, "elt", t.elts[1]), *rest]):
        return
    first, rest_test = _parts(node.ifs[0])
    edits = Edits(code.text)
    start = str(r) if r else ""
    edits.replace(t, ast.unparse(t.elts[1]))
    _apply(edits, node.iter, fill(f"$A[{start}::$K]", {**b, "K": m["K"]}), node.ifs[0], rest_test, None)
    yield Rewrite(edits.text(), "every k-th element: a slice with a step", first.lineno)
