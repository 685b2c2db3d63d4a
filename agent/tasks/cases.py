"""A folder of stdin/stdout pairs, by the names that are in common use."""

from __future__ import annotations

import re
from pathlib import Path

from codeopt.errors import UserError
from codeopt.types import Record

_NAMES = "1.in + 1.out, 1.in + 1.ans, input.1.txt + output.1.txt, or in/1.txt + out/1.txt"
_BY_SUFFIX = {".in": "in", ".out": "out", ".ans": "out", ".inp": "in", ".stdin": "in", ".stdout": "out"}
_BY_WORD = re.compile(
    r"^(?P<word>input|output|in|out|answer|ans)(?:[._-](?!txt$|dat$)|(?=\d)|(?=\.|$))(?P<name>.+?)?(?P<suffix>\.txt|\.dat)?$"
)
_FOLDERS = {"in": "in", "input": "in", "inputs": "in", "out": "out", "output": "out", "outputs": "out"}


class Case(Record):
    """One pair. `name` is what both files share; both are paths of files that exist."""

    name: str
    stdin: str
    stdout: str


def read_cases(folder: Path) -> tuple[Case, ...]:
    """The pairs in `folder`, in natural order of their names ("2" before "10").

    Raises:
        UserError: No such folder, no pairs in it, or a file without its partner.
    """
    if not folder.exists():
        raise UserError(f"no such cases folder: {folder}", f"it holds pairs such as {_NAMES}")
    if not folder.is_dir():
        raise UserError(f"cases is a file, not a folder: {folder}", "name the folder that holds the pairs")
    sides: dict[str, dict[str, Path]] = {"in": {}, "out": {}}
    for path in sorted(folder.rglob("*")):
        side = _side(path, folder)
        if side is None:
            continue
        known = sides[side[0]].setdefault(side[1], path)
        if known != path:
            raise UserError(
                f"two files for case {side[1]!r} in {folder}: {known.name} and {path.name}", "keep one"
            )
    if not sides["in"] and not sides["out"]:
        raise UserError(f"no cases in {folder}", f"it holds pairs such as {_NAMES}")
    for here, there, missing in (("in", "out", "expected output"), ("out", "in", "input")):
        for name, path in sides[here].items():
            if name not in sides[there]:
                raise UserError(f"case without {missing}: {path}", f"pairs look like {_NAMES}")
    return tuple(
        Case(name=name, stdin=str(path), stdout=str(sides["out"][name]))
        for name, path in sorted(sides["in"].items(), key=lambda item: _natural(item[0]))
    )


def _side(path: Path, folder: Path) -> tuple[str, str] | None:
    """("in" or "out", name of the case) of a file; None for a file that is no part of a pair."""
    parts = path.relative_to(folder).parts
    if not path.is_file() or any(part.startswith(".") for part in parts):
        return None
    prefix = "/".join(parts[:-1])
    if len(parts) > 1 and parts[-2] in _FOLDERS:
        side = _FOLDERS[parts[-2]]
        stem = re.sub(r"^(input|output|in|out)[._-]?(?=.)", "", path.name)
        name = stem.rsplit(".", 1)[0] if "." in stem else stem
        return side, "/".join((*parts[:-2], name))
    if path.suffix in _BY_SUFFIX:
        return _BY_SUFFIX[path.suffix], f"{prefix}/{path.stem}".lstrip("/")
    match = _BY_WORD.match(path.name)
    if match and (match["suffix"] or "." not in (match["name"] or "")):
        return ("in" if match["word"].startswith("in") else "out"), f"{prefix}/{match['name'] or ''}".lstrip(
            "/"
        )
    return None


def _natural(name: str) -> list[tuple[int, int, str]]:
    return [
        (0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", name) if part
    ]
