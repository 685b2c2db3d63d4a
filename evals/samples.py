"""Programs that somebody else generated, in the forms in which people keep them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from codeopt.errors import UserError

FORMS = "ENAMEL's JSON ({problem: [program, …]} or a list by problem) or EvalPlus's JSONL (task_id and solution)"


def read(file: Path) -> dict[str, list[str]]:
    """Programs by the name of their problem (a task_id, or what follows its last slash), in the order of the file.

    ENAMEL's JSON: an object {"0": [program, …]} or a list indexed by problem, whose entries may be null. EvalPlus's
    JSONL: a line for each sample, {"task_id": "HumanEval/0", "solution": program} or "completion" for a body.

    Raises:
        UserError: There is no such file, or it has neither form.
    """
    try:
        text = file.read_text("utf-8")
    except FileNotFoundError:
        raise UserError(f"no such file: {file}", "give a file of samples") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file} cannot be read: {error}", f"what is read: {FORMS}") from None
    try:
        found = _lines(text) if file.suffix == ".jsonl" else _table(json.loads(text))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{file} has no form that is known ({type(error).__name__}: {error})", f"what is read: {FORMS}") from None
    if not found:
        raise UserError(f"{file} holds no programs", f"what is read: {FORMS}")
    return found


def _table(table: Any) -> dict[str, list[str]]:
    pairs = table.items() if isinstance(table, dict) else enumerate(table)
    found = {}
    for number, programs in pairs:
        if programs is None:
            continue
        if not isinstance(programs, list) or not all(isinstance(program, str) for program in programs):
            raise ValueError(f"problem {number} is not a list of texts")
        found[str(number)] = programs
    return found


def _lines(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    rows = [json.loads(line) for line in filter(str.strip, text.splitlines())]
    for row in sorted(rows, key=lambda row: row.get("sample", 0)):  # ours come as they arrived
        program = row["solution"] if "solution" in row else row["completion"]
        if not isinstance(program, str):
            raise ValueError("a sample is not a text")
        found.setdefault(str(row["task_id"]), []).append(program)
    return found
