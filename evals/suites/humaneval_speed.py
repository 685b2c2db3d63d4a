"""HumanEval's problems as programs to speed up: the canonical solutions, on inputs that ENAMEL's generators make."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from pathlib import Path

from codeopt import config
from codeopt.errors import UserError
from codeopt.evals.humaneval import generator_file, problems
from codeopt.evals.speed import SpeedTask
from codeopt.evals.suites._speed import SpeedSuite


class HumanEvalSpeed(SpeedSuite):
    """All problems that have a generator."""

    name = "humaneval-speed"
    licence = "HumanEval: MIT; input generators of ENAMEL (Qiu et al., ICLR 2025): Apache-2.0"

    def __init__(self, data: Path | None) -> None:
        folder = Path(tempfile.mkdtemp(prefix="codeopt-humaneval-"))
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self.problems = []
        for problem in problems(data):
            try:
                generator = generator_file(problem)
            except UserError:
                continue
            place = folder / f"{problem.number:03}"
            place.mkdir()
            (place / "solution.py").write_text(problem.canonical, "utf-8")
            (place / "make.py").write_text(generator, "utf-8")
            said = f'project = "."\nfunction = "{problem.entry_point}"\ninputs = "make.py:make"\n'
            (place / config.NAME).write_text(said, "utf-8")
            self.problems.append(SpeedTask(problem.task_id, place / "solution.py"))


def create(data: Path | None) -> HumanEvalSpeed:
    """The suite. Raises UserError where its data is not there."""
    return HumanEvalSpeed(data)
