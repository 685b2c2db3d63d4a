"""Loops by index that only read near elements walk slices instead."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyedit import Edits, flat, fresh_name, functions, walk_scope
from codeopt.agent.rules.pyfacts import changed, type_of
from codeopt.agent.rules.pyloops import lengths
from codeopt.agent.rules.pymatch import match

SUMMARY = "`for i in range(a, len(s) - k, step)` that reads only `s[i]`, `s[i+1]`, `s[i-1]` …: zip of slices"
EXPECTS = "1.5-3x"
SOURCE = "Python documentation, zip and itertools.pairwise"


def apply(code: Code) -> Iterator[Rewrite]:
    for scope in functions(code):
        known = lengths(scope)
        for node in walk_scope(scope):
            if isinstance(node, ast.For) and isinstance(node.target, ast.Name) and not node.orelse:
                inside = list(flat(node))
                if any(isinstance(other, ast.Name) and other.id == node.target.id and other not in inside for other in flat(scope)):
                    continue  # the loop's variable may be read after it
                made = _walk(code, node.iter, node.target.id, list(node.body), known, changed(node.body))
                if made and type_of(ast.parse(made[3], mode="eval").body, scope) not in ("dict", "set"):
                    target, new, pairs, _ = made
                    edits = Edits(code.text)
                    edits.replace(node.target, target)
                    edits.replace(node.iter, new)
                    for stmt in node.body:
                        for old, name in _places(stmt, pairs):
                            edits.replace(old, name)
                    yield Rewrite(edits.text(), "index loop over near elements: zip of slices", node.lineno)
            elif isinstance(node, ast.ListComp | ast.GeneratorExp) and len(node.generators) == 1:
                g = node.generators[0]
                if isinstance(g.target, ast.Name):
                    made = _walk(code, g.iter, g.target.id, [node.elt, *g.ifs], known, set())
                    if made:
                        target, new, pairs, _ = made
                        edits = Edits(code.text)
                        edits.replace(g.target, target)
                        edits.replace(g.iter, new)
                        for part in [node.elt, *g.ifs]:
                            for old, name in _places(part, pairs):
                                edits.replace(old, name)
                        yield Rewrite(edits.text(), "index comprehension over near elements: zip of slices", node.lineno)


Made = tuple[str, str, list[tuple[ast.expr, str]], str]


def _places(tree: ast.AST, pairs: list[tuple[ast.expr, str]]) -> Iterator[tuple[ast.expr, str]]:
    for node in ast.walk(tree):
        for old, name in pairs:
            if node is old:
                yield old, name


def _walk(code: Code, it: ast.expr, i: str, parts: list[ast.AST], known: dict[str, ast.expr], touched: set[str]) -> Made | None:
    bounds = match("range($N)", it) or match("range($A, $N)", it) or match("range($A, $N, $K)", it)
    if not bounds or any(isinstance(n, ast.Name) and n.id == i and isinstance(n.ctx, ast.Store) for p in parts for n in ast.walk(p)):
        return None
    start = _constant(bounds["A"]) if "A" in bounds else 0
    step = _constant(bounds["K"]) if "K" in bounds else 1
    seq, less = _length(bounds["N"], known)
    if start is None or step is None or step < 1 or start < 0 or not seq or seq in touched:
        return None
    reads: list[tuple[ast.expr, int]] = []
    for part in parts:
        for node in ast.walk(part):
            if isinstance(node, ast.Subscript) and ast.unparse(node.value) == seq and isinstance(node.ctx, ast.Load):
                offset = _offset(node.slice, i)
                if offset is not None:
                    reads.append((node, offset))
    uses = sum(isinstance(n, ast.Name) and n.id == i for p in parts for n in ast.walk(p))
    offsets = sorted({o for _, o in reads})
    if not reads or uses != len(reads) or len(offsets) > 4 or start + offsets[0] < 0 or offsets[-1] > less:
        return None
    if len(offsets) == 1 and start == 0 and step == 1 and less == 0:
        return None
    names = {o: fresh_name(code.tree, ("item", "following", "third", "fourth")[k]) for k, o in enumerate(offsets)}
    slices = []
    for o in offsets:
        first = start + o
        last = f"len({seq}) - {less - o}" if less > o and (step > 1 or len(offsets) == 1 or o == offsets[-1]) else ""
        text = f"{first or ''}:{last}" + (f":{step}" if step > 1 else "")
        slices.append(f"{seq}[{text}]" if text != ":" else seq)
    target = ", ".join(names[o] for o in offsets)
    new = slices[0] if len(slices) == 1 else f"zip({', '.join(slices)})"
    return target, new, [(node, names[o]) for node, o in reads], seq


def _constant(node: ast.expr) -> int | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, int) else None


def _length(stop: ast.expr, known: dict[str, ast.expr]) -> tuple[str, int]:
    """(sequence, what is taken off its length) for `len(s)`, `len(s) - 2`, `n`, `n - 1`."""
    less = 0
    b = match("$E - $K", stop)
    if b and isinstance(b["K"], ast.Constant) and isinstance(b["K"].value, int):
        stop, less = b["E"], b["K"].value
    b = match("len($s)", stop)
    if b:
        return b["s"].id, less
    if isinstance(stop, ast.Name) and stop.id in known and isinstance(known[stop.id], ast.Name):
        return ast.unparse(known[stop.id]), less
    return "", 0


def _offset(index: ast.expr, i: str) -> int | None:
    if isinstance(index, ast.Name) and index.id == i:
        return 0
    for pattern, sign in ((f"{i} + $K", 1), (f"{i} - $K", -1)):
        b = match(pattern, index)
        if b and isinstance(b["K"], ast.Constant) and isinstance(b["K"].value, int):
            return sign * int(b["K"].value)
    return None


