"""Published forms of pairs. Each is one file here, found by its name, with a `FORM` that reads its records as a stream.

A record that cannot be used is told, with its file and line, and left out; those around it are not lost.
"""

from __future__ import annotations

import importlib
import math
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codeopt.errors import UserError

Record = Mapping[str, Any]
MOST_PROGRAM = 1 << 20
"""Characters of one program; competitions take less, and longer ones are data."""
LANGUAGES = {
    "python": "python", "python3": "python", "py": "python", "cpp": "cpp", "c++": "cpp", "c++14": "cpp", "c++17": "cpp",
}  # fmt: skip


class Unusable(Exception):
    """A record that cannot be used.

    Args:
        why: The kind of fault, one of a few, to be counted.
        detail: What it is here.
    """

    def __init__(self, why: str, detail: str = "") -> None:
        super().__init__(why, detail)
        self.why = why
        self.detail = detail


@dataclass(frozen=True)
class Bad:
    """A record that was left out: its file, its 1-based line (0: the file as a whole), the kind of fault and its detail."""

    file: Path
    line: int
    why: str
    detail: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else str(self.file)
        return f"{where}: {self.why}" + (f" ({self.detail})" if self.detail else "")


@dataclass(frozen=True)
class Case:
    """One test of a program: its stdin and the stdout that is wanted, as texts or as files that hold them."""

    stdin: str | Path
    stdout: str | Path


@dataclass(frozen=True)
class Imported:
    """A published pair.

    Attributes:
        file, line: Where it stands.
        form: Name of the form in which `codeopt data export` gives `record` back.
        record: The record, whole, with its fields in their order.
        problem_id, language, kind, function: As for `codeopt.datasets.records.Pair`.
        slow, fast: The two programs, whole.
        names: What they are called there.
        seconds: What each takes, by its source.
        claimed: The speedup, by its source.
        cases: Tests of a program.
        tests: Tests of a function, as the text of a pytest file; it is run in a sandbox only.
        model: Who made the fast one, where it was a model.
        wrong: Why its own source calls the fast one wrong; "" where it does not.
    """

    file: Path
    line: int
    form: str
    record: Record
    problem_id: str
    language: str
    slow: str
    fast: str
    kind: str = "program"
    function: str = ""
    names: tuple[str, str] = ("", "")
    seconds: tuple[float | None, float | None] = (None, None)
    claimed: float | None = None
    cases: tuple[Case, ...] = ()
    tests: str = ""
    model: str = ""
    wrong: str = ""


@dataclass(frozen=True)
class Form:
    """A published form.

    Attributes:
        source: What the data is called, for the card.
        licence: Of the data as it is published; "" where it depends on who made it.
        read: (path, the folder of what the records refer to) -> its records.
        exports: Names of forms that `codeopt data export` writes -> the record of a row of `pairs` that came otherwise.
        columns: Name of a form -> fields that hold what a column of `pairs` holds: they are not kept twice.
    """

    source: str
    licence: str
    read: Callable[[Path, Path | None], Iterator[Imported | Bad]]
    exports: Mapping[str, Callable[[Record], dict[str, Any]]] = field(default_factory=dict)
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def names() -> tuple[str, ...]:
    """The forms that there are, as they are called on the command line."""
    found = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return tuple(name.replace("_", "-") for name in found if not name.startswith("_"))


def find(name: str) -> Form:
    """A form by its name. Raises UserError where there is none."""
    if name not in names():
        raise UserError(f"there is no form {name!r} to import", f"one of {', '.join(names())}")
    form: Form = importlib.import_module(f"{__name__}.{name.replace('-', '_')}").FORM
    return form


def text(record: Record, key: str, default: str | None = None) -> str:
    """A field that is text; null is as if it were not there. Raises Unusable where it is not, or is missing without a default."""
    value = record.get(key)
    if value is None and default is not None:
        return default
    if value is None:
        raise Unusable("missing field", key)
    if not isinstance(value, str):
        raise Unusable("wrong type", f"{key} is {_kind(value)}, not text")
    return whole(value, key)


def name_of(record: Record, key: str, default: str | None = None) -> str:
    """A field that names something: text, or a whole number. Raises Unusable."""
    value = record.get(key)
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else text(record, key, default)


def number(record: Record, key: str) -> float | None:
    """A field that is a number; None where it is null, NaN, infinite or not there. Raises Unusable where it is something else."""
    value = record.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unusable("wrong type", f"{key} is {_kind(value)}, not a number")
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def claim(record: Record, key: str) -> float | None:
    """A field that is a speedup; None where it says nothing. Raises Unusable where it is no number."""
    found = number(record, key)
    return found if found and found > 0 else None


def program(record: Record, key: str) -> str:
    """A field that is a program. Raises Unusable where it cannot be one."""
    return checked(text(record, key), key)


def checked(source: str, name: str) -> str:
    """A program's text. Raises Unusable where it is empty, holds NUL bytes or is far too long."""
    if not source.strip():
        raise Unusable("no program", f"{name} is empty")
    if "\0" in source:
        raise Unusable("NUL byte", f"in {name}")
    if len(source) > MOST_PROGRAM:
        raise Unusable("too long", f"{name} has {len(source)} characters")
    return whole(source, name)


def whole(value: str, name: str) -> str:
    """A text that a file can hold. Raises Unusable where it has half a surrogate pair."""
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise Unusable("lone surrogate", f"in {name}") from None
    return value


def language_of(record: Record, source: str, key: str = "language") -> str:
    """The language that a record names, or that its program shows. Raises Unusable for one that codeopt does not run."""
    named = text(record, key, "")
    if not named:
        return "cpp" if "#include" in source else "python"
    found = LANGUAGES.get(named.lower())
    if found is None:
        raise Unusable("language", named[:40])
    return found


def ratio(slow: float | None, fast: float | None) -> float | None:
    """How much faster, from two times; None where they say nothing."""
    return slow / fast if slow and fast and slow > 0 and fast > 0 else None


def text_of(file: Path, root: Path) -> str:
    """A program that lies in a file of the data. Raises Unusable where there is none, or it leads out of `root`."""
    if not file.resolve().is_relative_to(root.resolve()):
        raise Unusable("leads out of the data", file.name)
    try:
        with file.open("rb") as opened:
            data = opened.read(4 * MOST_PROGRAM + 1)
        return data.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise Unusable("not UTF-8", f"{file.name}, byte {error.start}") from None
    except OSError as error:
        raise Unusable("no program", f"{file.name}: {error.strerror}") from None


def each(found: Iterable[tuple[int, Record] | Bad], file: Path, make: Callable[[int, Record], Imported]) -> Iterator[Imported | Bad]:
    """The records of a file as pairs; what `make` finds unusable is told."""
    for one in found:
        if isinstance(one, Bad):
            yield one
            continue
        line, record = one
        try:
            yield make(line, record)
        except Unusable as error:
            yield Bad(file, line, error.why, error.detail)


def _kind(value: Any) -> str:
    kinds = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list", dict: "an object"}
    return kinds[type(value)]
