"""Two versions of a program beside each other, with its syntax in colours and the words that changed marked."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import eq
from typing import Any

from markupsafe import Markup

from codeopt.page.html import escaped, seen

CONTEXT = 3
"""Equal lines around a change."""
MOST_COLOURED = 200_000
"""Characters of a program whose syntax is coloured."""
MOST_COMPARED = 2_000_000
"""Lines of one side times lines of the other between the first and the last difference; where it is more, all of that changed."""
MOST_ROWS = 4000
MOST_WIDE = 2000
"""Characters of a line that are shown."""
IN_PLACE = 0.7
"""Share of equal lines, one by one, from which on two texts of the same length are compared so."""
ALIKE = 0.4
"""From this ratio on the words of two lines are compared."""
NOTHING = Markup("")
_WORDS = re.compile(r"\w+|\s+|[^\w\s]")
Opcode = tuple[str, int, int, int, int]
Pieces = list[tuple[str, str]]
"""Of a line: (class, text)."""


@dataclass(frozen=True)
class Row:
    """A row of two sides.

    Attributes:
        kind: "same", "changed", or "skip" for lines that are left out.
        left, right: Line numbers from 1; 0 where a side has no such line.
        old, new: The lines as HTML.
        note: Of "skip": what is left out.
    """

    kind: str
    left: int = 0
    right: int = 0
    old: Markup = NOTHING
    new: Markup = NOTHING
    note: str = ""


def lines_of(text: str) -> list[str]:
    """The lines without their ends; a last line without one counts as any other."""
    lines = text.split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def opcodes(old: Sequence[str], new: Sequence[str], most: int = MOST_COMPARED) -> list[Opcode]:
    """As `difflib` gives them; what begins and ends equal is set aside first."""
    shorter = min(len(old), len(new))
    start = next((i for i in range(shorter) if old[i] != new[i]), shorter)
    rest = shorter - start
    end = next((i for i in range(rest) if old[-1 - i] != new[-1 - i]), rest)
    a, b = old[start : len(old) - end], new[start : len(new) - end]
    found: list[Opcode] = [("equal", 0, start, 0, start)] if start else []
    if len(a) == len(b) and sum(map(eq, a, b)) > IN_PLACE * len(a):
        # Lines were changed where they stand: there is nothing to search for.
        for same, places in groupby(range(len(a)), lambda place: a[place] == b[place]):
            first, *others = places
            last = others[-1] if others else first
            found.append(("equal" if same else "replace", start + first, start + last + 1, start + first, start + last + 1))
    elif len(a) * len(b) > most:
        found.append(("replace", start, start + len(a), start, start + len(b)))
    elif a or b:
        found += [(tag, start + i, start + j, start + k, start + m) for tag, i, j, k, m in difflib.SequenceMatcher(None, a, b).get_opcodes()]
    if end:
        found.append(("equal", len(old) - end, len(old), len(new) - end, len(new)))
    return found


def hunks(codes: Sequence[Opcode], context: int) -> Iterator[list[Opcode]]:
    """The changes with equal lines around them, those near to each other together."""
    group: list[Opcode] = []
    for place, (tag, i, j, k, m) in enumerate(codes):
        if tag != "equal":
            group.append((tag, i, j, k, m))
            continue
        if group:
            after = min(context, j - i)
            if place + 1 < len(codes) and j - i <= 2 * context:
                group.append((tag, i, j, k, m))
                continue
            yield [*group, (tag, i, i + after, k, k + after)]
        before = min(context, j - i)
        group = [(tag, j - before, j, m - before, m)] if place + 1 < len(codes) else []
    if any(tag != "equal" for tag, *_ in group):
        yield group


def changed(old: str, new: str) -> tuple[set[int], set[int]]:
    """(lines of `old` that are gone or changed, lines of `new` that were not there so), from 1."""
    gone: set[int] = set()
    made: set[int] = set()
    for tag, i, j, k, m in opcodes(lines_of(old), lines_of(new)):
        if tag != "equal":
            gone |= set(range(i + 1, j + 1))
            made |= set(range(k + 1, m + 1))
    return gone, made


def side_by_side(old: str, new: str, name: str) -> list[Row]:
    """The changes between two programs; `name` is the file's, which says what language they are in."""
    a, b = lines_of(old), lines_of(new)
    left, right = coloured(old, name), coloured(new, name)
    rows: list[Row] = []
    at = 0
    for hunk in hunks(opcodes(a, b), CONTEXT):
        if hunk[0][1] > at:
            rows.append(Row("skip", note=_lines(hunk[0][1] - at)))
        at = hunk[-1][2]
        for tag, i, j, k, m in hunk:
            for place in range(max(j - i, m - k)):
                x, y = i + place, k + place
                has_old, has_new = x < j, y < m
                gone, made = _words(a[x], b[y]) if tag == "replace" and has_old and has_new else ([], [])
                rows.append(
                    Row(
                        "same" if tag == "equal" else "changed", x + 1 if has_old else 0, y + 1 if has_new else 0,
                        _line(left[x], gone, "del") if has_old else NOTHING, _line(right[y], made, "ins") if has_new else NOTHING,
                    )
                )  # fmt: skip
        if len(rows) > MOST_ROWS:
            return [*rows[:MOST_ROWS], Row("skip", note="the rest is in best.patch")]
    if rows and at < len(a):
        rows.append(Row("skip", note=_lines(len(a) - at)))
    return rows


