"""Other texts for a program's stdin, made from a text that it is known to read.

What looks like a rule of the format is kept, since a program owes nothing on inputs that break it: counts ahead of the
lines or tokens that they count, sorted lines, lines of distinct values, columns of which one is never below another,
and the range of the numbers in a column or line. A text with several numbers on its first line and no count that can
be told for certain keeps its number of lines.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_DIGITS = re.compile(r"\d+", re.ASCII)
TRIES = 12  # for each text that is wanted
FEW = 3  # rows or values from which a rule is read


def mutations(text: bytes, count: int, seed: int) -> list[bytes]:
    """Up to `count` distinct texts that differ from `text`; the same for the same seed.

    At least one where the text holds a number outside of a count, or lines that can be moved; [] for what is not UTF-8.
    """
    try:
        original = text.decode("utf-8")
    except UnicodeDecodeError:
        return []
    rng = random.Random(seed)
    found: dict[str, None] = {}
    lines = original.split("\n")
    for _ in range(TRIES * count):
        if len(found) >= count:
            break
        sheet = Sheet.of(lines)
        for _ in range(rng.choice((1, 1, 2, 4))):
            rng.choice(_EDITS)(sheet, rng)
        made = sheet.text()
        if made != original:
            found[made] = None
    if not found and leading_count(original) is None:
        # Nothing but what may be a count: then any number will do.
        for _ in range(TRIES):
            sheet = Sheet.of(lines)
            _any_number(sheet, rng)
            if (made := sheet.text()) != original:
                return [made.encode("utf-8")]
    return [made.encode("utf-8") for made in found]


def leading_count(text: str) -> int | None:
    """Index of the token of the first line that counts the lines after it; None where there is none for certain.

    Not for certain: two numbers would fit, or the lines are as wide as they are many (a square).
    """
    return Sheet.of(text.split("\n")).line_count()


@dataclass
class Sheet:
    """A text as lines of tokens with the gaps between them.

    `tail` is what follows the last line that has tokens; `counts_lines` whether the first line counted the others
    before any edit: edits make texts that look as if it did.
    """

    rows: list[list[str]]
    gaps: list[list[str]]
    tail: str
    counts_lines: bool = field(init=False)

    def __post_init__(self) -> None:
        self.counts_lines = self.line_count() is not None

    @classmethod
    def of(cls, lines: list[str]) -> Sheet:
        used = max((i + 1 for i, line in enumerate(lines) if line.strip()), default=0)
        parts = [re.split(r"(\s+)", line) for line in lines[:used]]
        # Odd parts are white space; an empty first or last part stands for white space at the edge.
        rows = [[part for part in line[::2] if part] for line in parts]
        gaps = [_gaps(line) for line in parts]
        return cls(rows, gaps, "".join("\n" + line for line in lines[used:]))

    def text(self) -> str:
        return "\n".join(_join(row, gaps) for row, gaps in zip(self.rows, self.gaps)) + self.tail

    def structured(self) -> bool:
        """Whether the first line holds whole numbers only: then it may say how much follows."""
        return bool(self.rows and self.rows[0]) and all(_INTEGER.fullmatch(word) for word in self.rows[0])

    def line_count(self) -> int | None:
        if not self.structured() or len(self.rows) < 2 or not all(self.rows):
            return None
        number = len(self.rows) - 1
        fitting = [j for j, word in enumerate(self.rows[0]) if word == str(number)]
        square = number > 1 and all(len(row) == number for row in self.rows[1:])
        return fitting[0] if len(fitting) == 1 and not square else None

    def token_count(self, line: int) -> int | None:
        """Index of the token of `line` that counts the tokens of the next line; None where none does for certain.

        For certain: the line has no other token, or the text no other line; and the next line is no count itself.
        """
        if line + 1 >= len(self.rows) or not self.rows[line + 1] or self.counts_lines:
            return None
        alone = len(self.rows[line]) == 1 and len(self.rows[line + 1]) not in map(len, self.rows[line + 2 : line + 3])
        if not (alone if line else len(self.rows) == 2):
            return None
        if any(self.may_count(line + 1, j) for j in range(len(self.rows[line + 1]))):
            return None
        fitting = [j for j, word in enumerate(self.rows[line]) if word == str(len(self.rows[line + 1]))]
        return fitting[0] if len(fitting) == 1 else None

    def may_count(self, line: int, index: int) -> bool:
        """Whether a number may say how many lines or tokens come after it."""
        word = self.rows[line][index]
        if line + 1 >= len(self.rows) or not _INTEGER.fullmatch(word):
            return False
        if line == 0 and self.structured():
            return True
        number = int(word)
        if number == len(self.rows[line + 1]):
            return True
        block = [len(row) for row in self.rows[line + 1 : line + 1 + number]] if 0 < number <= len(self.rows) else []
        if not block or len(block) != number or len(set(block)) != 1:
            return False
        after = self.rows[line + 1 + number : line + 2 + number]
        return [len(row) for row in after] != block[:1]

    def alike(self, line: int) -> list[list[str]]:
        """The rows after the first that have as many tokens as `line`, all of them numbers."""
        return [
            row
            for row in self.rows[1:]
            if len(row) == len(self.rows[line]) and all(_NUMBER.fullmatch(word) for word in row)
        ]

    def records(self) -> list[int]:
        """Lines that may change places: all of the same number of tokens, after the first where that is a head."""
        first = 1 if self.structured() and len(self.rows) > 1 else 0
        lines = list(range(first, len(self.rows)))
        if not first or self.line_count() is not None:
            return lines if not first or len({len(self.rows[i]) for i in lines}) == 1 else []
        counted = any(self.may_count(i, j) for i in lines for j in range(len(self.rows[i])))
        return lines if not counted and len({len(self.rows[i]) for i in lines}) == 1 else []


def _gaps(parts: list[str]) -> list[str]:
    """White space before, between and after the tokens of a line: one more than there are tokens."""
    gaps = parts[1::2]
    if parts[0]:
        gaps.insert(0, "")
    if parts[-1] or len(parts) == 1:
        gaps.append("")
    return gaps


def _join(row: list[str], gaps: list[str]) -> str:
    return gaps[0] + "".join(word + gap for word, gap in zip(row, gaps[1:])) if gaps else "".join(row)


# --- edits ------------------------------------------------------------------------------------------------


def _change_number(sheet: Sheet, rng: random.Random) -> None:
    # Tried at random places: texts may be long, and this is done often.
    for _ in range(10 * TRIES):
        line = rng.randrange(len(sheet.rows)) if sheet.rows else 0
        index = rng.randrange(len(sheet.rows[line])) if sheet.rows and sheet.rows[line] else -1
        if index >= 0 and _NUMBER.fullmatch(sheet.rows[line][index]) and not sheet.may_count(line, index):
            break
    else:
        return
    row = sheet.rows[line]
    new = _other(row[index], *_range(sheet, line, index), rng)
    if line == 0 or len(row) < FEW:
        kept = _columns_hold(sheet, line, index, new)
    else:
        kept = _columns_hold(sheet, line, index, new) and _line_holds(row, index, new)
    if kept:
        row[index] = new
        if len(row) >= FEW and _rising([*row[:index], *row[index + 1 :]]):
            row.sort(key=float)


def _any_number(sheet: Sheet, rng: random.Random) -> None:
    places = [(i, j) for i, row in enumerate(sheet.rows) for j, word in enumerate(row) if _DIGITS.search(word)]
    if places:
        line, index = rng.choice(places)
        word = sheet.rows[line][index]
        spot = rng.choice([match.span() for match in _DIGITS.finditer(word)])
        sheet.rows[line][index] = word[: spot[0]] + _other(word[slice(*spot)], None, None, rng) + word[spot[1] :]


def _permute_tokens(sheet: Sheet, rng: random.Random) -> None:
    lines = [
        i
        for i, row in enumerate(sheet.rows)
        if len(row) >= FEW and not (i == 0 and sheet.structured()) and not _rising(row) and not _is_record(sheet, i)
    ]
    if lines:
        rng.shuffle(sheet.rows[rng.choice(lines)])


def _resize_line(sheet: Sheet, rng: random.Random) -> None:
    """One token more or less in a line whose number of tokens stands in the line before."""
    lines = [i for i in range(len(sheet.rows) - 1) if sheet.token_count(i) is not None]
    if not lines:
        return
    line = rng.choice(lines)
    count, row, gaps = sheet.token_count(line), sheet.rows[line + 1], sheet.gaps[line + 1]
    assert count is not None
    place = rng.randrange(len(row))
    if len(row) > 1 and rng.random() < 0.5:
        del row[place], gaps[place if place else 1]
    elif len(row) >= FEW and len(set(row)) == len(row):
        return  # distinct values stay so
    else:
        row.insert(place, row[place])
        gaps.insert(1, gaps[1] if len(gaps) > 2 else " ")
    sheet.rows[line][count] = str(len(row))


def _swap_lines(sheet: Sheet, rng: random.Random) -> None:
    lines = sheet.records()
    firsts = [sheet.rows[i][0] for i in lines if sheet.rows[i]]
    if len(lines) >= 2 and not (len(firsts) >= FEW and _rising(firsts)):
        a, b = rng.sample(lines, 2)
        for part in (sheet.rows, sheet.gaps):
            part[a], part[b] = part[b], part[a]


def _repeat_line(sheet: Sheet, rng: random.Random) -> None:
    lines, count = sheet.records(), sheet.line_count() if sheet.counts_lines else None
    if not lines or (sheet.structured() and count is None):
        return
    firsts = [sheet.rows[i][0] for i in lines if sheet.rows[i]]
    if len(firsts) >= FEW and len(set(firsts)) == len(firsts):
        return  # what looks like a key stays one
    line = rng.choice(lines)
    sheet.rows.insert(line, list(sheet.rows[line]))
    sheet.gaps.insert(line, list(sheet.gaps[line]))
    if count is not None:
        sheet.rows[0][count] = str(len(sheet.rows) - 1)


def _drop_line(sheet: Sheet, rng: random.Random) -> None:
    lines, count = sheet.records(), sheet.line_count() if sheet.counts_lines else None
    if len(lines) < 2 or (sheet.structured() and count is None):
        return
    line = rng.choice(lines if count is not None else lines[1:])  # the first may be a heading
    del sheet.rows[line], sheet.gaps[line]
    if count is not None:
        sheet.rows[0][count] = str(len(sheet.rows) - 1)


_EDITS: tuple[Callable[[Sheet, random.Random], None], ...] = (
    _change_number,
    _change_number,
    _change_number,
    _permute_tokens,
    _resize_line,
    _swap_lines,
    _repeat_line,
    _drop_line,
)


# --- rules of the format ----------------------------------------------------------------------------------


def _is_record(sheet: Sheet, line: int) -> bool:
    """Whether a line is one of many of the same width: its columns mean something."""
    return line > 0 and sum(len(row) == len(sheet.rows[line]) for row in sheet.rows[1:]) >= FEW


def _range(sheet: Sheet, line: int, index: int) -> tuple[float | None, float | None]:
    """The least and greatest value to put there: of the column, else of the line, else up to a number of the head."""
    rows = sheet.alike(line)
    numbers = [float(row[index]) for row in rows] if len(rows) >= FEW and line > 0 else []
    if not numbers and len(sheet.rows[line]) >= FEW:
        numbers = [float(word) for word in sheet.rows[line] if _NUMBER.fullmatch(word)]
    if len(set(numbers)) > 1:
        return min(numbers), max(numbers)
    value = float(sheet.rows[line][index])
    head = [float(word) for word in sheet.rows[0]] if line > 0 and sheet.structured() else []
    return None, max(head) if head and value <= max(head) and max(head) > 1 else None


def _other(word: str, low: float | None, high: float | None, rng: random.Random) -> str:
    """Another number with as many digits at most, the same sign and the same number of decimals."""
    sign = word[0] if word[0] in "+-" else ""
    whole, point, decimals = word.lstrip("+-").partition(".")
    least = 0 if whole.startswith("0") else 10 ** (len(whole) - 1) if low is None else 0
    for _ in range(TRIES):
        digits = str(rng.randint(least, 10 ** len(whole) - 1))
        if len(whole) > 1 and whole.startswith("0"):
            digits = digits.zfill(len(whole))
        new = sign + digits + point + "".join(rng.choice("0123456789") for _ in decimals)
        value = float(new)
        if (low is None or value >= low) and (high is None or value <= high):
            return new
    if low is not None and high is not None and not decimals and not sign:
        return str(rng.randint(int(low), int(high)))
    return word


def _line_holds(row: list[str], index: int, new: str) -> bool:
    """Whether distinct values stay distinct."""
    return len(set(row)) != len(row) or new == row[index] or new not in row


def _columns_hold(sheet: Sheet, line: int, index: int, new: str) -> bool:
    """Whether the new value keeps the order that its column has to each other one, and distinct values distinct."""
    rows = sheet.alike(line) if line > 0 else []
    if len(rows) < FEW:
        return True
    value = float(new)
    column = [row[index] for row in rows]
    if len(set(column)) == len(column) and new != sheet.rows[line][index] and (new in column or _rising(column)):
        return False
    for other in range(len(rows[0])):
        if other == index or not _NUMBER.fullmatch(sheet.rows[line][other]):
            continue
        pairs = [(float(row[index]), float(row[other])) for row in rows]
        beside = float(sheet.rows[line][other])
        orders: tuple[Callable[[float, float], bool], ...] = (
            lambda a, b: a <= b,
            lambda a, b: a >= b,
            lambda a, b: a != b,
        )
        if any(all(order(a, b) for a, b in pairs) and not order(value, beside) for order in orders):
            return False
    return True


def _rising(words: list[str]) -> bool:
    """Whether these are numbers in rising order."""
    if not all(_NUMBER.fullmatch(word) for word in words):
        return False
    values = [float(word) for word in words]
    return all(a <= b for a, b in pairwise(values))
