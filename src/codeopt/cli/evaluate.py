"""`codeopt eval`: how good models are at fast programs, over a whole suite."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from codeopt.errors import UserError

if TYPE_CHECKING:
    from codeopt.evals.enamel import Score

app = typer.Typer(no_args_is_help=True, help="Evaluate generated programs over a suite.")
SUITES = {"enamel": "ENAMEL (Qiu et al., ICLR 2025): Apache-2.0; its prompts are HumanEval's: MIT"}


@app.callback()
def _root() -> None:
    pass


@app.command()
def score(
    suite: Annotated[str, typer.Argument(help="The suite: enamel.")],
    samples_from: Annotated[
        Path, typer.Option(help="Programs to score: ENAMEL's JSON, or EvalPlus's JSONL (task_id, solution).")
    ],
    data: Annotated[Path | None, typer.Option(help="Folder that holds enamel/ (default: CODEOPT_DATA).")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the results; a stopped run goes on from it.")] = None,
    ids: Annotated[str, typer.Option(help="Numbers of problems, comma-separated (default: all that count).")] = "",
    limit: Annotated[int, typer.Option(min=0, help="Only the first N problems (0: all).")] = 0,
    k: Annotated[str, typer.Option("-k", "--k", help="Report pass@k and eff@k for these k.")] = "1,5,10,20",
    lanes: Annotated[int, typer.Option(min=1, help="Problems at a time, one pinned core each.")] = 1,
    sandbox: Annotated[str, typer.Option(help="auto, docker, docker-image, bubblewrap or process.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Score programs that exist already; no model is asked. Exit codes: 0 scored, 2 bad input, 130 interrupted."""
    from codeopt.evals import enamel, samples
    from codeopt.evals.humaneval import problems
    from codeopt.evals.score import Plan, summary
    from codeopt.evals.score import score as score_all

    if suite not in SUITES:
        raise UserError(f"there is no suite {suite!r}", f"one of: {', '.join(SUITES)}")
    chosen = enamel.chosen(list(problems(data)), numbers("--ids", ids, 0))
    found = samples.read(samples_from)
    chosen = [problem for problem in chosen if found.get(problem.number)][: limit or None]
    if not chosen:
        raise UserError(f"{samples_from} has no program for these problems", "leave out --ids, or give another file")
    folder = out or Path(".codeopt") / "evals" / f"{samples_from.stem}-{time.strftime('%Y%m%d-%H%M%S')}"
    plan = Plan(chosen, found, sandbox, lanes, folder, samples_from)
    total = sum(len(found[problem.number]) for problem in chosen)
    if not as_json:
        typer.echo(f"{SUITES[suite]}\n{total} programs for {len(chosen)} problems; results in {folder}")
    progress = Progress(total, quiet=as_json)
    try:
        scores = score_all(plan, lambda one: progress.tell(_line(one)), lambda line: typer.echo(line, err=True))
    except KeyboardInterrupt:
        typer.echo(f"interrupted: what is scored is kept; the same command with --out {folder} goes on", err=True)
        raise typer.Exit(130) from None
    if not scores:
        raise UserError("nothing could be scored", "see the lines above")
    figures = summary(scores, numbers("-k", k, 1))
    (folder / "summary.json").write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    if as_json:
        typer.echo(json.dumps({"folder": str(folder), **figures}))
        return
    show(["figure", "value", "95 % interval over problems"], _rows(figures))


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


def _line(score: Score) -> str:
    what = f"e {score.e:.2f}" if score.passed else f"{score.status}: {score.evidence.splitlines()[-1][:80]}" if score.evidence else str(score.status)
    return f"problem {score.problem} sample {score.sample}: {what}"


def _rows(figures: dict[str, Any]) -> list[list[str]]:
    return [
        [name, f"{value[0]:.3f}", f"{value[1]:.3f} to {value[2]:.3f}"] if isinstance(value, list) else [name, str(value), ""]
        for name, value in figures.items()
    ]


def show(columns: list[str], rows: list[list[str]], *, whole: bool = False) -> None:
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
