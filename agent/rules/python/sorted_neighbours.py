"""Scan of all pairs for the closest ones: only neighbours in sorted order can be closest."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyedit import Edits
from codeopt.agent.rules.pyfacts import names_in
from codeopt.agent.rules.pyloops import Pairs, X, Y, has_jump, pair_scans
from codeopt.agent.rules.pymatch import fill, match

SUMMARY = "All pairs compared by `abs(a - b)` for the closest, or for one below a limit: sort, compare neighbours"
EXPECTS = "O(n^2) -> O(n log n)"
SOURCE = "Closest pair in one dimension (Shamos and Hoey 1975); common in PIE's pairs"

_DISTANCES = (f"abs({X} - {Y})", f"abs({Y} - {X})", f"math.fabs({X} - {Y})", f"({X} - {Y}) ** 2")


def apply(code: Code) -> Iterator[Rewrite]:
    for pairs in pair_scans(code):
        if _only_closest(pairs):
            names = {X: "left", Y: "right"}
            template = f"for {names[X]}, {names[Y]} in itertools.pairwise(sorted($A)):\n    $$body"
            text = fill(template, {"A": pairs.seq, "body": _renamed(pairs.body, names)})
            edits = Edits(code.text)
            edits.replace(pairs.outer, text)
            edits.add_import("import itertools")
            yield Rewrite(edits.text(), "closest pair: neighbours in sorted order instead of all pairs", pairs.outer.lineno)


def _renamed(body: list[ast.stmt], names: dict[str, str]) -> list[ast.stmt]:
    text = fill("$$body", {"body": body})
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            node.id = names.get(node.id, node.id)
    return tree.body


def _only_closest(pairs: Pairs) -> bool:
    """The body acts on a pair only where its distance is the smallest so far, or below a limit."""
    if pairs.indexes_used or has_jump(pairs.body):
        return False
    whole = ast.Module(body=pairs.body, type_ignores=[])
    distances = [n for n in ast.walk(whole) if isinstance(n, ast.expr) and any(match(d, n) for d in _DISTANCES)]
    if not distances:
        return False
    held = set()
    for node in ast.walk(whole):
        if isinstance(node, ast.AugAssign):
            return False
        if isinstance(node, ast.Assign) and any(node.value is d for d in distances):
            held |= names_in(node.targets[0])
    smaller = False
    for node in ast.walk(whole):
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            left, right = _is_distance(node.left, held, distances), _is_distance(node.comparators[0], held, distances)
            below, above = isinstance(node.ops[0], ast.Lt | ast.LtE), isinstance(node.ops[0], ast.Gt | ast.GtE)
            if (left and above) or (right and below and not left):
                return False
            smaller |= (left and below) or (right and above)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "min":
            smaller |= any(_is_distance(a, held, distances) for a in node.args)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "max":
            return False
    return smaller


def _is_distance(node: ast.expr, held: set[str], distances: list[ast.expr]) -> bool:
    return any(node is d for d in distances) or (isinstance(node, ast.Name) and node.id in held)
