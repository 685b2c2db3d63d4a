"""The typed comparator: whether two encoded answers are the same value, and where they first differ.

Works on plain data only (`decode_plain`), in the parent. Types must agree everywhere: 1, True and 1.0 differ, and so
do a list and a tuple. docs/codec.md lists what is ignored (order of dicts and sets, kind of iterator …).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from codeopt.sandbox.compare_kinds import tagged
from codeopt.sandbox.compare_show import difference, show, type_of
from codeopt.sandbox.compare_text import compare_text
from codeopt.sandbox.compare_types import Found, Mismatch, Node, Pair, Tolerance
from codeopt.sandbox.runner.codec import canonical, decode_plain
from codeopt.sandbox.runner.codec_wire import Malformed, Tagged

__all__ = ["Mismatch", "compare", "compare_plain", "compare_text"]

NESTED_SETS = 30
WINDOW = 100
_EXACT = (int, str, bytes, bool, type(None))


@dataclass(frozen=True)
class Unmatched:
    """One item that has no counterpart (or none) on each side."""

    missing: list[Any]
    extra: list[Any]


def compare(
    expected: bytes,
    actual: bytes,
    *,
    rel: float = 1e-9,
    abs_: float = 1e-12,
    ignore_message: bool = False,
    root: str = "result",
) -> Mismatch | None:
    """Compare two encoded values; None if they are the same.

    Args:
        expected: The trusted answer, from `encode`.
        actual: The answer to judge; any bytes.
        rel, abs_: Tolerance for floats, as in `math.isclose`; the defaults accept a reordered sum. float32 and
            shorter have wider ones of their own (`compare_types.SHORT_FLOATS`). Both zero: exact.
        ignore_message: Of exceptions compare the type only.
        root: How a path names the value itself.

    Raises:
        Malformed: `expected` is not an encoding.
    """
    if expected == actual:
        return None
    want = decode_plain(expected)
    # Small bytes can claim large memory; an equal value is never so much longer.
    if len(actual) > 16 * len(expected) + (1 << 20):
        return Mismatch(root, show(want), f"an answer of {len(actual)} bytes, {len(expected)} expected")
    try:
        got = decode_plain(actual)
    except Malformed as error:
        return Mismatch(root, show(want), f"a malformed answer ({error})")
    return compare_plain(want, got, Tolerance(rel, abs_), ignore_message=ignore_message, root=root)


def compare_plain(
    expected: Any,
    actual: Any,
    tolerance: Tolerance | None = None,
    *,
    ignore_message: bool = False,
    root: str = "result",
) -> Mismatch | None:
    """Compare two values of `decode_plain`; None if they are the same."""
    return Comparison(tolerance or Tolerance(), ignore_message).walk(Node(None, root), expected, actual)


class Comparison:
    """One run of the comparator; the handlers of `compare_kinds` call back into it."""

    def __init__(self, tolerance: Tolerance, ignore_message: bool) -> None:
        self.tolerance = tolerance
        self.ignore_message = ignore_message
        self.sets = 0

    def walk(self, node: Node, expected: Any, actual: Any) -> Mismatch | None:
        """Depth first with a stack of its own: hostile nesting cannot exhaust the interpreter's."""
        todo: list[Pair] = [(node, expected, actual)]
        while todo:
            at, a, b = todo.pop()
            try:
                found = self.step(at, a, b)
            except (Malformed, ValueError, TypeError, LookupError, ArithmeticError, AttributeError) as error:
                return at.differ(show(a), f"a malformed answer ({type(error).__name__}: {str(error)[:80]})")
            if isinstance(found, Mismatch):
                return found
            todo.extend(reversed(found))
        return None

    def step(self, at: Node, a: Any, b: Any) -> Found:
        """Compare two values but for their parts, which are returned for the next steps."""
        kind = type(a)
        if kind is not type(b):
            return at.differ(f"{show(a)} ({type_of(a)})", f"{show(b)} ({type_of(b)})")
        if kind is float:
            return [] if self.tolerance.close(a, b) else at.differ(repr(a), repr(b))
        if kind is list:
            return self.items(at, a, b)
        if kind is dict:
            return self.dict(at, a, b)
        if kind is Tagged:
            return tagged(self, at, a, b)
        if a == b:
            return []
        if kind is str or kind is bytes:
            return at.differ(*difference(a, b))
        return at.differ(show(a), show(b))

    def settled(self, x: Any, y: Any) -> bool:
        """Whether two values are plainly the same scalar, without a step of their own."""
        kind = type(x)
        if kind is not type(y):
            return False
        return x == y if kind in _EXACT else kind is float and self.tolerance.close(x, y)

    def items(self, at: Node, a: list[Any], b: list[Any]) -> Found:
        """Sequences, in order."""
        if len(a) != len(b):
            more, word = (a, "missing") if len(a) > len(b) else (b, "extra")
            odd = show(more[min(len(a), len(b))], 40)
            return at.differ(f"{len(a)} items", f"{len(b)} items, first {word} at the end: {odd}")
        settled = self.settled
        return [(Node(at, f"[{i}]"), x, y) for i, (x, y) in enumerate(zip(a, b)) if not settled(x, y)]

    def dict(self, at: Node, a: dict[Any, Any], b: dict[Any, Any]) -> Found:
        """Dicts with scalar keys, in any order."""
        kinds = set(map(type, a)) | set(map(type, b))
        if len(kinds) == 1 and float not in kinds and a.keys() == b.keys():
            return [
                (Node(at, f"[{show(k, 40)}]"), v, b[k]) for k, v in a.items() if not self.settled(v, b[k])
            ]
        return self.entries(at, [[k, v] for k, v in a.items()], [[k, v] for k, v in b.items()])

    def entries(self, at: Node, a: list[Any], b: list[Any]) -> Found:
        """Dicts as lists of [key, value], in any order."""
        matched = self.match([k for k, _ in a], [k for k, _ in b])
        if isinstance(matched, Unmatched):
            if matched.missing:
                found = f", but {show(matched.extra[0], 40)}" if matched.extra else ""
                return at.differ(f"a key {show(matched.missing[0], 40)}", f"no such key{found}")
            return at.differ(f"{len(a)} keys", f"an extra key {show(matched.extra[0], 40)}")
        return [(Node(at, f"[{show(a[i][0], 40)}]"), a[i][1], b[j][1]) for i, j in matched]

    def unordered(self, at: Node, a: list[Any], b: list[Any]) -> Found:
        """Sets: every item has its own counterpart."""
        matched = self.match(a, b)
        if not isinstance(matched, Unmatched):
            return []
        if not matched.missing:
            return at.differ(
                f"no item {show(matched.extra[0], 40)}", f"it is there ({len(b)} items, not {len(a)})"
            )
        found = f", but {show(matched.extra[0], 40)} is" if matched.extra else ""
        return at.differ(f"item {show(matched.missing[0], 40)}", f"it is not there{found}")

    def match(self, a: list[Any], b: list[Any]) -> list[tuple[int, int]] | Unmatched:
        """Pair the items of two collections without order: the same to the last bit, else within tolerance."""
        places: dict[bytes, list[int]] = {}
        for j, item in enumerate(b):
            places.setdefault(canonical(item), []).append(j)
        pairs: list[tuple[int, int]] = []
        left: list[tuple[bytes, int]] = []
        for i, item in enumerate(a):
            key = canonical(item)
            if places.get(key):
                pairs.append((i, places[key].pop()))
            else:
                left.append((key, i))
        # Sorted by their bytes, values that are nearly equal are mostly neighbours: a short window is enough.
        rest = sorted(((key, j) for key, found in places.items() for j in found), reverse=True)
        tries = 10 * len(rest) + WINDOW * WINDOW
        for _, i in sorted(left):
            for n in range(len(rest) - 1, max(len(rest) - 1 - WINDOW, -1), -1):
                tries -= 1
                if tries > 0 and self.same(a[i], b[rest[n][1]]):
                    pairs.append((i, rest.pop(n)[1]))
                    break
            else:
                return Unmatched([a[i]], [b[rest[-1][1]]] if rest else [])
        return Unmatched([], [b[rest[-1][1]]]) if rest else sorted(pairs)

    def same(self, a: Any, b: Any) -> bool:
        """Whether two whole values are the same. Sets within sets are followed to a fixed depth only."""
        if self.sets >= NESTED_SETS:
            return False
        self.sets += 1
        try:
            return self.walk(Node(None, ""), a, b) is None
        finally:
            self.sets -= 1
