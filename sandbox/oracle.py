"""The verdict on numbers: errors against an oracle of higher precision, instead of differences from the baseline.

Two programs that add the same numbers in another order differ, and neither is wrong; one that computes in half the
precision may agree with the other within a generous tolerance, and is. What tells them apart is the error of each.

For each group of numbers of an answer (`oracle_leaves.Leaf.group`), with x the 2-norm over the group:

    error(candidate) <= max(2 E, min(C sqrt(n) eps S, rel S or abs sqrt(m)))

- E, the baseline's own error: the largest of ||baseline - oracle|| on the input and on a few neighbours of it, inputs
  whose floats are changed by a few units in the last place. The error of one input is a draw: it may be zero by luck.
- S stands for sum|x|: the larger of ||oracle|| and of ||oracle(neighbour) - oracle|| / delta, delta being the relative
  change. That is the condition of the problem times the size of its answer: for a sum of positive numbers it is their
  sum, for one that cancels it stays near ||x||. A backward stable method has a forward error of about eps S (Higham,
  "Accuracy and Stability of Numerical Algorithms", 2nd ed., sections 1.5-1.7, chapters 3 and 4).
- eps of the baseline's own output type; where the arguments are shorter and the baseline's error shows that it works
  in their precision (a float32 sum that is returned as a float), theirs.
- n, the terms that one number can depend on: the longest axis or list of the arguments, or the floats that go in for
  each that comes out, whichever is more, at least `FEWEST_TERMS`. Rounding errors add up like sqrt(n) (Higham and Mary,
  "A new approach to probabilistic rounding error analysis", SIAM J. Sci. Comput. 41, 2019), not like the worst case n.
- C = 1: over 400 draws each of 4 to 10,000 float32 numbers, of one sign or both, sums in random, ascending and
  descending order stayed below 0.7 of that bound. With fewer than 16 terms that makes 4 eps: a few operations more.
- rel and abs are the task's tolerance, m the numbers in the group: no candidate is worse than that, measured against
  the oracle, unless the baseline itself is.

Because a norm hides small numbers behind large ones, no single number may be off by more than both the task's
tolerance around the baseline and `SINGLE` times its own bound. NaN and infinities are where the baseline has them, and
everything that is no float (types, shapes, dtypes, keys, integers, text) is compared as without an oracle.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from codeopt.sandbox.compare import compare_plain
from codeopt.sandbox.compare_types import Tolerance
from codeopt.sandbox.oracle_leaves import Array, Leaf, Misfit, Numbers, eps_of, follow, leaves, numbers
from codeopt.sandbox.runner.codec import canonical, decode_plain
from codeopt.sandbox.runner.codec_wire import Malformed, Tagged
from codeopt.sandbox.workload import Case

C = 1.0
FEWEST_TERMS = 16
SINGLE = 4.0
VALUE, ARGUMENTS = 0, 1


@dataclass(frozen=True)
class Answer:
    """What `op_oracle` found out about one call.

    Attributes:
        pairs: Encoded [value, arguments after the call] of (baseline, oracle): on the input, then on its neighbours.
        delta: Relative distance of the neighbours; 0 where there are no floats among the arguments.
        eps: Of the shortest float type among the arguments; 0 where there is none.
        count, longest: Floats among the arguments; the longest axis or list.
    """

    pairs: tuple[tuple[bytes, bytes], ...]
    delta: float = 0.0
    eps: float = 0.0
    count: int = 0
    longest: int = 1


Oracle = Callable[[Case], Sequence[Answer | None]]
"""For each call of a case what the oracle says, None where it says nothing: then the tolerance alone decides."""


@dataclass(frozen=True)
class Bounds:
    """The baseline's error in one group of numbers, and what is allowed.

    Attributes:
        truth: The oracle's numbers.
        error, scale: E and S.
        errors, scales: The same for each single number.
        terms: n.
    """

    truth: Numbers
    error: float
    scale: float
    errors: Array
    scales: Array
    terms: float


def difference(
    tolerance: Tolerance, answers: Sequence[Answer | None], expected: bytes, actual: bytes, part: int = VALUE
) -> str:
    """ "" or the first difference between two encoded regions, each a list of outcomes or of arguments.

    Args:
        tolerance: The task's; with both parts zero nothing but equality will do.
        answers: For each call of the region; `expected` has the same number of copies of each, one after the other.
        expected, actual: The baseline's and the candidate's bytes.
        part: VALUE for [[failed, value], …], ARGUMENTS for [[arguments, keywords], …].
    """
    want = decode_plain(expected)
    try:
        got = decode_plain(actual)
    except Malformed as error:
        return f"result: a malformed answer ({error})"
    told = Sums(tolerance)
    exact = tolerance.rel == tolerance.abs_ == 0
    if isinstance(got, list) and isinstance(want, list) and len(got) == len(want) and answers and not exact:
        copies = max(1, len(want) // len(answers))
        seen: set[tuple[int, bytes, bytes]] = set()
        for index, (one, other) in enumerate(zip(want, got, strict=True)):
            call = min(index // copies, len(answers) - 1)
            answer = answers[call]
            if answer is None or one == other:
                continue
            inner, theirs = _parts(one), _parts(other)
            if len(inner) != 2 or len(theirs) != 2 or (part == VALUE and not inner[0] == theirs[0] == 0):
                continue
            # A timed region holds many copies of a call: each answer is judged once.
            try:
                mark = (call, canonical(one), canonical(other))
            except ValueError:
                continue  # nested too deep: the comparison says so
            if mark in seen:
                got[index] = one
            else:
                seen.add(mark)
                told.collect(answer, inner, theirs, part)
    mismatch = compare_plain(want, got, tolerance)
    return _short(str(mismatch)) if mismatch is not None else told.judge()


def _parts(region: Any) -> list[Any]:
    """An outcome or a set of arguments as a list of two."""
    found = region.value if isinstance(region, Tagged) and region.kind == "tuple" else region
    return found if isinstance(found, list) else []


def _short(text: str) -> str:
    # The outcome of a single call is [[failed, value]]; a person calls that the result.
    return text.replace("result[0][1]", "result", 1)


class Sums:
    """Pairs of numbers taken out of a comparison, to be judged after everything else was found equal."""

    def __init__(self, tolerance: Tolerance) -> None:
        self.tolerance = tolerance
        self.taken: list[tuple[Answer, int, dict[str, list[tuple[Leaf, Any, Any]]]]] = []

    def collect(self, answer: Answer, want: Any, got: Any, part: int) -> None:
        """Take the numbers that the oracle knows: in `got` the baseline's own stand in their place afterwards."""
        groups: dict[str, list[tuple[Leaf, Any, Any]]] = {}
        known = bounds(answer, part)
        inner = range(1, 2) if part == VALUE else range(2)
        for place in inner:
            name = "" if part == VALUE else f"<{place}>"
            try:
                theirs = {(leaf.group, n): leaf for n, leaf in _numbered(leaves(got, place, name))}
            except Exception:
                continue  # NumPy refuses a forged dtype in many ways; the comparison says what is wrong
            for n, leaf in _numbered(leaves(want, place, name)):
                match = theirs.get((leaf.group, n))
                if match is None or leaf.group not in known or (match.type, match.shape) != (leaf.type, leaf.shape):
                    continue
                groups.setdefault(leaf.group, []).append((leaf, leaf.value, match.value))
                match.inside[match.key] = leaf.value
        self.taken.append((answer, part, groups))

    def judge(self) -> str:
        """ "" or the first group whose error is too large, with both errors."""
        for answer, part, groups in self.taken:
            known = bounds(answer, part)
            for group, rows in groups.items():
                told = self._group(answer, known[group], rows)
                if told:
                    name = "arguments" if part == ARGUMENTS else "result"
                    return f"{name}{group.replace('<0>', '').replace('[]', '[…]')}: {told}"
        return ""

    def _group(self, answer: Answer, known: Bounds, rows: list[tuple[Leaf, Any, Any]]) -> str:
        try:
            base = _joined([numbers(leaf, value) for leaf, value, _ in rows])
            mine = _joined([numbers(leaf, value) for leaf, _, value in rows])
        except (Misfit, ValueError, TypeError, LookupError) as error:
            return f"a malformed answer ({error})"
        if base.high.shape != known.truth.high.shape:
            return f"{base.high.size} numbers, the oracle has {known.truth.high.size}"
        finite = np.isfinite(base.high)
        same = (mine.high == base.high) | (np.isnan(mine.high) & np.isnan(base.high))
        odd = np.where(finite, ~np.isfinite(mine.high), ~same)
        if odd.any():
            first = int(np.argmax(odd))
            return f"expected {float(base.high[first])!r}, got {float(mine.high[first])!r}"
        types = {leaf.type for leaf, _, _ in rows}
        kind = max(types, key=eps_of)
        rel, absolute = self.tolerance.of({"float": "float64", "complex": "float64", "complex64": "float32"}.get(kind, kind))
        with np.errstate(all="ignore"):
            near = mine.distance(base) <= np.maximum(rel * np.maximum(np.abs(mine.high), np.abs(base.high)), absolute)
        judged = finite & np.isfinite(known.truth.high)
        lost = finite & ~judged & ~near & ~same
        if lost.any():
            first = int(np.argmax(lost))
            return f"expected {float(base.high[first])!r}, got {float(mine.high[first])!r} (the oracle has no number)"
        if not judged.any():
            return ""
        return _verdict(answer, known, mine, judged, near, eps_of(kind), rel, absolute)


