"""The difference between a program and its winner, as changes that can be taken back, and which of them belong together.

A change that is taken back alone may leave a program that nobody meant: without `known.add(x)` a set is never filled,
which shows only on inputs with a value that comes twice. So changes within one function go together, all changes outside
of functions do (imports, includes, pragmas and comments stand for themselves), and what defines a name goes with the
changed functions that mention it. What is left apart has nothing to do with each other as far as names tell.
"""

from __future__ import annotations

import difflib
import io
import keyword
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from codeopt.agent.rules.cppedit import functions, parse
from codeopt.agent.tasks.functions import functions_of
from codeopt.types import SIMPLIFY, Proposal

MOST_NAMED = 6
_GUARD = "-ffp-contract=off"  # goes with the flag before it, which may change what is printed without it
_ALONE = {"python": re.compile(r"\s*(#|import\b|from\b.*\bimport\b|$)"), "cpp": re.compile(r"\s*(#\s*(include|pragma)\b|//|$)")}
_NAME = re.compile(r"[^\W\d]\w*")
_STORED = re.compile(r"(?:\.|->)\s*(\w+)\s*(?:\[[^\]\n]*\]\s*)*[-+*/%&|^<>]{0,2}=(?!=)")


@dataclass(frozen=True)
class Change:
    """One difference between a program and its winner.

    Attributes:
        line: 1-based line of the program where it begins; 0 for flags.
        old, new: The lines there before and after.
        flags: Compiler flags that the winner adds.
        number: Tells it from others.
    """

    line: int
    old: str = ""
    new: str = ""
    flags: tuple[str, ...] = ()
    number: int = 0


@dataclass
class _Unit:
    """Changes that go together: the functions they are in ("" outside of any), names that they define and mention."""

    changes: list[Change]
    places: set[str] = field(default_factory=set)
    defined: set[str] = field(default_factory=set)
    mentioned: set[str] = field(default_factory=set)

    def touches(self, other: _Unit) -> bool:
        return bool(self.places & other.places or self.defined & other.mentioned or self.mentioned & other.defined)

    def take(self, other: _Unit) -> None:
        self.changes += other.changes
        self.places |= other.places
        self.defined |= other.defined
        self.mentioned |= other.mentioned


class Difference:
    """A winner, as the program and the changes that make it.

    Args:
        program: Text of the program.
        winner: Text and flags of the winner.
        language: "python" or "cpp".

    Attributes:
        changes: Groups of changed lines in the order of the text, then compiler flags one at a time.
    """

    def __init__(self, program: str, winner: Proposal, language: str) -> None:
        old, new = _Text(program, language), _Text(winner.source, language)
        self._pieces: list[str | Change] = []
        self._about: list[_Unit] = []
        for tag, i, j, m, n in difflib.SequenceMatcher(None, old.lines, new.lines).get_opcodes():
            if tag == "equal":
                self._pieces.append("".join(old.lines[i:j]))
                continue
            change = Change(i + 1, "".join(old.lines[i:j]), "".join(new.lines[m:n]), number=len(self._about))
            self._pieces.append(change)
            unit = _Unit([change])
            for text, begin, end in ((old, i, j), (new, m, n)):
                for line in range(begin, end):
                    text.tell(unit, line)
            for name in unit.places - {""}:
                unit.defined.add(re.split(r"\W+", name)[-1])
                unit.mentioned.update(*(_NAME.findall(text.bodies.get(name, "")) for text in (old, new)))
            unit.defined.update(_STORED.findall(change.old + change.new))
            self._about.append(unit)
        for flags in _groups(winner.flags):
            self._about.append(_Unit([Change(0, flags=flags, number=len(self._about))]))
        self.changes = tuple(unit.changes[0] for unit in self._about)

    def units(self, changes: Collection[Change]) -> list[list[Change]]:
        """These changes, those that go together in one list, in the order of the text."""
        units: list[_Unit] = []
        for about in self._about:
            if about.changes[0] not in changes:
                continue
            unit = _Unit([])
            for part in [*(unit for unit in units if unit.touches(about)), about]:
                unit.take(part)
            units = [*(other for other in units if not other.touches(about)), unit]
        return sorted((unit.changes for unit in units), key=lambda unit: unit[0].number)

    def with_only(self, kept: Collection[Change]) -> Proposal:
        """The program with these changes alone, as a proposal that says which are missing."""
        texts = (piece if isinstance(piece, str) else piece.new if piece in kept else piece.old for piece in self._pieces)
        flags = tuple(flag for change in self.changes if change in kept for flag in change.flags)
        note = _without([change for change in self.changes if change not in kept])
        return Proposal(source="".join(texts), proposer=SIMPLIFY, note=note, rule=SIMPLIFY, flags=flags)


class _Text:
    """Lines of a text with their ends, and the functions in it: bodies by name, overloads together."""

    def __init__(self, text: str, language: str) -> None:
        self.lines = list(io.StringIO(text, newline=""))
        self.bodies: dict[str, str] = {}
        self._alone = _ALONE[language]
        self._places = [""] * len(self.lines)
        for name, begin, end in _spans(text, language):
            self.bodies[name] = self.bodies.get(name, "") + "".join(self.lines[begin:end])
            self._places[begin:end] = [name] * len(self._places[begin:end])

    def tell(self, unit: _Unit, line: int) -> None:
        """Add to a unit what a line of it says."""
        place, text = self._places[line], self.lines[line]
        if place or not self._alone.match(text):
            unit.places.add(place)
        if not place:
            names = set(_NAME.findall(text)) - set(keyword.kwlist)
            unit.defined |= names
            unit.mentioned |= names


def _spans(text: str, language: str) -> Iterator[tuple[str, int, int]]:
    """(name, first line, line after the last) of each function, from 0; one inside another is a part of it."""
    if language == "cpp":
        for function in functions(parse(text)):
            yield function.name, function.node.start_point[0], function.node.end_point[0] + 1
        return
    for info in functions_of(text):
        if info.reachable:
            yield info.qualname, info.line - 1, info.end_line


def _groups(flags: Sequence[str]) -> list[tuple[str, ...]]:
    groups: list[tuple[str, ...]] = []
    for flag in flags:
        if flag == _GUARD and groups:
            groups[-1] = (*groups[-1], flag)
        else:
            groups.append((flag,))
    return groups


def _without(missing: Sequence[Change]) -> str:
    named = [" ".join(change.flags) if change.flags else f"line {change.line}" for change in missing[:MOST_NAMED]]
    more = [f"{len(missing) - MOST_NAMED} more"] if len(missing) > MOST_NAMED else []
    return f"without the change{'s' if len(missing) > 1 else ''} at {', '.join([*named, *more])}"
