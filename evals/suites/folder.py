"""A user's own tasks: a folder with a folder for each, which holds a program and its `codeopt.toml`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from codeopt import config
from codeopt.agent.tasks.detect import CPP, PYTHON
from codeopt.agent.tasks.kernel import is_kernel
from codeopt.errors import UserError
from codeopt.evals.speed import SpeedTask
from codeopt.evals.suites._kernel import KernelSuite
from codeopt.evals.suites._speed import SpeedSuite

SUFFIXES = (*PYTHON, *CPP)


class _Below:
    """Tasks below a folder, by the names of theirs."""

    what = "tasks"

    def __init__(self, folder: Path, problems: Sequence[SpeedTask]) -> None:
        self.name, self.licence, self.problems = folder.name or str(folder.resolve()), f"{self.what} in {folder}", problems


class Folder(_Below, SpeedSuite):
    """Programs and functions."""


class KernelFolder(_Below, KernelSuite):
    """Kernels."""

    what = "kernels"


def program(folder: Path) -> Path:
    """The program of a task: what `file` names, else the only source file that no other setting names.

    Raises:
        UserError: There is none, or more than one.
    """
    settings = config.read(folder / config.NAME)
    if settings.file is not None:
        if not Path(settings.file).is_file():
            raise UserError(f"{folder / config.NAME}: no file {settings.file}", "name the task's program")
        return Path(settings.file)
    named = {path.partition(":")[0] for path in (settings.inputs, settings.codec, settings.oracle, settings.relations) if path}
    named |= set(settings.tests or ())
    found = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in SUFFIXES and str(path.resolve()) not in named]
    if len(found) != 1:
        raise UserError(f"{folder}: {len(found)} source files that could be the program", f'say which in {config.NAME}: file = "slow.py"')
    return found[0].resolve()


def create(folder: Path) -> Folder | KernelFolder:
    """The suite of a folder.

    Raises:
        UserError: It holds no task, or one that is not clear; or kernels beside other programs.
    """
    problems = [SpeedTask(path.parent.name, program(path.parent)) for path in sorted(folder.glob(f"*/{config.NAME}"))]
    if not problems:
        raise UserError(f"no task in {folder}", f"each is a folder in it with a program and a {config.NAME}")
    kernels = [task for task in problems if task.file.suffix == ".py" and is_kernel(task.file.read_text("utf-8", "replace"))]
    if not kernels:
        return Folder(folder, problems)
    if len(kernels) < len(problems):
        raise UserError(f"{folder} holds kernels ({kernels[0].task_id}) and other programs", "give each kind a folder of its own")
    return KernelFolder(folder, problems)
