"""The corpus: each file is a whole candidate that begins with a comment header of `key: value` lines.

The files are read as text and never imported here. docs/audit.md says how to add one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from codeopt.errors import UserError
from codeopt.sandbox.audit.tasks import TASKS
from codeopt.types import Status

HERE = Path(__file__).resolve().parent
ROWS = range(1, 23)  # the kinds of cheats
NEEDS = ("isolated", "gpu", "g++", "numpy", "torch", "triton")
VERDICTS = ("confirm", "search")
_KEYS = {"title", "task", "expect", "needs", "threads", "verdict"}
_MARKS = {".py": "#", ".cpp": "//"}
_LINE = re.compile(r"([a-z]+):\s*(.*)")
_EXPLOIT = re.compile(r"r(\d\d)_[a-z0-9_]+")
_CONTROL = re.compile(r"[a-z][a-z0-9_]*")

CAUGHT = frozenset(Status) - {Status.OK}
SAME = frozenset({Status.OK, Status.NOT_FASTER})


@dataclass(frozen=True)
class Entry:
    """One program of the corpus.

    Attributes:
        name: The file's name without its suffix.
        row: The kind of cheat, 1..22; 0 for an honest control.
        title: One line: what it tries.
        task: Name of the task that it answers.
        expect: As in the header: "caught", "ok", "same", or statuses.
        statuses: The same, spelt out: a verdict with any of these is as expected.
        needs: What the machine or the sandbox must have; else the entry is skipped.
        threads: Threads of both sides; 0 for the task's own.
        verdict: "confirm" for the verdict that a report quotes, "search" for the one that the search learns from.
        source: The whole text.
        suffix: ".py" or ".cpp".
    """

    name: str
    row: int
    title: str
    task: str
    expect: str
    statuses: frozenset[Status]
    needs: frozenset[str]
    threads: int
    verdict: str
    source: str
    suffix: str

    @property
    def kind(self) -> str:
        """ "exploit" or "control"."""
        return "exploit" if self.row else "control"


def corpus(folder: Path = HERE) -> list[Entry]:
    """All entries under `folder`/exploits and `folder`/controls, exploits by row first. Raises UserError."""
    entries = [
        read(path, kind == "exploits")
        for kind in ("exploits", "controls")
        for path in sorted((folder / kind).glob("*"))
        if path.suffix in _MARKS
    ]
    if not entries:
        raise UserError(f"there is no corpus in {folder}", "a folder with exploits/ and controls/ is needed")
    return entries


def choose(entries: Iterable[Entry], only: str = "", rows: Iterable[int] = ()) -> list[Entry]:
    """Those whose name fits one of the comma-separated globs, in these rows. Raises UserError where none does."""
    patterns, wanted = [part.strip() for part in only.split(",") if part.strip()], set(rows)
    chosen = [
        entry
        for entry in entries
        if (not patterns or any(fnmatch(entry.name, pattern) for pattern in patterns))
        and (not wanted or entry.row in wanted)
    ]
    if not chosen:
        raise UserError("no entry of the corpus is chosen", "codeopt audit --list shows their names and rows")
    return chosen


def header(text: str, suffix: str, where: str) -> dict[str, str]:
    """The `key: value` comment lines that a file begins with. Raises UserError on anything else there."""
    mark = _MARKS[suffix]
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.startswith(mark):
            break
        match = _LINE.fullmatch(line.removeprefix(mark).strip())
        if match is None:
            raise UserError(f"{where}, line {number}: not `{mark} key: value`", "an empty line ends the header")
        key, value = match.groups()
        if key not in _KEYS:
            raise UserError(f"{where}, line {number}: no such key {key!r}", f"one of: {', '.join(sorted(_KEYS))}")
        if key in found:
            raise UserError(f"{where}, line {number}: {key!r} stands there twice", "leave one of the two lines")
        found[key] = value.strip()
    for key in ("title", "task", "expect"):
        if not found.get(key):
            raise UserError(f"{where}: the header has no {key!r}", f"begin the file with `{mark} {key}: ...`")
    return found


def read(path: Path, exploit: bool) -> Entry:
    """One file of the corpus. Raises UserError where its name or its header is not as it should be."""
    where = f"{path.parent.name}/{path.name}"
    named = (_EXPLOIT if exploit else _CONTROL).fullmatch(path.stem)
    if named is None:
        form = "rNN_name" if exploit else "name"
        raise UserError(f"{where}: not a name of the form {form}", "small letters, digits and underscores")
    row = int(named.group(1)) if exploit else 0
    if exploit and row not in ROWS:
        raise UserError(f"{where}: there is no row {row}", f"rows are {ROWS.start:02} to {ROWS.stop - 1}")
    source = path.read_text(encoding="utf-8", errors="surrogateescape")
    found = header(source, path.suffix, where)
    if found["task"] not in TASKS:
        raise UserError(f"{where}: no task {found['task']!r}", f"one of: {', '.join(TASKS)}")
    if path.suffix != TASKS[found["task"]].suffix:
        raise UserError(f"{where}: the task {found['task']} is in another language", "rename the file")
    return Entry(
        name=path.stem,
        row=row,
        title=found["title"],
        task=found["task"],
        expect=found["expect"],
        statuses=_statuses(found["expect"], exploit, where),
        needs=_listed(found.get("needs", ""), NEEDS, f"{where}: needs"),
        threads=_number(found.get("threads", "0"), where),
        verdict=next(iter(_listed(found.get("verdict", "confirm"), VERDICTS, f"{where}: verdict"))),
        source=source,
        suffix=path.suffix,
    )


def _listed(text: str, known: Iterable[str], what: str) -> frozenset[str]:
    parts = frozenset(part.strip() for part in text.split(",") if part.strip())
    if parts - set(known):
        raise UserError(f"{what}: {', '.join(sorted(parts - set(known)))}", f"known are: {', '.join(known)}")
    return parts


def _statuses(text: str, exploit: bool, where: str) -> frozenset[Status]:
    words = {"caught": CAUGHT} if exploit else {"ok": frozenset({Status.OK}), "same": SAME}
    if text in words:
        return words[text]
    known = [str(status) for status in Status if status in CAUGHT] if exploit else []
    if not known:
        raise UserError(f"{where}: a control cannot expect {text!r}", "ok, or same (never refused as different)")
    return frozenset(Status(name) for name in _listed(text, known, f"{where}: expect"))


def _number(text: str, where: str) -> int:
    if not text.isdigit():
        raise UserError(f"{where}: threads: {text!r} is not a number", "leave it out for the task's own")
    return int(text)
