"""A primality test by trial division answers large numbers with Miller-Rabin."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules import pynumbers
from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyedit import Edits, functions
from codeopt.agent.rules.pyfacts import is_pure, names_in
from codeopt.agent.rules.pymatch import Found, fill, find, match

SUMMARY = "`for d in range(2, …): if n % d == 0: return A` then `return B`: deterministic Miller-Rabin for large n"
EXPECTS = "O(n) or O(sqrt n) -> O(log^3 n) for a prime n"
SOURCE = "Miller-Rabin with fixed bases: Jaeschke 1993, Sorenson and Webster 2015"

_LOOPS = (
    "for $i in $RANGE:\n    if $N % $i == 0:\n        return $HIT\n    $$more\nreturn $MISS",
    "for $i in $RANGE:\n    if $N % $i == 0:\n        return $HIT\n        $$dead\nelse:\n    return $MISS",
    "while $T:\n    if $N % $i == 0:\n        return $HIT\n    $i += $K\nreturn $MISS",
    "while $T:\n    if $N % $i == 0 or $N % ($i + 2) == 0:\n        return $HIT\n    $i += 6\nreturn $MISS",
)


def apply(code: Code) -> Iterator[Rewrite]:
    for pattern in _LOOPS:
        for f in find(code, pattern):
            if _covers(f):
                edits = Edits(code.text)
                name = pynumbers.add(edits, code.tree, pynumbers.MILLER_RABIN)
                test = f"if 1000 < $N < 3317044064679887385961981 and isinstance($N, int):\n    return $MISS if {name}($N) else $HIT"
                edits.before(f.nodes[0], fill(test, f.b))
                yield Rewrite(edits.text(), "primality by trial division: Miller-Rabin for large numbers", f.nodes[0].lineno)
    for scope in functions(code):
        for t in pynumbers.trials(scope):
            flag = _flag(t.hit)
            if flag and match("2", t.start) and _sets(t.hit, flag) is not None:
                edits = Edits(code.text)
                name = pynumbers.add(edits, code.tree, pynumbers.MILLER_RABIN)
                value = ast.unparse(_sets(t.hit, flag) or ast.Constant(value=0))
                stop = f"range(2, 2 if {name}($N) else $B)" if not isinstance(t.n, ast.Constant) else "range(2, $B)"
                edits.replace(t.loop.iter, fill(stop, {"N": t.n, "B": t.stop}))
                yield Rewrite(edits.text(), f"primality by trial division: Miller-Rabin before `{flag} = {value}`", t.loop.lineno)


def _flag(hit: list[ast.stmt]) -> str:
    first = hit[0] if hit else None
    if isinstance(first, ast.Assign) and isinstance(first.targets[0], ast.Name) and isinstance(first.value, ast.Constant):
        return first.targets[0].id
    return ""


def _sets(hit: list[ast.stmt], flag: str) -> ast.expr | None:
    return next((s.value for s in hit if isinstance(s, ast.Assign) and isinstance(s.targets[0], ast.Name) and s.targets[0].id == flag), None)


def _covers(f: Found) -> bool:
    """The loop tries 2, 3 … (or odd numbers after an even check) up to n or its root, and the answers are plain values."""
    i, n = f.name("i"), f["N"]
    if i in names_in(n) or i in names_in([f["HIT"], f["MISS"]]) or not is_pure(f["HIT"]) or not is_pure(f["MISS"]):
        return False
    if any(not isinstance(s, ast.Break | ast.Pass | ast.Continue) for key in ("more", "dead") if key in f.b for s in f.block(key)):
        return False
    bound = f["RANGE"] if "RANGE" in f.b else f["T"]
    if not names_in(n) & names_in(bound) and not _root_of(f, bound):
        return False
    if "RANGE" in f.b:
        return bool(match("range(2, $B)", bound) or match("range(3, $B, 2)", bound))
    return any(match(f"{i} = {first}", s) for s in f.before for first in ("2", "3", "5"))


def _root_of(f: Found, bound: ast.expr) -> bool:
    """The bound is a name that was assigned from n (`limit = int(n ** 0.5) + 1`)."""
    return any(match("$x = $E", s) and names_in(s) & names_in(bound) and names_in(f["N"]) & names_in(s) for s in f.before)