def unified(old: str, new: str, *, context: int = 2, most: int = 120) -> list[tuple[str, str]]:
    """(class, line) of the changes: "gone", "new", "" or "skip"; `most` lines of them."""
    a, b = lines_of(old), lines_of(new)
    found: list[tuple[str, str]] = []
    for hunk in hunks(opcodes(a, b, MOST_COMPARED // 10), context):
        found.append(("skip", f"line {hunk[0][1] + 1}"))
        for tag, i, j, k, m in hunk:
            if tag == "equal":
                found += [("", f"  {line[:MOST_WIDE]}") for line in a[i:j]]
            else:
                found += [("gone", f"- {line[:MOST_WIDE]}") for line in a[i:j]] + [("new", f"+ {line[:MOST_WIDE]}") for line in b[k:m]]
        if len(found) > most:
            return [*found[:most], ("skip", "… more lines changed")]
    return found


def listed(lines: Sequence[tuple[str, str]]) -> Markup:
    """Lines of `unified` as HTML. A run has hundreds of such lists: they are joined here, and not by a template."""
    html = Markup.escape(seen("\n".join(line for _, line in lines))).split("\n")
    spans = (f'<span class="{style}">{line}</span>' if style else f"<span>{line}</span>" for (style, _), line in zip(lines, html, strict=True))
    return Markup(f'<div class="lines">{"".join(spans)}</div>')


def coloured(text: str, name: str) -> list[Pieces]:
    """The lines of a program in pieces of one class each."""
    lines: list[Pieces] = [[]]
    for kind, piece in _tokens(text, name):
        first, *others = piece.split("\n")
        lines[-1].append((kind, first))
        lines += [[(kind, other)] for other in others]
    return lines


def _tokens(text: str, name: str) -> Iterator[tuple[str, str]]:
    lexer = _lexer(name) if len(text) <= MOST_COLOURED else None
    if lexer is None:
        yield "", text
        return
    from pygments.token import Comment, Keyword, Name, Number, Operator, String

    classes = ((Comment, "c"), (Keyword, "k"), (Operator.Word, "k"), (String, "s"), (Number, "m"), (Name.Function, "f"), (Name.Class, "f"))
    known: dict[Any, str] = {}
    # The other methods strip and rewrite lines first; these are the text's own.
    for _, kind, piece in lexer.get_tokens_unprocessed(text):
        if kind not in known:
            known[kind] = next((short for of, short in classes if kind in of), "")
        yield known[kind], piece


def _lexer(name: str) -> Any:
    suffix = name.rpartition(".")[2].lower()
    if suffix in ("py", "pyi"):
        from pygments.lexers.python import PythonLexer

        return PythonLexer()
    if suffix in ("c", "cc", "cpp", "cxx", "h", "hpp", "cu", "cuh"):
        from pygments.lexers.c_cpp import CppLexer

        return CppLexer()
    return None


def _words(old: str, new: str) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """What of two lines differs, as ranges of characters of each; nothing where they have little in common."""
    if max(len(old), len(new)) > MOST_WIDE // 2:
        return [], []
    a, b = _WORDS.findall(old), _WORDS.findall(new)
    matcher = difflib.SequenceMatcher(None, a, b, autojunk=False)
    if matcher.ratio() < ALIKE:
        return [], []
    starts = [[0], [0]]
    for words, sums in zip((a, b), starts):
        for word in words:
            sums.append(sums[-1] + len(word))
    gone, made = [], []
    for tag, i, j, k, m in matcher.get_opcodes():
        if tag != "equal":
            gone.append((starts[0][i], starts[0][j]))
            made.append((starts[1][k], starts[1][m]))
    return gone, made


def _line(pieces: Pieces, marked: Sequence[tuple[int, int]], tag: str) -> Markup:
    """A line as HTML: classes inside, marks around."""
    cuts = sorted({place for pair in marked for place in pair})
    out: list[Markup] = []
    at = 0
    for kind, text in pieces:
        for part in _cut(text, at, cuts):
            html = escaped(part)
            if kind:
                html = Markup("<span class={}>{}</span>").format(kind, html)
            if any(low <= at < high for low, high in marked):
                html = Markup("<{0}>{1}</{0}>").format(Markup(tag), html)
            out.append(html)
            at += len(part)
            if at > MOST_WIDE:
                return Markup("").join([*out, Markup(" …")])
    return Markup("").join(out) or Markup(" ")


def _cut(text: str, at: int, cuts: Sequence[int]) -> Iterator[str]:
    """The text, which begins at that place, in parts between the cuts and of no more than can be shown."""
    here = 0
    for cut in (place - at for place in cuts):
        if here < cut < len(text):
            yield text[here:cut]
            here = cut
    rest = text[here:][: MOST_WIDE + 1]
    if rest:
        yield rest


def _lines(count: int) -> str:
    return f"{count:,} equal line{'s' if count != 1 else ''}"
