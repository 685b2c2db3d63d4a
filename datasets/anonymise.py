"""A program without its names: `var_0`, `func_0`, `num_0` … in place of what it calls its own, and the way back.

The view is Tokompiler's (Kadosh et al. 2023, "Scope is all you need: transforming LLMs for HPC code"): names that the
file itself binds, numbers and strings become placeholders by kind, comments go; keywords, built-ins and the names of
libraries stay, since they say what the code does. Placeholders are numbered by their first place, or, as in
Tokompiler, drawn at random, so that a model learns no meaning into a number. Unlike there, `main` stays, and the
original comes back whole.

One spelling is one placeholder wherever it stands for something of the file: the view of two programs is the same where
one was made from the other by renaming what it binds, one to one. A placeholder's kind is that of the first place that binds
it: `var`, `arr` (declared with dimensions, or indexed), `func`, `type`, `field`, `mod` (module, namespace), `label`.
"""

from __future__ import annotations

import importlib
import json
import random
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

from codeopt.errors import UserError

if TYPE_CHECKING:
    from tree_sitter import Node

LANGUAGES = {"python": "python", "c": "c", "cpp": "c", "cuda": "c", "fortran": "fortran"}
"""Language -> whose rules say what a name is bound by (`codeopt.datasets.bound_RULES`)."""
SUFFIXES = {
    ".py": "python", ".c": "c", ".h": "cpp", ".hh": "cpp", ".hpp": "cpp", ".cpp": "cpp", ".cc": "cpp", ".cxx": "cpp",
    ".cu": "cuda", ".cuh": "cuda", ".f90": "fortran", ".f95": "fortran", ".f03": "fortran", ".f08": "fortran",
}  # fmt: skip
NUMBERS = 1000
"""Random numbers are drawn below this, or below twice as many as are needed."""
_KINDS = ("var", "arr", "func", "type", "field", "mod", "label", "num", "str")
_PLACEHOLDER = re.compile(rf"(?<!\w)(?:{'|'.join(_KINDS)})_\d+(?!\w)")
_SURROGATE = re.compile("[\ud800-\udfff]")
_WORD = re.compile(r"\w")


@dataclass(frozen=True)
class Mark:
    """A place in a text that the view shows otherwise.

    Attributes:
        start, end: Characters, or bytes where the rules of a language make it.
        kind: One of the kinds, or "" for a comment.
        fold: Spellings that differ in their case are one name.
    """

    start: int
    end: int
    kind: str
    fold: bool = False


@dataclass(frozen=True)
class Table:
    """What brings the original back.

    Attributes:
        language: Of the program.
        names: Placeholder -> what stood there (at its first place).
        layout: What the names do not tell, in order: at this character of the view, so many characters stand for this text
            (a comment that was dropped, a space that was put in, another spelling of a name).
    """

    language: str
    names: dict[str, str]
    layout: list[tuple[int, int, str]]

    def to_json(self) -> str:
        """One line of ASCII, whatever the texts hold."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Table:
        """The table in that text. Raises UserError where it is none."""
        try:
            held = json.loads(text)
            names = {str(key): str(value) for key, value in held["names"].items()}
            layout = [(int(at), int(length), str(original)) for at, length, original in held["layout"]]
            return cls(str(held["language"]), names, layout)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise UserError("this is no table of a view", "give the file that --table wrote") from None


@dataclass(frozen=True)
class View:
    """A program as it looks without its names, and its table."""

    text: str
    table: Table


def anonymised(text: str, language: str, seed: int | str | None = None) -> View:
    """The view of one program. What does not parse keeps its names there.

    Args:
        text: The program.
        language: "python", "c", "cpp", "cuda" or "fortran".
        seed: Draw the placeholders' numbers at random; None numbers them by their first place.

    Raises:
        UserError: The language is none of these, or its grammar is not installed.
    """
    return together((text,), language, seed)[0]


def together(texts: Sequence[str], language: str, seed: int | str | None = None) -> list[View]:
    """The views of versions of one program: a name has the same placeholder in all of them. Raises as `anonymised`."""
    marked = [_marks(text, language) for text in texts]
    first: dict[tuple[str, str], tuple[str, str]] = {}  # key -> kind, spelling
    taken: set[str] = set()
    for text, marks in zip(texts, marked):
        at = 0
        for mark in marks:
            taken.update(_PLACEHOLDER.findall(text[at : mark.start]))
            at = mark.end
            if mark.kind:
                spelling = text[mark.start : mark.end]
                first.setdefault(_key(mark, spelling), (mark.kind, spelling))
        taken.update(_PLACEHOLDER.findall(text[at:]))
    placeholders = _numbered([kind for kind, _ in first.values()], taken, seed)
    given = dict(zip(first, placeholders))
    spelled = {name: spelling for name, (_, spelling) in zip(placeholders, first.values())}
    return [_view(text, language, marks, given, spelled) for text, marks in zip(texts, marked)]


def restored(view: View) -> str:
    """The original, character for character."""
    pieces = []
    at = 0
    for start, length, original in view.table.layout:
        pieces += [named(view.text[at:start], view.table.names), original]
        at = start + length
    return "".join((*pieces, named(view.text[at:], view.table.names)))


def named(text: str, names: Mapping[str, str]) -> str:
    """A text with names in place of placeholders: a program that a model wrote from a view, say."""
    return _PLACEHOLDER.sub(lambda match: names.get(match[0], match[0]), text)


def hidden(text: str, names: Mapping[str, str]) -> str:
    """A dotted name as the view with these names shows it."""
    back = {spelling: placeholder for placeholder, spelling in names.items()}
    return ".".join(back.get(part, part) for part in text.split("."))


def walk(root: Node) -> Iterator[Node]:
    """The nodes below and with `root`, in the order of the text."""
    stack = [root]
    while stack:
        node = stack.pop()
        yield node
        stack += reversed(node.children)


def text(node: Node) -> str:
    """The node's text."""
    return (node.text or b"").decode("utf-8", "replace")


