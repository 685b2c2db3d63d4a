"""What a comparison answers, and what its parts hand to each other."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

# Relative and absolute tolerance of the short float types: a few hundred units in the last place for float32
# and a few for the halves, what a reordered sum of some thousand terms of one sign needs.
SHORT_FLOATS = {"float32": (1e-5, 1e-7), "float16": (2e-3, 1e-4), "bfloat16": (1.6e-2, 1e-3)}


@dataclass(frozen=True)
class Tolerance:
    """When two floats count as equal: |a - b| <= max(rel * max(|a|, |b|), abs_), as `math.isclose` has it.

    Attributes:
        rel, abs_: For Python floats, float64 and longer. Both zero asks for exact equality in every type.
    """

    rel: float = 1e-9
    abs_: float = 1e-12

    def of(self, name: str) -> tuple[float, float]:
        """The tolerance for a float type ("float64", "float32", "float16", "bfloat16")."""
        if self.rel == 0 and self.abs_ == 0:
            return 0.0, 0.0
        rel, absolute = SHORT_FLOATS.get(name, (0.0, 0.0))
        return max(rel, self.rel), max(absolute, self.abs_)

    def close(self, a: float, b: float) -> bool:
        """NaN is equal to NaN only; infinities are equal to themselves only."""
        return math.isclose(a, b, rel_tol=self.rel, abs_tol=self.abs_) or (a != a and b != b)


@dataclass(frozen=True)
class Mismatch:
    """The first difference between two answers.

    Attributes:
        path: Where: "result[3].total", "line 7", "arguments[0]['a']".
        expected, actual: Short one-line texts, cut around the difference.
    """

    path: str
    expected: str
    actual: str

    def __str__(self) -> str:
        return f"{self.path}: expected {self.expected}, got {self.actual}"


class Node:
    """A place in both values; its path is put together only when it is needed. There may be millions."""

    __slots__ = ("above", "piece")

    def __init__(self, above: Node | None, piece: str) -> None:
        self.above = above
        self.piece = piece

    def path(self) -> str:
        """The pieces from the root to here, the middle left out of very long ones."""
        pieces: list[str] = []
        node: Node | None = self
        while node is not None:
            if node.piece:
                pieces.append(node.piece)
            node = node.above
        if len(pieces) > 20:
            pieces[10:-10] = ["…"]
        return "".join(reversed(pieces))

    def differ(self, expected: str, actual: str) -> Mismatch:
        """A mismatch at this place."""
        return Mismatch(self.path(), expected, actual)


Pair = tuple[Node, Any, Any]
Found = Mismatch | list[Pair]
"""The outcome of one step: a difference, or the parts that are still to be compared."""