def _verdict(
    answer: Answer, known: Bounds, mine: Numbers, judged: Array, near: Array, eps: float, rel: float, absolute: float
) -> str:
    errors = np.where(judged, mine.distance(known.truth), 0.0)
    error = norm(errors)
    if answer.eps > eps and known.error > math.sqrt(answer.eps * eps) * known.scale:
        eps = answer.eps  # it works in the precision of its arguments, whatever type it answers in
    rounding = C * math.sqrt(known.terms) * eps
    allowed = max(2 * known.error, min(rounding * known.scale, max(rel * known.scale, absolute * math.sqrt(len(errors)))))
    if not error <= allowed:
        return _told(error, known.error, allowed)
    single = SINGLE * np.maximum(2 * known.errors, rounding * known.scales)
    off = judged & ~near & ~(errors <= single)
    if off.any():
        first = int(np.argmax(off))
        where = f"number {first} of {len(errors)}: "
        return where + _told(float(errors[first]), float(known.errors[first]), float(single[first]))
    return ""


def _told(error: float, baseline: float, allowed: float) -> str:
    return f"its error against the oracle is {error:.3g}, the baseline's {baseline:.3g}; {allowed:.3g} is allowed"


@lru_cache(maxsize=16)
def bounds(answer: Answer, part: int) -> dict[str, Bounds]:
    """The bounds of each group of numbers in an answer; {} where the oracle's answer does not fit the baseline's."""
    try:
        pairs = [_pair(*pair, part) for pair in answer.pairs[:1]]
    except (Misfit, Malformed):
        return {}
    for pair in answer.pairs[1:]:
        try:
            near = _pair(*pair, part)
        except (Misfit, Malformed):
            continue
        # A neighbour on the other side of a branch may have another shape: it says nothing about this one.
        if {g: b.high.shape for g, (b, _) in near.items()} == {g: b.high.shape for g, (b, _) in pairs[0].items()}:
            pairs.append(near)
    return {group: _bounds(answer, [pair[group] for pair in pairs]) for group in pairs[0]}


