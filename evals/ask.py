"""Asking a model for other versions of programs that there are: slower ones as a novice would write them, faster ones, or
ones that are written afresh from the program's description.

Nothing is run here: `codeopt data make --how samples` judges the answers later, on a machine that is quiet. A program made
slow gives a pair backwards: the one that it was made from is the fast one, and it was written by a person. The folder is
that of `codeopt eval generate`, with the operator in each line.

A prompt names a way to go about it that changes from sample to sample: samples of one prompt repeat each other, the more
the smaller the model is.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2

from codeopt.agent.models.asker import Asker
from codeopt.agent.models.chat import Request
from codeopt.agent.screen import fingerprint
from codeopt.agent.tasks.detect import CPP
from codeopt.errors import UserError
from codeopt.evals.evolving.heads import head_of
from codeopt.evals.generate import Generated, Maker, Sampling, Wanted, answering
from codeopt.evals.making.sources import Source
from codeopt.evals.speed import SpeedTask
from codeopt.evals.suites import PROMPTS
from codeopt.evals.suites._speed import SpeedSuite

_PREFIX = "ask_"


class Bases(SpeedSuite):
    """The programs of a source of `codeopt data make`, as a suite.

    Args:
        source: Where they come from.
        ids: Names; () for all.
        limit: Only so many, the first ones; 0 for all.
    """

    def __init__(self, source: Source, ids: Sequence[str], limit: int) -> None:
        self._source = source  # its files go with it
        self.name, self.licence = Path(source.name).name, source.licence
        self.bases = list(itertools.islice(source.bases(tuple(ids)), limit or None))
        self.problems = [SpeedTask(one.name, one.file, one.problem_id) for one in self.bases]
        if not self.problems:
            raise UserError(f"{source.name} has no programs to start from", "name another source, or other ids")


def operator_names() -> tuple[str, ...]:
    """The operators that there are: one template a file."""
    return tuple(sorted(path.stem.removeprefix(_PREFIX) for path in PROMPTS.glob(f"{_PREFIX}*.j2")))


def template_of(operator: str) -> str:
    """The template of an operator. Raises UserError where there is none."""
    if operator not in operator_names():
        raise UserError(f"there is no operator {operator!r}", f"one of {', '.join(operator_names())}")
    return (PROMPTS / f"{_PREFIX}{operator}.j2").read_text("utf-8")


@dataclass(frozen=True)
class Asking(Sampling):
    """How a model is asked for other versions of a suite's programs.

    Attributes:
        operators: Template by operator. Samples of a problem take turns in them: with two, sample 5 is the third of the
            second one. So further samples can be added to a folder.
    """

    operators: Mapping[str, str] = field(default_factory=dict)

    def operator(self, sample: int) -> str:
        """The operator of a sample."""
        return list(self.operators)[sample % len(self.operators)]

    def request(self, problem: Any, sample: int) -> Request:
        """What to ask for one sample."""
        made = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True)
        more = {"sample": sample // len(self.operators), "head": head_of(problem.file)}
        values = {**self.suite.values(problem), **more}
        text = made.from_string(self.operators[self.operator(sample)]).render(values)
        messages = ({"role": "user", "content": text},)
        return Request(self.model, messages, self.max_tokens, self.temperature, self.seed_of(problem, sample), self.top_p)

    def config(self) -> dict[str, Any]:
        """What has to be the same for a run to go on."""
        digests = {name: hashlib.sha256(text.encode("utf-8")).hexdigest() for name, text in self.operators.items()}
        return {**super().config(), "operators": digests}


def asking(asker: Asker, sampling: Asking) -> Maker:
    """Asks a model for one version a sample."""
    ask = answering(asker, sampling)

    def make(wanted: Sequence[Wanted]) -> Iterator[Generated]:
        for made in ask(wanted):
            yield made.model_copy(update={"operator": sampling.operator(made.sample)})

    return make


def keep_prompts(problems: Sequence[SpeedTask], sampling: Asking, folder: Path) -> None:
    """Write the conversation of each sample."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "prompts.jsonl", "w", encoding="utf-8") as out:
        for problem in problems:
            for sample in range(sampling.samples):
                about = {"task_id": problem.task_id, "sample": sample, "operator": sampling.operator(sample)}
                out.write(json.dumps({**about, "messages": list(sampling.request(problem, sample).messages)}) + "\n")


def survey(problems: Sequence[SpeedTask], made: Sequence[Generated]) -> dict[str, dict[str, int]]:
    """What share of the answers can be judged, by operator: with a program, changed, and different from one another."""
    originals, languages = dict[str, str](), dict[str, str]()
    for problem in problems:
        languages[problem.task_id] = "cpp" if problem.file.suffix.lower() in CPP else "python"
        originals[problem.task_id] = fingerprint(problem.file.read_text("utf-8"), languages[problem.task_id])
    counts: dict[str, dict[str, int]] = {}
    seen = set[tuple[str, str]]()
    for one in made:
        count = counts.setdefault(one.operator, {"samples": 0, "with_a_program": 0, "changed": 0, "distinct": 0})
        count["samples"] += 1
        if not one.solution:
            continue
        mark = one.task_id, fingerprint(one.solution, languages[one.task_id])
        changed = mark[1] != originals[one.task_id]
        count["with_a_program"] += 1
        count["changed"] += changed
        count["distinct"] += changed and mark not in seen
        seen.add(mark)
    return counts
