"""Scans for a substring by slices use find, startswith or `in`."""

from __future__ import annotations

from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyfacts import names_in, type_of
from codeopt.agent.rules.pymatch import Found, Shape, apply_shapes

SUMMARY = "`for i in range(len(s) - len(t) + 1): if s[i:i+len(t)] == t: …`: str.find jumps from match to match"
EXPECTS = "5-100x where matches are rare"
SOURCE = "str.find uses the two-way algorithm (CPython fastsearch)"

_NOTE = "substring scan: str.find"


def _text(f: Found) -> bool:
    return all(type_of(f[k], f.scope) in ("str", "") for k in ("S", "T") if k in f.b) and (
        f.name("i") not in names_in([f[k] for k in ("S", "T", "L") if k in f.b])
    )


_RANGES = ("range(len($S) - len($T) + 1)", "range(len($S))")
_SHAPES = (
    *(Shape(f"for $i in {r}:\n    if $S[$i:$i + len($T)] == $T:\n        $c += 1",
            "$i = $S.find($T)\nwhile $i >= 0:\n    $c += 1\n    $i = $S.find($T, $i + 1)", _NOTE, _text) for r in _RANGES),
    *(Shape(f"for $i in {r}:\n    if $S[$i:].startswith($T):\n        $c += 1",
            "$i = $S.find($T)\nwhile $i >= 0:\n    $c += 1\n    $i = $S.find($T, $i + 1)", _NOTE, _text) for r in _RANGES),
    *(Shape(f"for $i in {r}:\n    if $S[$i:$i + len($T)] == $T:\n        return {out}", new, _NOTE, _text)
      for r in _RANGES for out, new in (("True", "if $T in $S:\n    return True"), ("$i", "$i = $S.find($T)\nif $i >= 0:\n    return $i"))),
    *(Shape(f"for $i in {r}:\n    if $S[$i:$i + len($T)] == $T:\n        $out.append($i)",
            "$i = $S.find($T)\nwhile $i >= 0:\n    $out.append($i)\n    $i = $S.find($T, $i + 1)", _NOTE, _text) for r in _RANGES),
    Shape("for $i in range(len($S) - $L + 1):\n    for $j in $R:\n        if $S[$i:$i + $L] == $T[$j:$j + $L]:\n            return $E",
          "for $j in $R:\n    if $T[$j:$j + $L] in $S:\n        return $E", "substrings of one string in another: `in`", _text),
    Shape("any($S[$i:$i + len($T)] == $T for $i in range($B))", "$T in $S", _NOTE, _text),
    Shape("$S[$I:$I + len($T)] == $T", "$S.startswith($T, $I)", "slice compared with text: startswith",
          lambda f: type_of(f["S"], f.scope) == "str"),
    Shape("$S[:len($T)] == $T", "$S.startswith($T)", "slice compared with text: startswith", lambda f: type_of(f["S"], f.scope) == "str"),
)  # fmt: skip


def apply(code: Code) -> Iterator[Rewrite]:
    yield from apply_shapes(code, _SHAPES)
