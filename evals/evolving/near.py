"""Whether a problem's words are another one's: three words in a row, as sets.

Of two problems that data is made of, one repeats the other where the sets are much the same (Jaccard). Of a benchmark's
problem a new one must not hold the half, whatever else it says (containment, as contamination is usually told).
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass

WORDS = 3
SAME, HELD = 0.7, 0.5
_WORD = re.compile(r"[^\W_]+")
_EXAMPLE = re.compile(r"^\s*>>>.*(?:\n.*)?$|^.*\b\w+\(.*\)\s*(?:==|=>|->|➞|→).*$", re.MULTILINE)


@dataclass(frozen=True)
class _Known:
    name: str
    size: int
    benchmark: bool


class Near:
    """Problems by their words."""

    def __init__(self) -> None:
        self._known: list[_Known] = []
        self._places: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)

    def add(self, name: str, text: str, *, benchmark: bool = False) -> None:
        """Know a problem; examples in its text do not count."""
        found = _grams(text)
        for gram in found:
            self._places[gram].append(len(self._known))
        self._known.append(_Known(name, len(found), benchmark))

    def find(self, text: str) -> str:
        """Name of the known problem that a text repeats most; "" for none."""
        found = _grams(text)
        shared = Counter(place for gram in found for place in self._places.get(gram, ()))
        for place, count in shared.most_common():
            known = self._known[place]
            held = known.benchmark and count >= HELD * known.size
            if held or count >= SAME * (len(found) + known.size - count):
                return known.name
        return ""


def _grams(text: str) -> set[tuple[str, ...]]:
    words = _WORD.findall(_EXAMPLE.sub("", text).lower())
    return {tuple(words[at : at + WORDS]) for at in range(max(1, len(words) - WORDS + 1))} if words else set()
