"""What the suites share whose problems are kernels."""

from __future__ import annotations

from codeopt.agent.proposers.llm_extract import EditError, extract
from codeopt.agent.tasks.kernel import CANDIDATE, module_class
from codeopt.evals.kernels import KernelBench, KernelRow
from codeopt.evals.lane import Lane
from codeopt.evals.speed import SpeedTask
from codeopt.evals.suites import PROMPTS, Suite


class KernelSuite(Suite[SpeedTask]):
    """Modules that are to be made faster."""

    row = KernelRow
    template = PROMPTS / "kernel.j2"

    def values(self, problem: SpeedTask) -> dict[str, str]:
        return {"source": problem.file.read_text("utf-8").strip()}

    def program(self, problem: SpeedTask, answer: str, finish: str) -> str:
        text = extract(answer, "python", "", finish).code
        if not module_class(text):
            raise EditError(f"the answer defines no class {CANDIDATE}")
        return text

    def bench(self, problem: SpeedTask, lane: Lane) -> KernelBench:
        return KernelBench(problem, lane)

    def task(self, problem: SpeedTask) -> SpeedTask:
        return problem
