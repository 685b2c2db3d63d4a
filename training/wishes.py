"""Prompts that describe a program instead of showing a slow one, made from tasks whose suite has descriptions.

A model that improves programs is one thing, a model that writes them fast at once another; ENAMEL asks for the second. The
answers to learn from are what a dataset knows of the same tasks: each is scored by its gain over the task's own program.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jinja2

from codeopt.datasets.forms import answered, graded, spread
from codeopt.datasets.store import Dataset
from codeopt.errors import UserError
from codeopt.evals import suites

RIGHT = 0.0
"""Score from which on a program is right."""


@dataclass(frozen=True)
class Wish:
    """A task, as a description of what is wanted.

    Attributes:
        task_id: In the suite.
        prompt: As ENAMEL's problems are asked for.
        program: The task's own program, which others are held against.
        language: Of it.
    """

    task_id: str
    prompt: str
    program: str
    language: str


def wishes(tasks: str, dataset: Dataset | None = None) -> list[Wish]:
    """The tasks of a suite; with a dataset those that its split `train` holds: what was decontaminated stays out.

    Raises:
        UserError: There is no such suite, or it has no descriptions.
    """
    if tasks not in suites.names():
        raise UserError(f"{tasks}: there are no descriptions of its tasks", "--ask write is for mbpp; --ask improve needs none")
    suite = suites.find(tasks, None)
    if not suite.for_training:
        raise UserError(f"{tasks} is a test set: nothing is to be learnt from it", "train on mbpp or your own tasks")
    known = _problems(dataset) if dataset else None
    made = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)
    template = made.from_string((suites.PROMPTS / "efficient.j2").read_text("utf-8"))
    found = []
    for problem in suite.problems:
        task = suite.task(problem)
        if known is None or (task.problem_id or task.task_id) in known:
            wanted = suite.specification(problem)
            prompt = template.render(prompt=wanted.text.strip())
            found.append(Wish(task.task_id, prompt, task.file.read_text("utf-8"), wanted.language))
    return found


def _problems(dataset: Dataset) -> set[str]:
    """The problems of the split `train` whose program something was held against."""
    return {row["problem_id"] for config in ("pairs", "failures") for row in dataset.rows(config, "train", ["problem_id"])}


def asked(tasks: str, dataset: Dataset | None) -> list[dict[str, Any]]:
    """Rows like those of the form `prompts`."""
    return [
        {"prompt": wish.prompt, "task_id": wish.task_id, "input": "", "profile": "", "tried": 0, "right": 0} for wish in wishes(tasks, dataset)
    ]


def examples(tasks: str, dataset: Dataset, best: int) -> list[dict[str, Any]]:
    """Rows like those of the form `sft`: to each wish the programs that are right, fastest first; `best` of them, or all."""
    rows = []
    for wish, programs in _graded(tasks, dataset):
        right = [program for program, score in programs if score >= RIGHT]
        rows += [{"prompt": wish.prompt, "completion": answered(wish.language, program)} for program in right[: best or None]]
    return rows


def ranked(tasks: str, dataset: Dataset) -> list[dict[str, Any]]:
    """Rows like those of the form `ranked`."""
    rows = []
    for wish, programs in _graded(tasks, dataset):
        kept = spread(programs)
        if kept[0][1] >= RIGHT and kept[0][1] > kept[-1][1]:
            completions = [answered(wish.language, program) for program, _ in kept]
            rows.append({"prompt": wish.prompt, "completions": completions, "scores": [score for _, score in kept]})
    return rows


def _graded(tasks: str, dataset: Dataset) -> Iterator[tuple[Wish, list[tuple[str, float]]]]:
    """Each wish with the programs that were held against its own one, and their scores, best first."""
    own = {(wish.task_id, wish.program.strip()): wish for wish in wishes(tasks, dataset)}
    grades: dict[tuple[str, str], dict[str, float]] = {key: {key[1]: RIGHT} for key in own}
    for config in ("pairs", "failures"):
        for row in dataset.rows(config, "train"):
            programs = grades.get((row["problem_id"], row["input"].strip()))
            score = graded(row)
            if programs is not None and score is not None and (config == "failures" or row["proof"] != "claimed"):
                text = row["target"].strip()
                programs[text] = max(score, programs.get(text, score))
    for key, programs in grades.items():
        yield own[key], sorted(programs.items(), key=lambda one: -one[1])

