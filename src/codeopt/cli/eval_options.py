"""Options that the commands of `codeopt eval` share, and how they show what goes on."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from codeopt.errors import UserError

if TYPE_CHECKING:
    from codeopt.evals.suites import Suite

SuiteName = Annotated[str, typer.Argument(metavar="SUITE", help="enamel, humaneval-speed, mbpp, classics, pie, kernels, kernelbench, a folder of tasks, or a dataset.")]
Data = Annotated[Path | None, typer.Option(help="Folder of the suites' data (default: CODEOPT_DATA, else the hub).")]
Out = Annotated[Path | None, typer.Option(help="Folder of the results; a stopped run goes on from it.")]
Ids = Annotated[str, typer.Option(help="Names of problems, comma-separated (default: all that count).")]
Limit = Annotated[int, typer.Option(min=0, help="Only the first N problems (0: all).")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Ks = Annotated[str, typer.Option("-k", "--k", help="Figures for the best of k samples, for these k.")]
Lanes = Annotated[int, typer.Option(min=1, help="Problems at a time, one pinned core each; kernels one GPU each.")]
SandboxKind = Annotated[str, typer.Option("--sandbox", help="auto, docker, docker-image, bubblewrap or process.")]


def open_suite(name: str, data: Path | None, ids: str, limit: int) -> tuple[Suite[Any], list[Any]]:
    """The suite and its chosen problems. Raises UserError."""
    from codeopt.evals import suites

    suite = suites.find(name, data)
    named = [part.strip() for part in ids.split(",") if part.strip()]
    return suite, suite.chosen(named)[: limit or None]


def run_folder(out: Path | None, name: str) -> Path:
    """Where a run's results go: --out, else a new folder with the time in its name."""
    plain = re.sub(r"[^\w.-]+", "-", name)
    return out or Path(".codeopt") / "evals" / f"{plain}-{time.strftime('%Y%m%d-%H%M%S')}"


def numbers(option: str, text: str, least: int) -> list[int]:
    """The numbers of a comma-separated list. Raises UserError for anything else."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not all(part.isdigit() and int(part) >= least for part in parts):
        raise UserError(f"{option} {text!r}: numbers from {least} on are wanted", "like 1,10")
    return [int(part) for part in parts]


class Progress:
    """A line for each sample, with what is left to do."""

    def __init__(self, total: int, quiet: bool) -> None:
        self._total, self._quiet = total, quiet
        self.done, self._started = 0, time.monotonic()

    def tell(self, line: str) -> None:
        self.done += 1
        if self._quiet:
            return
        left = (time.monotonic() - self._started) / self.done * (self._total - self.done)
        typer.echo(f"[{self.done}/{self._total}, {left:.0f} s left] {line}")


def write(file: Path, text: str) -> None:
    """Write a whole file or nothing. Raises UserError where that cannot be done."""
    part = file.with_name(file.name + ".part")
    try:
        part.write_text(text, "utf-8")
        os.replace(part, file)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise UserError(f"{file} cannot be written ({error.strerror})", "name another file") from None


def show(columns: Sequence[str], rows: Sequence[Sequence[str]], *, whole: bool = False) -> None:
    """Print a table; `whole`: past the terminal's width, so that what is in it can be copied."""
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns, box=None)
    for row in rows:
        table.add_row(*row)
    console = Console()
    if whole:
        needed = console.measure(table, options=console.options.update(max_width=10_000)).maximum
        console = Console(width=max(console.width, needed), soft_wrap=True)
    console.print(table)