def _key(mark: Mark, spelling: str) -> tuple[str, str]:
    """What has one placeholder: numbers and strings apart from names."""
    kind = mark.kind if mark.kind in ("num", "str") else ""
    return kind, spelling.lower() if mark.fold else spelling


def _numbered(kinds: Sequence[str], taken: set[str], seed: int | str | None) -> list[str]:
    """A placeholder for each, none of which is taken."""

    def free(kind: str) -> Iterator[str]:
        numbers: Iterable[int] = count()
        if seed is not None:
            needed = kinds.count(kind) + len(taken)
            numbers = random.Random(f"{seed} {kind}").sample(range(max(NUMBERS, 2 * needed)), needed)
        return (name for number in numbers if (name := f"{kind}_{number}") not in taken)

    rows = {kind: free(kind) for kind in dict.fromkeys(kinds)}
    return [next(rows[kind]) for kind in kinds]


def _view(
    text: str, language: str, marks: Sequence[Mark], given: Mapping[tuple[str, str], str], spelled: Mapping[str, str]
) -> View:
    pieces: list[str] = []
    layout: list[tuple[int, int, str]] = []
    length = 0
    last, changed, dropped = "\n", False, False  # the last character, and whether an edit ended just there

    def put(piece: str, edit: bool) -> None:
        nonlocal length, last, changed, dropped
        if not piece:
            return
        words = (edit or changed) and _WORD.match(last) and _WORD.match(piece[0])
        if words or (dropped and not last.isspace() and not piece[0].isspace()):
            layout.append((length, 1, ""))
            pieces.append(" ")
            length += 1
        if edit and spelled[piece] != original:
            layout.append((length, len(piece), original))
        pieces.append(piece)
        length += len(piece)
        last, changed, dropped = piece[-1], edit, False

    at = 0
    for mark in marks:
        original = text[mark.start : mark.end]
        put(text[at : mark.start], False)
        if mark.kind:
            put(given[_key(mark, original)], True)
        else:
            layout.append((length, 0, original))
            dropped = True
        at = mark.end
    put(text[at:], False)
    whole = "".join(pieces)
    shown = {name: spelled[name] for name in dict.fromkeys(_PLACEHOLDER.findall(whole)) if name in spelled}
    return View(whole, Table(language, shown, layout))


def _marks(text: str, language: str) -> list[Mark]:
    """What the view changes, in order; no two of them overlap."""
    shadow = _SURROGATE.sub("\ufffd", text)  # as long as the text, and it has a UTF-8 form
    raw = shadow.encode()
    rules: Any = importlib.import_module(f"codeopt.datasets.bound_{LANGUAGES[language]}") if language in LANGUAGES else None
    if rules is None:
        raise UserError(f"there is no anonymised view of {language}", f"give one of {', '.join(LANGUAGES)}")
    found = sorted(rules.marks(_parsed(raw, language)), key=lambda mark: (mark.start, -mark.end))
    places = None if len(raw) == len(text) else _characters(shadow)
    marks: list[Mark] = []
    for one in found:
        start, end = (one.start, one.end) if places is None else (places[one.start], places[one.end])
        if not one.kind:
            start, end = _with_layout(text, start, end, marks[-1].end if marks else 0)
        if start < end and (not marks or start >= marks[-1].end):
            marks.append(Mark(start, end, one.kind, one.fold))
    return marks


def _with_layout(text: str, start: int, end: int, least: int) -> tuple[int, int]:
    """A comment with the spaces before it, and with its line where it stands alone in it."""
    before = start
    while before > least and text[before - 1] in " \t":
        before -= 1
    rest = re.compile(r"[ \t]*\r?(\n|\Z)").match(text, end)
    if rest is None:
        return start, end  # the code goes on behind it
    if before == 0 or text[before - 1] == "\n":
        return before, rest.end()
    return (before, end) if not text[start:end].endswith("\n") else (before, end - 1)


def _characters(text: str) -> list[int]:
    """For each byte of the UTF-8 form the character that it belongs to, and one for the end."""
    places: list[int] = []
    for number, char in enumerate(text):
        places += [number] * len(char.encode())
    return [*places, len(text)]


def _parsed(raw: bytes, language: str) -> Node:
    from tree_sitter import Language, Parser

    try:
        grammar: Any = importlib.import_module(f"tree_sitter_{language}")
    except ImportError:
        raise UserError(f"the view of {language} needs tree-sitter-{language}", 'pip install "codeopt[data]"') from None
    return Parser(Language(grammar.language())).parse(raw).root_node
