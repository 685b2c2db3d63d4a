"""Suites: sets of problems with a way to score samples. Each is one file here; a folder of tasks is one, too."""

from __future__ import annotations

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Generic, NamedTuple, Protocol, TypeVar

from codeopt.agent.spec.reading import Specification
from codeopt.agent.spec.ways import way_names
from codeopt.agent.tasks.detect import CPP
from codeopt.errors import UserError
from codeopt.evals.enamel import Score
from codeopt.evals.kernels import KernelRow
from codeopt.evals.lane import Lane
from codeopt.evals.rows import Row
from codeopt.evals.speed import Gain, SpeedTask

PROMPTS = Path(__file__).parent.parent / "prompts"
NOT_BY_NAME = "folder"


class Text(NamedTuple):
    """A text that a suite holds: the problem's name, the language, a solution and what models are asked, "" for none."""

    problem: str
    language: str
    program: str
    prompt: str = ""


class Problem(Protocol):
    """A problem of a suite."""

    @property
    def task_id(self) -> str: ...


class Bench(Protocol):
    """A problem ready to score samples; its constructor raises UserError where it cannot be used here."""

    def calibrate(self) -> None:
        """Time what samples are held against, now. Raises UserError where it fails."""
        ...

    def score(self, number: int, source: str) -> Row:
        """Run and judge one sample."""
        ...

    def close(self) -> None: ...


AnyProblem = TypeVar("AnyProblem", bound=Problem)


class Suite(ABC, Generic[AnyProblem]):
    """One suite.

    Attributes:
        name: As it is called on the command line.
        licence: Of its data, in one line.
        row: What its scored samples are.
        template: Jinja file of the prompt; it may use the names of `values`.
        problems: Those that count, in order.
        for_training: What models may learn from; every other suite is what they are tested on.
    """

    for_training: ClassVar[bool] = False

    name: str
    licence: str
    row: type[Row]
    template: Path
    problems: Sequence[AnyProblem]

    def chosen(self, names: Sequence[str]) -> list[AnyProblem]:
        """The problems of these names, or all. A name is a task_id or what follows its last slash.

        Raises:
            UserError: There is none of such a name.
        """
        known = self.names()
        wrong = [name for name in names if name not in known]
        if wrong:
            raise UserError(f"{self.name} has no problem {wrong[0]!r}", "see docs/suites.md")
        return [known[name] for name in names] if names else list(self.problems)

    def names(self) -> dict[str, AnyProblem]:
        """The problems by task_id and by what follows its last slash."""
        return {name: one for one in self.problems for name in (one.task_id.rpartition("/")[2], one.task_id)}

    @abstractmethod
    def values(self, problem: AnyProblem) -> dict[str, str]:
        """What the prompt's template may use."""

    @abstractmethod
    def program(self, problem: AnyProblem, answer: str, finish: str) -> str:
        """The program in a model's answer, as `Bench.score` takes it. Raises EditError where there is none."""

    @abstractmethod
    def bench(self, problem: AnyProblem, lane: Lane) -> Bench:
        """The problem, ready in a lane. Raises UserError where it cannot be used here."""

    def texts(self) -> Iterator[Text]:
        """Everything in it that a model which is tested on it must not have learnt from.

        Here the programs that its problems start from.
        """
        for problem in self.problems:
            file = self.task(problem).file
            language = "cpp" if file.suffix in CPP else "python"
            yield Text(problem.task_id, language, file.read_text("utf-8", "replace"))

    def task(self, problem: AnyProblem) -> SpeedTask:
        """The program that is to be made faster, for strategies that start from one.

        Raises:
            UserError: The suite asks for new programs.
        """
        raise UserError(
            f"{self.name} asks for new programs: there is none to start from", f"--strategy {', '.join(way_names())}"
        )

    def specification(self, problem: AnyProblem) -> Specification:
        """What is wanted, for strategies that start from a description.

        Raises:
            UserError: The suite asks for faster versions of programs.
        """
        raise UserError(f"{self.name} starts from programs, not from specifications", "--strategy search or rules")


def row_of(kind: str) -> type[Row]:
    """What the samples of a run of that kind are. Raises KeyError for a kind that there is not."""
    return {row.kind: row for row in (Score, Gain, KernelRow)}[kind]


def names() -> tuple[str, ...]:
    """The suites that have a name."""
    found = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return tuple(name.replace("_", "-") for name in found if name != NOT_BY_NAME and not name.startswith("_"))


def find(name: str, data: Path | None) -> Suite[Any]:
    """A suite by its name, the folder of tasks at that path, or the dataset there.

    Args:
        data: The data folder; see `codeopt.evals.humaneval.folder_of`.

    Raises:
        UserError: There is none, or its data is not there.
    """
    if name in names():
        made: Suite[Any] = importlib.import_module(f"{__name__}.{name.replace('-', '_')}").create(data)
        return made
    if (Path(name) / "dataset.json").is_file():
        from codeopt.evals.suites._dataset import Held

        return Held(Path(name))
    if Path(name).is_dir():
        from codeopt.evals.suites import folder

        return folder.create(Path(name))
    raise UserError(f"there is no suite {name!r}", f"one of {', '.join(names())}, a folder of tasks, or a dataset")
