"""What the compiler says about loops that it did or did not vectorise, as notes on profile rows.

GCC: `-fopt-info-vec-missed -fopt-info-vec-optimized`; clang: `-Rpass=loop-vectorize -Rpass-missed=loop-vectorize
-Rpass-analysis=loop-vectorize`. Both write to stderr while compiling. Sources: GCC manual, Developer Options;
LLVM's "Auto-Vectorization in LLVM", Diagnostics.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterable

from codeopt.types import Profile, ProfileRow

GCC_FLAGS = ("-fopt-info-vec-missed", "-fopt-info-vec-optimized")
CLANG_FLAGS = ("-Rpass=loop-vectorize", "-Rpass-missed=loop-vectorize", "-Rpass-analysis=loop-vectorize")

_REMARK = re.compile(
    r"(?P<file>[^\s:][^:\n]*):(?P<line>\d+):(?P<col>\d+): (?P<kind>remark|missed|optimized|note): +(?P<text>.+)"
)
_NOISE = re.compile(
    r"\*\*\*\*\* |(?:statement|stmt) clobbers memory|couldn't vectorize loop$|loop not vectorized$"
    r"|not vectorized: no vectype for stmt|Cannot (?:SLP|analyze)|not vectorized: no grouped stores"
)


def remark_flags(compiler: str) -> tuple[str, ...]:
    """The flags that make a compiler ("g++", "clang++-14", a path) say what it did."""
    return CLANG_FLAGS if "clang" in posixpath.basename(compiler) else GCC_FLAGS


def parse_remarks(text: str, files: Collection[str] = ()) -> tuple[ProfileRow, ...]:
    """Rows with `file`, `line` and `note` from a compiler's stderr, one a line of source, in the order of the lines.

    Args:
        text: What the compiler wrote.
        files: The user's source files, matched by path, then by base name; remarks on others are dropped. With
            none given every file counts.
    """
    notes: dict[tuple[str, int], list[str]] = {}
    for raw in text.splitlines():
        m = _REMARK.match(raw)
        if m is None or m["kind"] == "note":
            continue
        name = _own(m["file"], files)
        said = _tidy(m["text"], m["kind"])
        if name and said:
            held = notes.setdefault((name, int(m["line"])), [])
            if said not in held:
                held.append(said)
    return tuple(
        ProfileRow(file=file, line=line, note="; ".join(_first(held)))
        for (file, line), held in sorted(notes.items())
    )


def merge_remarks(profile: Profile, rows: Iterable[ProfileRow], hot: float = 0.01, near: int = 3) -> Profile:
    """The profile with the remarks as notes of its hot lines.

    A remark on a loop's head belongs to the hot lines of its body too: it goes to the hottest row with at least the
    share `hot` at most `near` lines below it. Remarks with no hot line near are dropped. Function rows stay as they are.
    """
    notes: dict[int, list[str]] = {}
    for remark in rows:
        best = -1
        for i, row in enumerate(profile.rows):
            close = row.file == remark.file and 0 <= row.line - remark.line <= near and row.line > 0
            if (
                close
                and row.share >= hot
                and (best < 0 or _rank(row, remark) > _rank(profile.rows[best], remark))
            ):
                best = i
        if best >= 0 and remark.note not in notes.setdefault(best, []):
            notes[best].append(remark.note)
    merged = []
    for i, row in enumerate(profile.rows):
        note = "; ".join(dict.fromkeys([*([row.note] if row.note else []), *notes.get(i, [])]))
        merged.append(row.model_copy(update={"note": note}) if note != row.note else row)
    return profile.model_copy(update={"rows": tuple(merged)})


def _rank(row: ProfileRow, remark: ProfileRow) -> tuple[bool, float]:
    return row.line == remark.line, row.share


def _own(path: str, files: Collection[str]) -> str:
    if not files or path in files:
        return path
    base = posixpath.basename(path)
    return next((f for f in files if posixpath.basename(f) == base), "")


def _tidy(text: str, kind: str) -> str:
    """One remark in few words, "" for one that says nothing."""
    text = re.sub(r"\s*\[-R[\w=-]+\]$", "", text.strip())
    text = re.sub(r"^(?:the cost-model indicates that )?loop not vectorized: ", "not vectorized: ", text)
    if _NOISE.search(text):
        return ""
    return text if kind == "optimized" or "ectoriz" in text else f"not vectorized: {text}"


def _first(held: list[str], limit: int = 3) -> list[str]:
    """The most telling remarks: what was vectorised first, then reasons; a line can have dozens."""
    done = [h for h in held if re.match(r"(?:loop )?vectorized|basic block", h)]
    return [*done, *(h for h in held if h not in done)][:limit]
