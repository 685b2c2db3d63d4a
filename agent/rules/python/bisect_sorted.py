"""Searches in a sorted list, and insertion into one, by bisection."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyedit import Edits, walk_scope
from codeopt.agent.rules.pyfacts import is_pure, names_in
from codeopt.agent.rules.pymatch import Found, fill, find, match

SUMMARY = "After `a.sort()`: linear counts and searches for a bound -> bisect; `a.append(x); a.sort()` in a loop -> insort"
EXPECTS = "O(n) -> O(log n) for each search"
SOURCE = "Python documentation, bisect"

_SEARCHES = (
    ("sum(1 for $x in $a if $x < $T)", "bisect.bisect_left($a, $T)"),
    ("sum(1 for $x in $a if $x <= $T)", "bisect.bisect_right($a, $T)"),
    ("sum(1 for $x in $a if $x > $T)", "(len($a) - bisect.bisect_right($a, $T))"),
    ("sum(1 for $x in $a if $x >= $T)", "(len($a) - bisect.bisect_left($a, $T))"),
    ("len([$x for $x in $a if $x < $T])", "bisect.bisect_left($a, $T)"),
    ("len([$x for $x in $a if $x <= $T])", "bisect.bisect_right($a, $T)"),
    ("len([$x for $x in $a if $x > $T])", "(len($a) - bisect.bisect_right($a, $T))"),
    ("len([$x for $x in $a if $x >= $T])", "(len($a) - bisect.bisect_left($a, $T))"),
    ("[$x for $x in $a if $x < $T]", "$a[:bisect.bisect_left($a, $T)]"),
    ("[$x for $x in $a if $x > $T]", "$a[bisect.bisect_right($a, $T):]"),
)
_COUNTS = (
    ("for $x in $a:\n    if $x < $T:\n        $c += 1", "$c += bisect.bisect_left($a, $T)"),
    ("for $x in $a:\n    if $x <= $T:\n        $c += 1", "$c += bisect.bisect_right($a, $T)"),
    ("for $x in $a:\n    if $x > $T:\n        $c += 1", "$c += len($a) - bisect.bisect_right($a, $T)"),
    ("for $x in $a:\n    if $x >= $T:\n        $c += 1", "$c += len($a) - bisect.bisect_left($a, $T)"),
    ("for $i in range(len($a)):\n    if $a[$i] >= $T:\n        return $i", "$i = bisect.bisect_left($a, $T)\nif $i < len($a):\n    return $i"),
    ("for $i, $x in enumerate($a):\n    if $x >= $T:\n        return $i", "$i = bisect.bisect_left($a, $T)\nif $i < len($a):\n    return $i"),
    ("for $i in range(len($a)):\n    if $a[$i] > $T:\n        return $i", "$i = bisect.bisect_right($a, $T)\nif $i < len($a):\n    return $i"),
    ("for $i in range(len($a)):\n    if $a[$i] == $T:\n        return $i",
     "$i = bisect.bisect_left($a, $T)\nif $i < len($a) and $a[$i] == $T:\n    return $i"),
)  # fmt: skip


def apply(code: Code) -> Iterator[Rewrite]:
    for pattern, template in (*_SEARCHES, *_COUNTS):
        for f in find(code, pattern):
            own = {f.name(k) for k in ("x", "i", "c") if k in f.b}
            if _sorted(f) and is_pure(f["T"]) and not own & names_in(f["T"]):
                edits = Edits(code.text)
                if isinstance(f.nodes[0], ast.stmt):
                    edits.replace_stmts(f.nodes, fill(template, f.b))
                else:
                    edits.replace(f.nodes[0], fill(template, f.b))
                edits.add_import("import bisect")
                yield Rewrite(edits.text(), "search in a sorted list: bisect", f.nodes[0].lineno)
    for pattern in ("$a.append($E)\n$a.sort()", "$a.append($E)\n$a = sorted($a)"):
        for f in find(code, pattern):
            edits = Edits(code.text)
            edits.replace_stmts(f.nodes, fill("bisect.insort($a, $E)", f.b))
            edits.add_import("import bisect")
            yield Rewrite(edits.text(), "sorted again after every append: insort", f.nodes[0].lineno)


def _sorted(f: Found) -> bool:
    """The list is sorted in this function and only read otherwise."""
    name = f.name("a")
    sorts = stores = 0
    for node in walk_scope(f.scope):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and getattr(node.func.value, "id", "") == name:
            if node.func.attr == "sort" and not node.keywords:
                sorts += 1
            elif node.func.attr in ("append", "insert", "reverse", "extend"):
                return False
        elif isinstance(node, ast.Assign) and any(getattr(t, "id", "") == name for t in node.targets):
            stores += 1
            sorts += match("sorted($A)", node.value) is not None
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store) and getattr(node.value, "id", "") == name:
            return False
    return sorts >= 1 and stores <= 1
