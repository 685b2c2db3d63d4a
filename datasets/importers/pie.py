"""PIE (Shypula et al., ICLR 2024), an object on each line, in either of its published forms.

`pie`: the first version, Python and C++ (`input`, `target`, `submission_id_v0`, `measured_runtime_v0`, …).
`pie-cpp`: C++ timed under gem5 (`src_code`, `tgt_code`, `src_id`, `src_agg_runtime`, …, `tests`: the cases that count).
The cases lie apart, as `FOLDER/PROBLEM/input.N.txt` and `output.N.txt`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from codeopt.datasets.importers import (
    Bad,
    Case,
    Form,
    Imported,
    Record,
    Unusable,
    claim,
    each,
    language_of,
    name_of,
    number,
    program,
    ratio,
)
from codeopt.datasets.importers._json import records

CASES = ("merged_test_cases", "public_test_cases", "generated_test_cases")
_PROBLEM = re.compile(r"[\w-]+")
_INPUT = re.compile(r"input\.(\d+)\.txt")


def read(path: Path, companion: Path | None) -> Iterator[Imported | Bad]:
    """The pairs of a file, with the cases in `companion`, or in a folder of PIE's beside it. Raises UserError."""
    cases = companion or next((path.parent / name for name in CASES if (path.parent / name).is_dir()), None)

    def pair(line: int, record: Record) -> Imported:
        if "src_code" in record or "tgt_code" in record:
            return _gem5(path, line, record, cases)
        if "input" in record or "target" in record:
            return _first(path, line, record, cases)
        raise Unusable("another form", "neither input and target nor src_code and tgt_code")

    return each(records(path), path, pair)


def _first(path: Path, line: int, record: Record, cases: Path | None) -> Imported:
    slow, fast = program(record, "input"), program(record, "target")
    measured = number(record, "measured_runtime_v0"), number(record, "measured_runtime_v1")
    claimed = ratio(*measured) or ratio(number(record, "cpu_time_v0"), number(record, "cpu_time_v1"))
    problem = name_of(record, "problem_id")
    return Imported(
        path, line, "pie", record, problem, language_of(record, slow), slow, fast,
        names=(name_of(record, "submission_id_v0", ""), name_of(record, "submission_id_v1", "")),
        # PIE writes -100 where it measured nothing.
        seconds=measured if ratio(*measured) else (None, None),
        claimed=claimed,
        cases=_cases(cases, problem, None),
    )  # fmt: skip


def _gem5(path: Path, line: int, record: Record, cases: Path | None) -> Imported:
    slow, fast = program(record, "src_code"), program(record, "tgt_code")
    measured = number(record, "src_agg_runtime"), number(record, "tgt_agg_runtime")
    problem = name_of(record, "problem_id")
    return Imported(
        path, line, "pie-cpp", record, problem, language_of({"language": "cpp", **record}, slow), slow, fast,
        names=(name_of(record, "src_id", ""), name_of(record, "tgt_id", "")),
        seconds=measured if ratio(*measured) else (None, None),
        claimed=claim(record, "speedup") or ratio(*measured),
        cases=_cases(cases, problem, _tests(record.get("tests"))),
    )  # fmt: skip


def _tests(found: Any) -> set[int] | None:
    """The numbers of the cases that count, as a list or as its text; None for all."""
    try:
        listed = json.loads(found) if isinstance(found, str) else found
        return None if listed is None else {int(one) for one in listed}
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise Unusable("wrong type", "tests is no list of numbers") from None


def _cases(folder: Path | None, problem: str, wanted: set[int] | None) -> tuple[Case, ...]:
    if folder is None or not _PROBLEM.fullmatch(problem):
        return ()
    numbered = [(int(found[1]), file) for file in (folder / problem).glob("input.*.txt") if (found := _INPUT.fullmatch(file.name))]
    pairs = [(file, file.with_name(f"output.{at}.txt")) for at, file in sorted(numbered) if wanted is None or at in wanted]
    root = folder.resolve()
    return tuple(Case(*pair) for pair in pairs if all(file.is_file() and file.resolve().is_relative_to(root) for file in pair))


def first(row: Record) -> dict[str, Any]:
    """A pair of another origin in the first version's fields, null where PIE's is not known."""
    gained = row["speedup"]
    return {
        "user_id": "",
        "problem_id": row["problem_id"],
        "language": row["language"],
        "submission_id_v0": row["submission_id_v0"],
        "submission_id_v1": row["submission_id_v1"],
        "cpu_time_v0": None,
        "cpu_time_v1": None,
        "memory_v0": None,
        "memory_v1": None,
        "status_v0": "Accepted",
        "status_v1": "Accepted",
        "improvement_frac": round(100 * (1 - 1 / gained), 2) if gained > 0 else None,
        "input": row["input"],
        "target": row["target"],
        "code_v0_loc": float(row["code_v0_loc"]),
        "code_v1_loc": float(row["code_v1_loc"]),
        "code_v0_num_chars": len(row["input"]),
        "code_v1_num_chars": len(row["target"]),
        "code_v0_no_empty_lines": _dense(row["input"]),
        "code_v1_no_empty_lines": _dense(row["target"]),
        "code_same": row["input"] == row["target"],
        "diff": [line for line in row["diff"].splitlines() if line[:1] in ("+", "-") and line[:3] not in ("+++", "---")],
        "measured_runtime_v0": row["measured_runtime_v0"],
        "measured_runtime_v1": row["measured_runtime_v1"],
        "runtime_lift": row["runtime_lift"],
    }


def gem5(row: Record) -> dict[str, Any]:
    """A pair of another origin in the C++ form's fields, its times as they were measured here."""
    return {
        "src_id": row["submission_id_v0"],
        "tgt_id": row["submission_id_v1"],
        "src_agg_runtime": row["measured_runtime_v0"],
        "tgt_agg_runtime": row["measured_runtime_v1"],
        "problem_id": row["problem_id"],
        "speedup": row["speedup"],
        "src_code": row["input"],
        "tgt_code": row["target"],
        "src_status": "Accepted",
        "tgt_status": "Accepted",
        "user_id": "",
        "language": row["language"],
    }


def _dense(source: str) -> str:
    return "".join(f"{line}\n" for line in source.splitlines() if line.strip())


FORM = Form(
    "PIE (Shypula et al., ICLR 2024)",
    "Apache-2.0; its programs and cases are CodeNet's: CDLA-Permissive-2.0",
    read,
    {"pie": first, "pie-cpp": gem5},
    {"pie": {"input": "input", "target": "target"}, "pie-cpp": {"src_code": "input", "tgt_code": "target"}},
)
