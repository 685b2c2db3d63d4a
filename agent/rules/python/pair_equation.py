"""Scan of all pairs for those that satisfy an equation: remember the partners that would fit."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyedit import Edits, fresh_name
from codeopt.agent.rules.pyfacts import names_in
from codeopt.agent.rules.pyloops import Pairs, X, Y, expr, inline_locals, load, pair_scans, swap
from codeopt.agent.rules.pymatch import fill, match

SUMMARY = "All pairs of a sequence tested for `a + b == t`, `a == b`, `f(a) == f(b)` …: one pass with a set or Counter"
EXPECTS = "O(n^2) -> O(n)"
SOURCE = "Two-sum with a hash table; common practice among PIE's human pairs"


@dataclass(frozen=True)
class Equation:
    """`stored` of an earlier element equals `wanted` of the later one; `also` is a second key to look up, or None."""

    stored: ast.expr
    wanted: ast.expr
    also: ast.expr | None = None


def solve(test: ast.expr) -> Equation | None:
    """Solve an equation in `x_` (earlier) and `y_` (later) for what to store and what to look up."""
    x, y = load(X), load(Y)
    forms = (
        (f"{X} + {Y} == 0", "-y_", ""),
        (f"{X} + {Y} == $T", "$T - y_", ""),
        (f"{X} + {Y} - $T == 0", "$T - y_", ""),
        (f"{X} == -{Y}", "-y_", ""),
        (f"{Y} == -{X}", "-y_", ""),
        (f"{X} ^ {Y} == $T", "$T ^ y_", ""),
        (f"{Y} ^ {X} == $T", "$T ^ y_", ""),
        (f"abs({X} - {Y}) == $T", "y_ - $T", "y_ + $T"),
        (f"abs({Y} - {X}) == $T", "y_ - $T", "y_ + $T"),
        (f"{X} - {Y} == $T", "y_ + $T", ""),
        (f"{Y} - {X} == $T", "y_ - $T", ""),
        (f"{X} == $T - {Y}", "$T - y_", ""),
        (f"{Y} == $T - {X}", "$T - y_", ""),
        (f"{X} == {Y}", "y_", ""),
    )
    for pattern, wanted, also in forms:
        b = match(pattern, test)
        if b and not {X, Y} & (names_in(b["T"]) if "T" in b else set()):
            second = expr(fill(also, b)) if also else None
            return Equation(x, expr(fill(wanted, b)), second)
    b = match(f"({X} + {Y}) % $M == 0", test)
    if b and not {X, Y} & names_in(b["M"]):
        return Equation(expr(fill(f"{X} % $M", b)), expr(fill(f"-{Y} % $M", b)))
    b = match("$E == $F", test)
    if b:
        left, right = b["E"], b["F"]
        for one, two in ((left, right), (right, left)):
            sides = names_in(one) & {X, Y} == {X} and names_in(two) & {X, Y} == {Y}
            if sides and ast.dump(swap(one, [(x, y)])) == ast.dump(two):
                return Equation(_key(one), _key(two))
    return None


def _key(node: ast.expr) -> ast.expr:
    """A list made by sorted() is a key only as a tuple."""
    b = match("sorted($A)", node)
    return ast.parse(fill("tuple(sorted($A))", b), mode="eval").body if b else node


def apply(code: Code) -> Iterator[Rewrite]:
    for pairs in pair_scans(code):
        body = inline_locals(pairs.body)
        if len(body) != 1 or not isinstance(body[0], ast.If) or body[0].orelse:
            continue
        equation = solve(body[0].test)
        if equation is None or names_in(body[0].test) & ({pairs.i, pairs.j} - {""}):
            continue
        new = _exists(code, pairs, equation, body[0].body) or _count(code, pairs, equation, body[0].body) \
            or _first(code, pairs, equation, body[0].body)
        if new:
            text, note, imports = new
            edits = Edits(code.text)
            edits.replace(pairs.outer, text)
            for line in imports:
                edits.add_import(line)
            yield Rewrite(edits.text(), note, pairs.outer.lineno)


Made = tuple[str, str, tuple[str, ...]]


def _holes(code: Code, pairs: Pairs, equation: Equation) -> dict[str, object]:
    item = fresh_name(code.tree, "value")
    pairs_of = [(load(X), load(item)), (load(Y), load(item))]
    out: dict[str, object] = {
        "A": pairs.seq, "x": load(item), "seen": load(fresh_name(code.tree, "seen")),
        "KEY": swap(equation.stored, pairs_of), "WANT": swap(equation.wanted, pairs_of),
        "SWAPPED": swap(equation.stored, pairs_of),
    }  # fmt: skip
    if equation.also is not None:
        out["ALSO"] = swap(equation.also, pairs_of)
    return out


def _exists(code: Code, pairs: Pairs, equation: Equation, body: list[ast.stmt]) -> Made | None:
    """The body ends the function in a way that does not depend on the pair."""
    if len(body) != 1 or not isinstance(body[0], ast.Return):
        return None
    if names_in(body[0]) & ({X, Y, pairs.i, pairs.j} - {""}):
        return None
    b = _holes(code, pairs, equation)
    test = "$WANT in $seen" + (" or $ALSO in $seen" if "ALSO" in b else "")
    text = fill(f"$seen = set()\nfor $x in $A:\n    if {test}:\n        $$body\n    $seen.add($KEY)", {**b, "body": body})
    return text, "pairs that satisfy an equation: one pass with a set", ()


def _count(code: Code, pairs: Pairs, equation: Equation, body: list[ast.stmt]) -> Made | None:
    """The body counts the pairs."""
    b = match("$c += $K", body[0]) if len(body) == 1 else None
    if not b or names_in(b["K"]) & ({X, Y, pairs.i, pairs.j} - {""}) or equation.also is not None:
        return None
    holes = {**_holes(code, pairs, equation), **b}
    times = "" if pairs.ordered else "2 * "
    text = fill(
        "$seen = Counter()\nfor $x in $A:\n"
        f"    $c += {times}$seen[$WANT] * $K\n    $seen[$KEY] += 1", holes
    )
    return text.replace(" * 1\n", "\n"), "pairs that satisfy an equation: counted in one pass", ("from collections import Counter",)


def _first(code: Code, pairs: Pairs, equation: Equation, body: list[ast.stmt]) -> Made | None:
    """The body returns the pair or its indexes: the first pair in the order of the scan."""
    last = body[-1]
    if not isinstance(last, ast.Return) or len(body) != 1 or not pairs.ordered or equation.also is not None:
        return None
    if equation.stored is not None and not isinstance(equation.stored, ast.Name):
        return None
    b = _holes(code, pairs, equation)
    i, j = pairs.i or fresh_name(code.tree, "first"), pairs.j or fresh_name(code.tree, "second")
    backward = solve_for_later(equation)
    if backward is None:
        return None
    holes = {
        **b, "where": load(fresh_name(code.tree, "where")), "i": load(i), "j": load(j), "at": load(fresh_name(code.tree, "at")),
        "spots": load(fresh_name(code.tree, "spots")), "PARTNER": swap(backward, [(load(X), b["x"])]),  # type: ignore[list-item]
        "body": [swap(s, [(load(X), ast.parse(fill("$A[$i]", {"A": pairs.seq, "i": load(i)}), mode="eval").body),
                          (load(Y), ast.parse(fill("$A[$j]", {"A": pairs.seq, "j": load(j)}), mode="eval").body)]) for s in body],
    }  # fmt: skip
    text = fill(
        "$where = {}\nfor $j, $x in enumerate($A):\n    $where.setdefault($x, []).append($j)\n"
        "for $i, $x in enumerate($A):\n    $spots = $where.get($PARTNER, ())\n    $at = bisect_right($spots, $i)\n"
        "    if $at < len($spots):\n        $j = $spots[$at]\n        $$body", holes
    )
    return text, "first pair that satisfies an equation: positions by value", ("from bisect import bisect_right",)


def solve_for_later(equation: Equation) -> ast.expr | None:
    """What the later element must be, in terms of `x_`: the inverse of `wanted`, for the forms that have one."""
    for pattern, inverse in ((f"$T - {Y}", f"$T - {X}"), (f"-{Y}", f"-{X}"), (f"$T ^ {Y}", f"$T ^ {X}"),
                             (f"{Y} + $T", f"{X} - $T"), (f"{Y} - $T", f"{X} + $T"), (Y, X)):  # fmt: skip
        b = match(pattern, equation.wanted)
        if b is not None:
            return expr(fill(inverse, b))
    return None
