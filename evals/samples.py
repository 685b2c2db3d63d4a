"""Programs that somebody else generated, in the forms in which people keep them."""

from __future__ import annotations

import ast
import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

from codeopt.errors import UserError

FORMS = (
    "ENAMEL's JSON ({problem: [program, …]} or a list by problem), EvalPlus's JSONL (task_id and solution), "
    "PIE's (src_id and generated_answers) or a folder of KernelBench's (level_1_problem_2_sample_0_kernel.py)"
)
_KERNEL = re.compile(r"level_(\d+)_problem_(\d+)_sample_(\d+)_kernel\.py")
ANSWERS = "generated_answers"


def read(file: Path) -> dict[str, list[str]]:
    """Programs by the name of their problem (a task_id, or what follows its last slash), in the order of the file.

    ENAMEL's JSON: an object {"0": [program, …]} or a list indexed by problem, whose entries may be null. EvalPlus's
    JSONL: a line for each sample, {"task_id": "HumanEval/0", "solution": program} or "completion" for a body. PIE's
    generations (Shypula et al., ICLR 2024): JSONL with a line for each slow program, {"src_id": …, "generated_answers":
    [program, …]}, one text, or columns "generated_answers_0", "generated_answers_1", …; "submission_id_v0" where there
    is no "src_id". A folder of KernelBench's (Ouyang et al., 2025): level_L_problem_P_sample_S_kernel.py.

    Raises:
        UserError: There is no such file, or it has neither form.
    """
    if file.is_dir():
        return _kernels(file)
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


def _kernels(folder: Path) -> dict[str, list[str]]:
    named = {tuple(map(int, name.groups())): file for file in folder.iterdir() if (name := _KERNEL.fullmatch(file.name))}
    if not named:
        raise UserError(f"{folder} holds no level_1_problem_1_sample_0_kernel.py or the like", f"what is read: {FORMS}")
    found: dict[str, list[str]] = {}
    for level, problem, sample in sorted(named):
        text = named[level, problem, sample].read_text("utf-8", "replace")
        found.setdefault(f"level{level}/{problem}", []).append(text)
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
    rows = [json.loads(line) for line in filter(str.strip, text.split("\n"))]
    for row in sorted(rows, key=lambda row: row.get("sample", 0)):  # ours come as they arrived
        if any(key.startswith(ANSWERS) for key in row):
            name, programs = row["src_id"] if "src_id" in row else row["submission_id_v0"], _answers(row)
        else:
            name, programs = row["task_id"], [row["solution"] if "solution" in row else row["completion"]]
        if not all(isinstance(program, str) for program in programs):
            raise ValueError("a sample is not a text")
        found.setdefault(str(name), []).extend(programs)
    return found


def _answers(row: dict[str, Any]) -> list[Any]:
    """The programs of a line of PIE's generations, in their order."""
    given = row.get(ANSWERS)
    if given is None:
        numbers = sorted(int(key.removeprefix(f"{ANSWERS}_")) for key in row if re.fullmatch(rf"{ANSWERS}_\d+", key))
        # Tables have the same columns for all programs: null where one has fewer samples.
        return [row[f"{ANSWERS}_{number}"] for number in numbers if row[f"{ANSWERS}_{number}"] is not None]
    if isinstance(given, str) and given.startswith("[") and given.endswith("]"):
        with suppress(ValueError, SyntaxError):  # a list that went through a table of texts, as the authors read them
            given = ast.literal_eval(given)
    return given if isinstance(given, list) else [given]