def fits(answer: Answer) -> str:
    """ "" or how the oracle's value differs in shape from the baseline's."""
    try:
        _pair(*answer.pairs[0], VALUE)
    except (Misfit, Malformed) as error:
        return str(error)
    return ""


def has_numbers(answer: Answer) -> bool:
    """Whether the baseline answers with a float at all, or leaves one in its arguments."""
    return bool(bounds(answer, VALUE) or bounds(answer, ARGUMENTS))


def _pair(baseline: bytes, oracle: bytes, part: int) -> dict[str, tuple[Numbers, Numbers]]:
    want, match = decode_plain(baseline), decode_plain(oracle)
    if part == ARGUMENTS and match[ARGUMENTS] is None:
        return {}
    groups: dict[str, list[tuple[Numbers, Numbers]]] = {}
    for holder, key, other, name in (
        [(want, VALUE, match[VALUE], "")]
        if part == VALUE
        else [(want[part], place, match[part][place], f"<{place}>") for place in range(2)]
    ):
        for leaf, counterpart in follow((holder, key), other):
            pair = numbers(leaf, leaf.value), numbers(leaf, counterpart)
            groups.setdefault(name + leaf.group, []).append(pair)
    return {
        group: (_joined([own for own, _ in rows]), _joined([true for _, true in rows])) for group, rows in groups.items()
    }


def _bounds(answer: Answer, pairs: list[tuple[Numbers, Numbers]]) -> Bounds:
    truth = pairs[0][1]
    size = np.where(np.isfinite(truth.high), np.abs(truth.high), 0.0)
    errors, moves = np.zeros(size.shape), np.zeros(size.shape)
    error = move = 0.0
    for index, (own, true) in enumerate(pairs):
        gap = _finite(own.distance(true))
        errors, error = np.maximum(errors, gap), max(error, norm(gap))
        if index:
            moved = _finite(true.distance(truth))
            moves, move = np.maximum(moves, moved), max(move, norm(moved))
    delta = answer.delta or 1.0
    terms = max(answer.longest, answer.count / max(1, size.size), FEWEST_TERMS)
    return Bounds(truth, error, max(norm(size), move / delta), errors, np.maximum(size, moves / delta), terms)


def _finite(values: Array) -> Array:
    return np.where(np.isfinite(values), values, 0.0)


def norm(values: Array) -> float:
    """The 2-norm, without overflow on the way."""
    top = float(np.max(values, initial=0.0))
    if top == 0 or not math.isfinite(top):
        return top
    with np.errstate(all="ignore"):
        return top * math.sqrt(float(np.sum((values / top) ** 2)))


def _joined(parts: list[Numbers]) -> Numbers:
    return Numbers(np.concatenate([p.high for p in parts]), np.concatenate([p.low for p in parts]))


def _numbered(found: Iterator[Leaf]) -> Iterator[tuple[int, Leaf]]:
    """Leaves with their position within their own group."""
    counts: dict[str, int] = {}
    for leaf in found:
        counts[leaf.group] = counts.get(leaf.group, -1) + 1
        yield counts[leaf.group], leaf
