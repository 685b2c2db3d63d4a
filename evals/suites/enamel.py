"""ENAMEL (Qiu et al., ICLR 2025): efficient solutions of HumanEval's problems, scored against its references."""

from __future__ import annotations

from pathlib import Path

from codeopt.agent.proposers.llm_extract import extract
from codeopt.evals import enamel
from codeopt.evals.humaneval import Problem, problems
from codeopt.evals.lane import Lane
from codeopt.evals.suites import PROMPTS, Suite


class Enamel(Suite[Problem]):
    """The 142 problems that ENAMEL counts."""

    name = "enamel"
    licence = "ENAMEL (Qiu et al., ICLR 2025): Apache-2.0; its prompts are HumanEval's: MIT"
    row = enamel.Score
    template = PROMPTS / "efficient.j2"

    def __init__(self, data: Path | None) -> None:
        self.problems = [problem for problem in problems(data, solutions="") if problem.evaluated]

    def values(self, problem: Problem) -> dict[str, str]:
        return {"prompt": problem.prompt.strip(), "entry_point": problem.entry_point}

    def program(self, problem: Problem, answer: str, finish: str) -> str:
        return extract(answer, "python", problem.entry_point, finish).code

    def bench(self, problem: Problem, lane: Lane) -> enamel.Bench:
        return enamel.Bench(problem, lane)


def create(data: Path | None) -> Enamel:
    """The suite. Raises UserError where its data is not there."""
    return Enamel(data)
