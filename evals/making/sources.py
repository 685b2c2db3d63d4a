"""Base programs: a suite's, a folder of a person's tasks, or the functions of Python sources."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codeopt import config
from codeopt.errors import UserError
from codeopt.evals import suites
from codeopt.evals.making import functions
from codeopt.evals.speed import Gain

PERMISSIVE = ("MIT", "BSD", "Apache", "PSF", "Python Software Foundation", "ISC", "0BSD", "Unlicense", "CC BY 4.0", "CC0", "CDLA-Permissive")


@dataclass(frozen=True)
class Base:
    """A program that others are held against.

    Attributes:
        name: Of its run: unique in a source.
        file: A `codeopt.toml` beside it says what there is to say.
        problem_id: Everything of a problem is in one split of a dataset.
        source, licence: Where it comes from, and on which terms.
    """

    name: str
    file: Path
    problem_id: str
    source: str
    licence: str


class Source:
    """One source.

    Args:
        name: A suite, a folder of tasks, a Python package that is installed, or a folder of Python files.
        data: The suites' data folder.
        any_licence: Take what is not permissive, too.

    Attributes:
        licence: Of what it holds, in one line.
        skipped: Why functions were left out before anything ran -> how many.

    Raises:
        UserError: There is none of that name, it is a test set, or its licence is not permissive.
    """

    def __init__(self, name: str, data: Path | None, any_licence: bool = False) -> None:
        self.name = name
        self.skipped: dict[str, int] = {}
        self._suite: Any = None
        self._sources: functions.Sources | None = None
        if name in suites.names() or any(Path(name).glob(f"*/{config.NAME}")):
            self._suite = suites.find(name, data)
            if name in suites.names() and not self._suite.for_training:
                raise UserError(f"{name} is a test set: nothing is to be learnt from it", "make data from mbpp, a package or your own tasks")
            if self._suite.row is not Gain:
                raise UserError(f"{name} has no programs to start from", "give a suite of programs, such as mbpp")
            self.licence = str(self._suite.licence)
            return
        self._sources = functions.find(name)
        self.licence = self._sources.licence
        if not any_licence and not permissive(self.licence):
            raise UserError(f"{name}: its licence ({self.licence or 'not stated'}) is none of the permissive ones that are known", "--any-licence takes it all the same")

    def bases(self, ids: tuple[str, ...] = ()) -> Iterator[Base]:
        """The programs, or those of these names. Raises UserError where there is none of a name."""
        if self._suite is not None:
            named = self._suite.name if self._suite.name in suites.names() else ""
            for one in self._suite.chosen(ids):
                yield Base(one.task_id, one.file, one.problem_id or one.task_id, named, _short(self.licence) if named else "")
            return
        assert self._sources is not None
        for found in self._sources.functions(self.skipped):
            if not ids or found.name in ids:
                yield Base(found.name, found.file, found.name, self._sources.name, self.licence)


def permissive(licence: str) -> bool:
    """Whether it is one that lets anybody do nearly anything."""
    return any(word.lower() in licence.lower() for word in PERMISSIVE) and "GPL" not in licence


def _short(licence: str) -> str:
    """ "CC BY 4.0" of "MBPP (…): CC BY 4.0; its solutions are …"."""
    return licence.partition("): ")[2].partition(";")[0] or licence
