"""Plain pairs, an object on each line: `slow` and `fast`, and what else is known.

`language` ("python", "cpp"; else seen from the text), `kind` ("program", "function", "kernel"), `function` (its qualified
name), `problem_id` (else one for each slow program), `cases` (a list of {"input", "output"}), `tests` (the text of a pytest
file), `speedup`. All others are kept.
"""

from __future__ import annotations

import hashlib
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
    program,
    text,
    whole,
)
from codeopt.datasets.importers._json import records

KINDS = ("program", "function", "kernel")
FUNCTION = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


def read(path: Path, companion: Path | None) -> Iterator[Imported | Bad]:
    """The pairs of a file. Raises UserError where it cannot be read."""

    def pair(line: int, record: Record) -> Imported:
        slow, fast = program(record, "slow"), program(record, "fast")
        function = text(record, "function", "")
        if function and not FUNCTION.fullmatch(function):
            raise Unusable("wrong type", "function is no name")
        kind = text(record, "kind", "function" if function else "program")
        if kind not in KINDS:
            raise Unusable("wrong type", f"kind is none of {', '.join(KINDS)}")
        alone = hashlib.sha256(slow.encode()).hexdigest()[:16]
        return Imported(
            path, line, "jsonl", record, name_of(record, "problem_id", alone), language_of(record, slow), slow, fast,
            kind=kind, function=function, claimed=claim(record, "speedup"), cases=_cases(record.get("cases")),
            tests=text(record, "tests", ""),
        )  # fmt: skip

    return each(records(path), path, pair)


def _cases(found: Any) -> tuple[Case, ...]:
    if found is None:
        return ()
    if not isinstance(found, list):
        raise Unusable("wrong type", "cases is no list")
    for case in found:
        if not isinstance(case, dict) or not all(isinstance(case.get(side), str) for side in ("input", "output")):
            raise Unusable("wrong type", 'a case is no {"input": text, "output": text}')
    return tuple(Case(whole(case["input"], "cases"), whole(case["output"], "cases")) for case in found)


def plain(row: Record) -> dict[str, Any]:
    """A pair of any origin in this form, with what stands behind it."""
    kept = (
        "language", "kind", "function", "problem_id", "speedup", "low", "high", "proof", "origin", "source", "licence",
    )  # fmt: skip
    return {"slow": row["input"], "fast": row["target"], **{name: row[name] for name in kept}}


FORM = Form("", "", read, {"jsonl": plain}, {"jsonl": {"slow": "input", "fast": "target"}})
