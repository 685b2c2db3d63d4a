"""A command line as the runner takes it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codeopt.agent.tasks.model import Task
from codeopt.errors import UserError


@dataclass(frozen=True)
class Spec:
    """A command as the runner takes it."""

    mode: str
    name: str
    argv: tuple[str, ...]

    def request(self) -> dict[str, Any]:
        return {"script": self.name, "argv": list(self.argv), "module_mode": self.mode == "module"}


def spec_of(task: Task) -> Spec:
    """Split a command into script or module and arguments.

    Raises:
        UserError: It is not a Python command.
    """
    words = list(task.command)
    if words and Path(words[0]).name.startswith("python"):
        words = words[1:]
    if len(words) >= 2 and words[0] == "-m":
        return Spec("module", words[1], tuple(words[2:]))
    if words and task.file and words[0].endswith(".py"):
        return Spec("script", task.file, tuple(words[1:]))
    raise UserError(
        f"{task.command[0]} is not a Python script",
        "for a C++ program give its source: codeopt optimize FILE.cpp --args '…'",
    )
