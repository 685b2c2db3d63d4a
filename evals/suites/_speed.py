"""What the suites share whose problems are programs that are to be made faster."""

from __future__ import annotations

from codeopt.agent.proposers.llm_extract import extract
from codeopt.agent.proposers.llm_splice import apply_answer
from codeopt.agent.tasks.detect import detect
from codeopt.agent.tasks.model import Task
from codeopt.evals.lane import Lane
from codeopt.evals.speed import Gain, SpeedBench, SpeedTask
from codeopt.evals.suites import PROMPTS, Suite

TITLES = {"python": "Python", "cpp": "C++"}


class SpeedSuite(Suite[SpeedTask]):
    """Programs that are to be made faster."""

    row = Gain
    template = PROMPTS / "faster.j2"

    def values(self, problem: SpeedTask) -> dict[str, str]:
        found, source = _read(problem)
        return {"source": source.strip(), "function": found.function, "language": TITLES[found.language]}

    def program(self, problem: SpeedTask, answer: str, finish: str) -> str:
        found, source = _read(problem)
        return apply_answer(source, extract(answer, found.language, found.function, finish), found.language, found.function)

    def bench(self, problem: SpeedTask, lane: Lane) -> SpeedBench:
        return SpeedBench(problem, lane)

    def task(self, problem: SpeedTask) -> SpeedTask:
        return problem


def _read(problem: SpeedTask) -> tuple[Task, str]:
    """What is known about the program, and its text."""
    return detect(problem.file), problem.file.read_text("utf-8")
