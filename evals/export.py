"""Our samples in the forms of others, so that the authors' own evaluators can check what we say.

`codeopt.evals.samples` reads each of them back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from codeopt.errors import UserError
from codeopt.evals.folder import parsed, whole_lines
from codeopt.evals.generate import Generated
from codeopt.evals.rows import by_task
from codeopt.evals.samples import ANSWERS
from codeopt.evals.suites import find

FORMS = ("enamel", "evalplus", "pie", "kernelbench")
HINT = "give a folder of codeopt eval generate or codeopt eval SUITE, or its samples.jsonl"


def read(source: Path) -> dict[str, list[Generated]]:
    """The samples in a folder or its samples.jsonl by task_id, in their order; a torn last line does not count.

    Raises:
        UserError: There are none.
    """
    file = source / "samples.jsonl" if source.is_dir() else source
    try:
        rows = parsed(whole_lines(file.read_text("utf-8")), Generated, file, "sample of ours", HINT)
    except OSError as error:
        raise UserError(f"no samples in {source} ({error.strerror})", HINT) from None
    except UnicodeDecodeError:
        raise UserError(f"{file} holds no text", HINT) from None
    if not rows:
        raise UserError(f"no samples in {source} yet", "let codeopt eval generate end first")
    return by_task(sorted(rows, key=lambda row: row.sample))


def suite_of(source: Path) -> str:
    """The suite whose samples a folder holds. Raises UserError where that cannot be told."""
    file = (source if source.is_dir() else source.parent) / "config.json"
    try:
        return str(json.loads(file.read_text("utf-8"))["suite"])
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(f"{file} does not say whose programs these are", "give --suite") from None


def text_of(samples: dict[str, list[Generated]], form: str, *, suite: str = "", data: Path | None = None) -> str:
    """All programs in one of `FORMS` that is one file ("kernelbench" is a folder: see there).

    Args:
        suite, data: For "pie", which wants the slow programs, too: as `codeopt.evals.suites.find` takes them.

    Raises:
        UserError: There is no such form, or the samples have no place in it.
    """
    programs = {name: [one.solution for one in group] for name, group in samples.items()}
    if form == "enamel":
        return enamel(programs)
    if form == "evalplus":
        return evalplus(programs)
    if form == "pie":
        return pie(programs, suite, data)
    raise UserError(f"there is no form {form!r}", f"one of {', '.join(FORMS)}")


def kernelbench(samples: dict[str, list[Generated]]) -> dict[str, str]:
    """KernelBench's folder of generations by name of file: level_1_problem_2_sample_0_kernel.py.

    Source: the authors' generate_samples.py.

    Raises:
        UserError: A task_id is not "level1/2" or the like.
    """
    found: dict[str, str] = {}
    for name, group in samples.items():
        place = re.fullmatch(r"level(\d+)/(\d+)", name)
        if place is None:
            raise UserError(f"KernelBench's form knows problems by level and number: {name} has none", "use --form evalplus")
        for number, one in enumerate(group):
            found[f"level_{place[1]}_problem_{place[2]}_sample_{number}_kernel.py"] = one.solution
    return found


def enamel(programs: dict[str, list[str]]) -> str:
    """ENAMEL's JSON: {"0": [program, …], …} by number of problem. Source: the samples that its authors published.

    Raises:
        UserError: A task_id does not end in a number, or two end in the same one.
    """
    table: dict[int, list[str]] = {}
    for name, group in programs.items():
        number = name.rpartition("/")[2]
        if not (number.isascii() and number.isdigit()) or int(number) in table:
            raise UserError(f"ENAMEL's form knows problems by number: {name} has none of its own", "use --form evalplus")
        table[int(number)] = group
    return json.dumps({str(number): table[number] for number in sorted(table)}, indent=1) + "\n"


def evalplus(programs: dict[str, list[str]]) -> str:
    """EvalPlus's JSONL: a line {"task_id": …, "solution": program} for each sample, in order."""
    return _jsonl([{"task_id": name, "solution": program} for name, group in programs.items() for program in group])


def pie(programs: dict[str, list[str]], suite: str, data: Path | None) -> str:
    """PIE's generations, JSONL (Shypula et al., ICLR 2024): a line for each slow program.

    Its fields: src_id, problem_id (where it is known), input (the slow program), generated_answers (the programs).

    Raises:
        UserError: The suite does not ask for faster programs, or does not have one of these.
    """
    found = find(suite, data)
    problems = found.names()
    rows: list[dict[str, object]] = []
    for name, group in programs.items():
        if name not in problems:
            raise UserError(f"{found.name} has no problem {name!r}", "give the suite that the samples are of with --suite")
        try:
            task = found.task(problems[name])
        except UserError as error:
            raise UserError(error.message, "use --form enamel or --form evalplus") from None
        row: dict[str, object] = {"src_id": name, "input": task.file.read_text("utf-8"), ANSWERS: group}
        rows.append({**row, "problem_id": task.problem_id} if task.problem_id else row)
    return _jsonl(rows)


def _jsonl(rows: Sequence[dict[str, object]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)
