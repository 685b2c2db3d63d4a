"""Reversal and palindrome loops become slices."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyfacts import type_of
from codeopt.agent.rules.pyloops import lengths
from codeopt.agent.rules.pymatch import Found, Shape, apply_shapes

SUMMARY = "Loops that compare a sequence with itself backwards, or build it backwards: `s == s[::-1]`, `s[::-1]`"
EXPECTS = "10-50x on long strings"
SOURCE = "Slices run in C; common among PIE's human pairs"

_MIRROR = ("$S[len($S) - 1 - $i]", "$S[len($S) - $i - 1]", "$S[-1 - $i]", "$S[-$i - 1]", "$S[-($i + 1)]", "$S[~$i]", "$S[$n - 1 - $i]", "$S[$n - $i - 1]")
_BOUND = ("len($S)", "len($S) // 2", "len($S) // 2 + 1", "int(len($S) / 2)", "$n", "$n // 2")
_NOTE, _BACK = "palindrome test: one comparison with the reversed sequence", "reversal: a slice"


def _text(f: Found) -> bool:
    return type_of(f["S"], f.scope) in ("str", "")


def _length(f: Found) -> bool:
    """A name in the place of the length was assigned from it."""
    known = lengths(f.scope)
    return "n" not in f.b or (f.name("n") in known and ast.unparse(known[f.name("n")]) == ast.unparse(f["S"]))


_SHAPES = (
    *(Shape(f"for $i in range({bound}):\n    if $S[$i] != {mirror}:\n        return $E\nreturn $F",
            "return $F if $S == $S[::-1] else $E", _NOTE, _length) for bound in _BOUND for mirror in _MIRROR),
    *(Shape(f"{start}\nwhile $i < $j:\n    if $S[$i] != $S[$j]:\n        return $E\n    $i += 1\n    $j -= 1\nreturn $F",
            "return $F if $S == $S[::-1] else $E", _NOTE)
      for start in ("$i, $j = 0, len($S) - 1", "$i = 0\n$j = len($S) - 1", "$j = len($S) - 1\n$i = 0")),
    *(Shape(f"{start}\nwhile $i < $j:\n    if $S[$i] == $S[$j]:\n        $i += 1\n        $j -= 1\n    else:\n        return $E\nreturn $F",
            "return $F if $S == $S[::-1] else $E", _NOTE)
      for start in ("$i, $j = 0, len($S) - 1", "$i = 0\n$j = len($S) - 1")),
    Shape("all($S[$i] == $S[-1 - $i] for $i in range($B))", "$S == $S[::-1]", _NOTE),
    Shape("all($S[$i] == $S[len($S) - 1 - $i] for $i in range($B))", "$S == $S[::-1]", _NOTE),
    Shape("$r = ''\nfor $c in $S:\n    $r = $c + $r", "$r = $S[::-1]", _BACK, _text),
    Shape("$r = ''\nfor $i in range(len($S) - 1, -1, -1):\n    $r += $S[$i]", "$r = $S[::-1]", _BACK, _text),
    Shape("$r = ''\nfor $c in reversed($S):\n    $r += $c", "$r = $S[::-1]", _BACK, _text),
    Shape("$r = []\nfor $i in range(len($S) - 1, -1, -1):\n    $r.append($S[$i])", "$r = list($S[::-1])", _BACK),
    Shape("$r = []\nfor $c in $S:\n    $r.insert(0, $c)", "$r = list($S[::-1])", _BACK),
    Shape("''.join(reversed($S))", "$S[::-1]", _BACK, lambda f: type_of(f["S"], f.scope) == "str"),
    Shape("list(reversed($S)) == $S", "$S == $S[::-1]", _NOTE),
    Shape("''.join(reversed($S)) == $S", "$S == $S[::-1]", _NOTE),
    *(Shape(f"for $i in range({bound}):\n    if $S[$i] != {mirror}:\n        $c += 1",
            "$c += sum(map(operator.ne, $S[:len($S) // 2], $S[::-1]))", "mirror comparison: one pass in C", _length, ("import operator",))
      for bound in ("len($S) // 2", "$n // 2", "int(len($S) / 2)") for mirror in _MIRROR),
)  # fmt: skip


def apply(code: Code) -> Iterator[Rewrite]:
    yield from apply_shapes(code, _SHAPES)
