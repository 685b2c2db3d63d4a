"""Short classic algorithms in C++, each with a generator of its stdin: fast as they stand, to be made slow and fast again.

They read integers and print integers; `evals/programs/cpp` has a folder for each.
"""

from __future__ import annotations

from pathlib import Path

from codeopt import config
from codeopt.evals.speed import SpeedTask
from codeopt.evals.suites._speed import SpeedSuite

FOLDER = Path(__file__).parent.parent / "programs" / "cpp"


class Classics(SpeedSuite):
    """All of them, by name."""

    name = "classics"
    for_training = True
    licence = "codeopt's own: MIT"

    def __init__(self) -> None:
        self.problems = [SpeedTask(file.parent.name, file.parent / "main.cpp") for file in sorted(FOLDER.glob(f"*/{config.NAME}"))]


def create(data: Path | None) -> Classics:
    """The suite; it needs no data."""
    return Classics()
