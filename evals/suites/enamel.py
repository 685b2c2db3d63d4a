"""ENAMEL (Qiu et al., ICLR 2025): efficient solutions of HumanEval's problems, scored against its references."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from codeopt.agent.proposers.llm_extract import extract
from codeopt.agent.spec.reading import Specification, read_specification
from codeopt.evals import enamel
from codeopt.evals.humaneval import Problem, problems
from codeopt.evals.lane import Lane
from codeopt.evals.suites import PROMPTS, Suite, Text


class Enamel(Suite[Problem]):
    """The 142 problems that ENAMEL counts."""

    name = "enamel"
    licence = "ENAMEL (Qiu et al., ICLR 2025): Apache-2.0; its prompts are HumanEval's: MIT"
    row = enamel.Score
    template = PROMPTS / "efficient.j2"

    def __init__(self, data: Path | None) -> None:
        self._data = data
        self.problems = [problem for problem in problems(data, solutions="") if problem.evaluated]

    def texts(self) -> Iterator[Text]:
        """HumanEval's solutions and ENAMEL's own, of all 164 problems: those that it does not count are HumanEval's all the same."""
        for problem in problems(self._data):
            for program in (problem.canonical, problem.reference):
                yield Text(problem.task_id, "python", program, problem.prompt)

    def values(self, problem: Problem) -> dict[str, str]:
        return {"prompt": problem.prompt.strip(), "entry_point": problem.entry_point}

    def specification(self, problem: Problem) -> Specification:
        return read_specification(problem.prompt, problem.entry_point)

    def program(self, problem: Problem, answer: str, finish: str) -> str:
        return extract(answer, "python", problem.entry_point, finish).code

    def bench(self, problem: Problem, lane: Lane) -> enamel.Bench:
        return enamel.Bench(problem, lane)


def create(data: Path | None) -> Enamel:
    """The suite. Raises UserError where its data is not there."""
    return Enamel(data)
