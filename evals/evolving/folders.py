"""Problems as folders of tasks, to and fro: a suite's programs with docstrings are seeds, and what was kept is a suite again."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from codeopt import config
from codeopt.agent.spec.reading import with_head
from codeopt.evals.evolving.heads import head_of
from codeopt.evals.evolving.loop import Seed
from codeopt.evals.evolving.problem import CPP, KEPT, Evolved
from codeopt.evals.making.sources import Base
from codeopt.evals.speed import SpeedTask

INPUTS = "inputs.py"


def seeds_of(problems: Sequence[SpeedTask]) -> list[Seed]:
    """The problems whose program is a Python function with a docstring, as others read them."""
    return [Seed(problem.task_id, text) for problem in problems if (text := head_of(problem.file))]


def programs_of(problem: Evolved) -> tuple[str, ...]:
    """The programs that agree, each with the problem in words; the first one is what the others are held against."""
    draft = problem.draft()
    if problem.language == CPP:
        said = draft.text.replace("*/", "* /")
        return tuple(f"/*\n{said.strip()}\n*/\n{program}" for program in problem.programs)
    return tuple(with_head(program, draft.specification) for program in problem.programs)


def bases_of(problems: Sequence[Evolved], folder: Path, seeds: Sequence[Base]) -> list[Base]:
    """The kept problems as bases for the engine: each one's first program, written as a task into the folder.

    A base has the problem's id of the seed that its line began with: a family stays in one split.
    """
    parents = {one.name: one.parents[0] for one in problems}
    known = {seed.name: seed for seed in seeds}
    made = []
    for problem in problems:
        if problem.outcome != KEPT:
            continue
        root = problem.name
        while root in parents:
            root = parents[root]
        seed = known[root]
        made.append(Base(problem.name, write_problem(folder, problem), seed.problem_id, f"evolved from {seed.source or root}", seed.licence))
    return made


def write_problem(folder: Path, problem: Evolved) -> Path:
    """Write a kept problem as a task into its folder, whole or not at all. Returns the program's file."""
    assert problem.outcome == KEPT
    place = folder / problem.name
    name = "solution.cpp" if problem.language == CPP else "solution.py"
    if not place.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=".part-", dir=folder))
        try:
            (part / name).write_text(programs_of(problem)[0], "utf-8")
            lines = ['project = "."', f"file = {json.dumps(name)}"]
            if problem.language == CPP:
                (part / INPUTS).write_text(problem.inputs, "utf-8")
                lines += ['kind = "program"', f'inputs = "{INPUTS}:make"']
            else:
                lines += [f"function = {json.dumps(problem.function)}"]
            (part / config.NAME).write_text("\n".join(lines) + "\n", "utf-8")
            os.chmod(part, 0o755)
            os.rename(part, place)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return place / name
