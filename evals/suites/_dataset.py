"""A dataset's held-out problems: the programs of its split `test`, asked for as `codeopt train` asks.

A folder that `codeopt data build` wrote is a suite like any other: `codeopt eval FOLDER --model …`.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import Any

from codeopt.datasets.store import Dataset
from codeopt.errors import UserError
from codeopt.evals.making.keeping import restore
from codeopt.evals.making.record import folder_name
from codeopt.evals.speed import SpeedTask
from codeopt.evals.suites import PROMPTS
from codeopt.evals.suites._speed import SpeedSuite

SPLIT = "test"


class Held(SpeedSuite):
    """Programs that are to be made faster, each with its own inputs where the dataset keeps them."""

    template = PROMPTS / "as_asked.j2"

    def __init__(self, source: Path) -> None:
        dataset = Dataset(source)
        self.name = source.resolve().name
        licences = ", ".join(sorted({licence or "not said" for licence in dataset.manifest.sources.values()})) or "not said"
        self.licence = f"{SPLIT} split of {source}: {licences}"
        folder = Path(tempfile.mkdtemp(prefix="codeopt-held-"))
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        pairs = {row["input"]: row for row in dataset.rows("pairs", SPLIT)}
        self.problems: list[SpeedTask] = []
        self._asked: dict[str, dict[str, str]] = {}
        counts: dict[str, int] = {}
        for row in dataset.rows("prompts", SPLIT):
            pair, name = pairs[row["input"]], row["problem_id"]
            counts[name] = counts.get(name, 0) + 1
            task_id = name if counts[name] == 1 else f"{name}#{counts[name]}"
            kept: dict[str, Any] = json.loads(pair["inputs"]) if pair["inputs"] else {}
            file = restore(folder / folder_name(task_id), row["input"], pair["language"], pair["kind"], pair["function"], kept)
            self.problems.append(SpeedTask(task_id, file, name))
            self._asked[task_id] = {"prompt": _text(row["prompt"]), "profile": row["profile"]}
        if not self.problems:
            raise UserError(f"{source} has no program in its split {SPLIT}", "codeopt data split gives it one")

    def values(self, problem: SpeedTask) -> dict[str, str]:
        return {**super().values(problem), **self._asked[problem.task_id]}


def _text(prompt: str | list[dict[str, str]]) -> str:
    """A prompt as text: a conversation is one message of the user."""
    return prompt if isinstance(prompt, str) else prompt[-1]["content"]
