"""The longest suffix (or prefix) that reads the same backwards, in linear time."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyedit import Edits, all_functions
from codeopt.agent.rules.pymatch import fill, find, match

SUMMARY = "Search for the first k for which `s[k:]` is a palindrome: the prefix function of Knuth, Morris and Pratt"
EXPECTS = "O(n^2) -> O(n)"
SOURCE = "Knuth, Morris and Pratt 1977"

_SUFFIX = '''
def _palindromic_suffix(s):
    """Length of the longest suffix of s that reads the same backwards (prefix function of reversed s + mark + s)."""
    joined = [*reversed(s), None, *s]
    border = [0] * len(joined)
    k = 0
    for i in range(1, len(joined)):
        c = joined[i]
        while k and joined[k] != c:
            k = border[k - 1]
        if joined[k] == c:
            k += 1
        border[i] = k
    return border[-1] if s else 0
'''


def apply(code: Code) -> Iterator[Rewrite]:
    tests = {fn.name for fn in all_functions(code.tree).values() if _is_palindrome(fn)}
    for pattern in ("$k = 0\nwhile not $p($s[$k:]):\n    $k += 1", "$k = 0\nwhile $s[$k:] != $s[$k:][::-1]:\n    $k += 1"):
        for f in find(code, pattern):
            if "p" in f.b and f.name("p") not in tests:
                continue
            edits = Edits(code.text)
            edits.replace_stmts(f.nodes, fill("$k = len($s) - _palindromic_suffix($s)", f.b))
            _helper(code, edits)
            yield Rewrite(edits.text(), "longest palindromic suffix: prefix function", f.nodes[0].lineno)
    for pattern in ("for $k in range(len($s)):\n    if $p($s[$k:]):\n        $$body", "for $k in range(len($s)):\n    if $s[$k:] == $s[$k:][::-1]:\n        $$body"):
        for f in find(code, pattern):
            if ("p" in f.b and f.name("p") not in tests) or not isinstance(f.block("body")[-1], ast.Return):
                continue
            edits = Edits(code.text)
            edits.replace_stmts(f.nodes, fill("if len($s) > 0:\n    $k = len($s) - _palindromic_suffix($s)\n    $$body", f.b))
            _helper(code, edits)
            yield Rewrite(edits.text(), "longest palindromic suffix: prefix function", f.nodes[0].lineno)


def _helper(code: Code, edits: Edits) -> None:
    if "def _palindromic_suffix(" not in code.text:
        edits.add_helper(_SUFFIX)


def _is_palindrome(fn: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    last = fn.body[-1]
    return isinstance(last, ast.Return) and last.value is not None and match("$s == $s[::-1]", last.value) is not None \
        and all(isinstance(s, ast.Expr) for s in fn.body[:-1])
