"""HumanEval's problems with ENAMEL's input generators, checkers and reference solutions.

Source: Chen et al. 2021 (HumanEval, MIT); Qiu et al., ICLR 2025 (ENAMEL, Apache-2.0). The texts come from
`enamel/enamel.csv` and `enamel/samples/*.json` below the data folder, else from the hub.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator
from pathlib import Path

from codeopt.errors import UserError
from codeopt.evals import hub
from codeopt.types import Record

VARIABLE = "CODEOPT_DATA"
LEAST_SIZE = 5
"""Below it some of ENAMEL's generators fail or never end: they were made for their four levels only."""
SEED = 998244353
CASES = (8, 4, 4, 4)
"""Number of cases of the levels 0..3."""
LEFT_OUT = frozenset(
    (2, 23, 41, 45, 53, 60, 71, 92, 97, 99, 102, 123, 124, 135, 137, 138, 144, 148, 156, 157, 159, 160)
)


class Problem(Record):
    """One problem.

    Attributes:
        number: 0..163, the number in `task_id`.
        task_id: "HumanEval/0".
        entry_point: Name of the function that is asked for.
        prompt: Imports, signature and docstring.
        canonical: Whole source of HumanEval's own solution (prompt and body).
        generator: Source of ENAMEL's `generate_input(size, lid, cid) -> tuple of arguments`; it draws from `random`,
            and needs the names of the prompt and of `enamel_helpers`.
        levels: Sizes of ENAMEL's levels 0..3.
        checker: Source of `__check(input, answer, output) -> bool`; it needs the names of the prompt.
        reference: Whole source of ENAMEL's efficient solution (prompt and body).
        evaluated: One of the 142 problems that ENAMEL counts; the others are left out by its authors, because their
            input cannot be grown, or because a formula is all that is asked for. They do have generators.
    """

    number: int
    task_id: str
    entry_point: str
    prompt: str
    canonical: str
    generator: str
    levels: tuple[int, int, int, int]
    checker: str
    reference: str
    evaluated: bool


def folder_of(given: Path | None, suite: str, file: str) -> Path:
    """The folder of a suite's data below the data folder: `given` (--data), else what CODEOPT_DATA names, else (ENAMEL) the hub's.

    Raises:
        UserError: Neither is said and the hub does not have it, or that file of the suite is not in it.
    """
    folder = given or (Path(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else None)
    if folder is None and suite == "enamel":
        return hub.fetch(*hub.ENAMEL).parent
    if folder is None:
        raise UserError("no data folder", f"give --data PATH, or set {VARIABLE}")
    if not (folder / suite / file).is_file():
        raise UserError(f"no {suite}/{file} in {folder}", f"give the folder that holds {suite}/")
    return folder / suite


def problems(data: Path | None = None, *, solutions: str = "humaneval-canonical") -> Iterator[Problem]:
    """The 164 problems in order.

    Args:
        data: The data folder, see `folder_of`.
        solutions: File below enamel/samples whose first sample of each problem is taken as `canonical`:
            "humaneval-canonical" (the hub's where there is no such folder) or "humanevalplus-canonical"; "" for none.

    Raises:
        UserError: The data is not there, or is not what it should be.
    """
    folder = folder_of(data, "enamel", "enamel.csv")
    written = _solutions(folder, solutions) if solutions else {}
    with open(folder / "enamel.csv", encoding="utf-8", newline="") as source:
        for number, row in enumerate(csv.DictReader(source)):
            if row["task_id"] != f"HumanEval/{number}":
                raise UserError(
                    f"{source.name}: row {number} is {row['task_id']}", "take the file as published"
                )
            sizes = [int(size) for size in row["input_levels"].split()]
            yield Problem(
                number=number,
                task_id=row["task_id"],
                entry_point=row["entry_point"],
                prompt=row["prompt"],
                canonical=written.get(number, ""),
                generator=row["input_generator"],
                levels=(sizes[0], sizes[1], sizes[2], sizes[3]),
                checker=row["checker"],
                reference=row["prompt"].rstrip() + "\n" + row["reference_solution"],
                evaluated=number not in LEFT_OUT,
            )


def _solutions(folder: Path, name: str) -> dict[int, str]:
    """The first program for each problem."""
    samples = folder / "samples" / f"{name}.json"
    if not samples.parent.is_dir() and name == "humaneval-canonical":
        return dict(enumerate(hub.canonical()))
    if not samples.is_file():
        raise UserError(f"no such solutions: {samples}", "take humaneval-canonical or humanevalplus-canonical")
    written: list[list[str] | None] = json.loads(samples.read_text(encoding="utf-8"))
    return {number: programs[0] for number, programs in enumerate(written) if programs}


def generator_source(problem: Problem) -> str:
    """A whole file that defines ENAMEL's `generate_input(size, lid, cid)`.

    Raises:
        UserError: There is no generator for this problem.
    """
    if "def generate_input" not in problem.generator:
        raise UserError(f"{problem.task_id} has no input generator", "leave it out")
    helpers = Path(__file__).with_name("enamel_helpers.py").read_text(encoding="utf-8")
    return "\n\n".join((helpers.rstrip(), problem.prompt.rstrip(), problem.generator.strip())) + "\n"


def generator_file(problem: Problem) -> str:
    """Source of a file with `make(size, seed)`, in the form of --inputs, from ENAMEL's generator.

    Up to ENAMEL's size for level 0 it makes level-0 inputs, whose cases hold the corners (an empty list, no match);
    above it the ones of the levels that are timed. The seed picks the case, and the same seed gives the same arguments.

    Raises:
        UserError: There is no generator for this problem.
    """
    return f"""{generator_source(problem)}

def make(size, seed):
    random.seed({SEED} ^ {problem.number} ^ seed)
    size = max(size, {min(LEAST_SIZE, problem.levels[0])})
    if size <= {problem.levels[0]}:
        return generate_input(size=size, lid=0, cid=seed % {CASES[0]})
    return generate_input(size=size, lid=1 + seed // {CASES[1]} % 3, cid=seed % {CASES[1]})
"""


def checker_file(problem: Problem) -> str:
    """Source of a whole file that defines `__check(input, answer, output) -> bool`."""
    return f"{problem.prompt.rstrip()}\n    pass\n\n\n{problem.checker.strip()}\n"


def case_seed(problem: Problem, level: int, case: int) -> int:
    """The seed that ENAMEL gives to `random` before it makes an input; a case's number counts through all levels."""
    return SEED ^ problem.number ^ (sum(CASES[:level]) + case)
