"""Our kernel suite: the files in the folder beside this one; see its README."""

from __future__ import annotations

from pathlib import Path

from codeopt.evals.speed import SpeedTask
from codeopt.evals.suites._kernel import KernelSuite

FOLDER = Path(__file__).parent / "kernels"


class Kernels(KernelSuite):
    """All of them, by name."""

    name = "kernels"
    licence = "codeopt's own: MIT"

    def __init__(self) -> None:
        self.problems = [SpeedTask(file.stem, file) for file in sorted(FOLDER.glob("*.py"))]


def create(data: Path | None) -> Kernels:
    """The suite; it needs no data."""
    return Kernels()
