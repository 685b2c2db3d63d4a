"""What a comparison answers, and what its parts hand to each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


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
