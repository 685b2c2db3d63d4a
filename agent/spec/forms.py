"""What differs between specifications of functions and of programs: how a candidate is put down, called and compared."""

from __future__ import annotations

from pathlib import Path

from codeopt.agent.powers import new_power
from codeopt.agent.spec.reading import Specification, with_head
from codeopt.agent.tasks.detect import detect
from codeopt.agent.tasks.functions import functions_of
from codeopt.agent.tasks.model import Task
from codeopt.config import Settings
from codeopt.sandbox.tolerance import Tolerance
from codeopt.sandbox.workload import Case

CPP = "cpp"
FILE, PROGRAM, INPUTS = "solution.py", "solution.cpp", "inputs.py"
NOTHING = "int main() { return 0; }\n"


class FunctionForm:
    """A Python function.

    Args:
        specification: What is wanted.
    """

    def __init__(self, specification: Specification) -> None:
        self.specification = specification

    def task(self, folder: Path, python: str) -> Task:
        """The specification as a task in a folder. Raises UserError where there is no such interpreter."""
        file = folder / FILE
        file.write_text(self.specification.text, "utf-8", errors="surrogateescape")
        return detect(file, Settings(kind="function", function=self.specification.function, python=python or None))

    def screened(self, source: str) -> str:
        """"" for a program that may be run, else why not."""
        try:
            defined = {item.name for item in functions_of(source)}
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            return f"does not parse: {error}"
        if self.specification.function not in defined:
            return f"it defines no {self.specification.function}"
        return new_power(source, self.specification.text, "python")

    def standing(self, source: str) -> str:
        """A program with what inputs are guessed from."""
        return with_head(source, self.specification)

    @staticmethod
    def case(name: str, given: bytes) -> Case:
        """An example as a case."""
        return Case(name, "example", calls=(given,))

    @staticmethod
    def same(tolerance: Tolerance, first: bytes, second: bytes) -> bool:
        """Whether two answers are the same."""
        return first == second or tolerance.values(first, second) == ""


class ProgramForm:
    """A C++ program that reads stdin and prints; its inputs come from a generator that the specification brings.

    Args:
        specification: What is wanted.
    """

    def __init__(self, specification: Specification) -> None:
        self.specification = specification

    def task(self, folder: Path, python: str) -> Task:
        """As `FunctionForm.task`."""
        (folder / INPUTS).write_text(self.specification.inputs, "utf-8")
        (folder / PROGRAM).write_text(NOTHING, "utf-8")
        settings = Settings(kind="program", inputs=f"{folder / INPUTS}:make", python=python or None)
        return detect(folder / PROGRAM, settings)

    def screened(self, source: str) -> str:
        """As `FunctionForm.screened`."""
        return new_power(source, NOTHING, CPP)

    def standing(self, source: str) -> str:
        """The program as it is."""
        return source

    @staticmethod
    def case(name: str, given: bytes) -> Case:
        """As `FunctionForm.case`."""
        return Case(name, "example", stdin=given)

    @staticmethod
    def same(tolerance: Tolerance, first: bytes, second: bytes) -> bool:
        """As `FunctionForm.same`."""
        return first == second or tolerance.output(first, second) == ""
