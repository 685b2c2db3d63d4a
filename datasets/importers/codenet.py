"""Project CodeNet (Puri et al., 2021) as it is unpacked: `metadata/pNNNNN.csv`, `data/pNNNNN/LANGUAGE/sNNN.ext`.

Pairs are made as PIE makes them (Shypula et al., ICLR 2024): one user's accepted programs for a problem in one language,
in the order of their dates, each with the next one where that takes over 10 % less of the judge's CPU time. A problem's
sample (`derived/input_output/data/pNNNNN/input.txt`, `output.txt`) is its only case. Other statuses and languages than
Python and C++ are passed over.
"""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

from codeopt.datasets.importers import LANGUAGES, Bad, Case, Form, Imported, Unusable, checked, text_of
from codeopt.datasets.importers._json import lines
from codeopt.errors import UserError

LESS = 0.10
COLUMNS = (
    "submission_id", "problem_id", "user_id", "date", "language", "original_language", "filename_ext", "status",
    "cpu_time", "memory", "code_size", "accuracy",
)  # fmt: skip
NUMBERS = ("date", "cpu_time", "memory", "code_size")
_PROBLEM = re.compile(r"p\d+")
_SUBMISSION = re.compile(r"s\d+")
_EXTENSION = re.compile(r"\w{1,8}")
Submission = tuple[int, dict[str, str]]


def read(path: Path, companion: Path | None) -> Iterator[Imported | Bad]:
    """The pairs of all problems, problem by problem. Raises UserError where `path` is no CodeNet."""
    metadata = path / "metadata"
    if not metadata.is_dir() or not (path / "data").is_dir():
        raise UserError(f"{path} is no CodeNet", "name the folder that holds metadata and data")
    for file in sorted(metadata.glob("p*.csv")):
        if not _PROBLEM.fullmatch(file.stem):
            continue  # problem_list.csv
        groups: dict[tuple[str, str], list[Submission]] = {}
        for one in _submissions(file):
            if isinstance(one, Bad):
                yield one
            else:
                groups.setdefault((one[1]["user_id"], one[1]["language"]), []).append(one)
        for group in groups.values():
            group.sort(key=lambda one: (int(one[1]["date"]), one[1]["submission_id"]))
            for (_, before), (line, after) in itertools.pairwise(group):
                if int(after["cpu_time"]) < (1 - LESS) * int(before["cpu_time"]):
                    yield _pair(path, file, line, before, after)


def _submissions(file: Path) -> Iterator[Submission | Bad]:
    """Line and fields of the accepted programs in Python and C++."""
    try:
        with file.open("rb") as opened:
            for one in lines(file, opened):
                if isinstance(one, Bad):
                    yield one
                    continue
                number, data, _ = one
                try:
                    fields = next(csv.reader([data.decode("utf-8").strip("\r\n")]))
                except UnicodeDecodeError as error:
                    yield Bad(file, number, "not UTF-8", f"byte {error.start} of the line")
                    continue
                except csv.Error as error:
                    yield Bad(file, number, "not CSV", str(error))
                    continue
                if number == 1:
                    if tuple(fields) != COLUMNS:
                        yield Bad(file, number, "another form", "its columns are not CodeNet's")
                        return
                    continue
                if len(fields) != len(COLUMNS):
                    yield Bad(file, number, "truncated" if len(fields) < len(COLUMNS) else "not CSV", f"{len(fields)} fields")
                    continue
                row = dict(zip(COLUMNS, fields))
                if row["status"] != "Accepted" or row["language"].lower() not in LANGUAGES:
                    continue
                named = (_SUBMISSION.fullmatch(row["submission_id"]), _EXTENSION.fullmatch(row["filename_ext"]))
                if not all(named) or row["problem_id"] != file.stem:
                    yield Bad(file, number, "wrong type", "its names are not CodeNet's")
                elif not all(row[name].isascii() and row[name].isdigit() and len(row[name]) < 16 for name in ("date", "cpu_time")):
                    yield Bad(file, number, "wrong type", "date or cpu_time is no number")
                else:
                    yield number, row
    except OSError as error:
        raise UserError(f"{file} cannot be read ({error.strerror or error})", "unpack CodeNet again") from error


def _pair(root: Path, file: Path, line: int, before: dict[str, str], after: dict[str, str]) -> Imported | Bad:
    problem = before["problem_id"]
    try:
        slow, fast = (
            checked(text_of(root / "data" / problem / one["language"] / f"{one['submission_id']}.{one['filename_ext']}", root), name)
            for one, name in ((before, before["submission_id"]), (after, after["submission_id"]))
        )
    except Unusable as error:
        return Bad(file, line, error.why, error.detail)
    times = int(before["cpu_time"]) / 1e3, int(after["cpu_time"]) / 1e3
    sample = [root / "derived" / "input_output" / "data" / problem / name for name in ("input.txt", "output.txt")]
    whole = all(file.is_file() and file.resolve().is_relative_to(root.resolve()) for file in sample)
    return Imported(
        file, line, "codenet", {"v0": _typed(before), "v1": _typed(after)}, problem, LANGUAGES[before["language"].lower()], slow, fast,
        names=(before["submission_id"], after["submission_id"]),
        seconds=times,
        claimed=times[0] / times[1] if times[1] else None,
        cases=(Case(*sample),) if whole else (),
    )  # fmt: skip


def _typed(row: dict[str, str]) -> dict[str, str | int]:
    return {name: int(value) if name in NUMBERS and value.isascii() and value.isdigit() and len(value) < 16 else value for name, value in row.items()}


FORM = Form("Project CodeNet (Puri et al., 2021)", "CDLA-Permissive-2.0", read)
