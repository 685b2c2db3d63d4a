"""`codeopt report`: a run, evaluations or a training as one HTML file for a person."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from codeopt.cli.eval_options import Ks, numbers
from codeopt.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from codeopt.agent.report import Outcome

Kind = Literal["run", "evaluation", "training"]
NAME = "report.html"
MOST_AT_ONCE = 40
"""Candidates of a run whose page is written at its end: that takes some 0.2 s. Of a longer one it waits for the command."""
HINT = "name the folder of a codeopt optimize, of a codeopt eval (one or several), or of a codeopt train"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        name="report",
        help=(
            "Write what came of a run, of one or several evaluations, or of a training as one HTML file. It needs no network and runs "
            "no script. A run may still go on, or have been killed. Exit codes: 0 written, 2 bad input."
        ),
    )(report)


def report(
    folders: Annotated[list[Path], typer.Argument(metavar="RUN|RESULTS", help="Folder of a run, a training, or of evaluations.")],
    out: Annotated[Path | None, typer.Option(metavar="FILE", help=f"File to write (default: {NAME} in the folder; of several, here).")] = None,
    k: Ks = "1,10",
    as_json: Annotated[bool, typer.Option("--json", help="Print what was written as JSON.")] = False,
) -> None:
    """The command itself; see `register` for its help."""
    kinds = [kind_of(folder) for folder in folders]
    if len(folders) > 1 and set(kinds) != {"evaluation"}:
        other = next(place for place, kind in enumerate(kinds) if kind != "evaluation")
        raise UserError(f"{folders[other]} is a {kinds[other]}, and several folders are one page for evaluations only", "give it alone")
    file = out or (folders[0] / NAME if len(folders) == 1 else Path(NAME))
    from codeopt.page.html import write

    write(file, made(kinds[0], folders, numbers("-k", k, 1)))
    if as_json:
        typer.echo(json.dumps({"kind": kinds[0], "file": str(file.absolute()), "folders": [str(folder.absolute()) for folder in folders]}))
    else:
        typer.echo(f"report: {file}")


def kind_of(folder: Path) -> Kind:
    """What a folder holds. Raises UserError where it is nothing that can be reported."""
    if not folder.is_dir():
        raise UserError(f"no such folder: {folder}", HINT)
    if (folder / "trace.jsonl").is_file():
        return "run"
    if (folder / "rows.jsonl").is_file() or (folder / "scores" / "rows.jsonl").is_file():
        return "evaluation"
    if (folder / "training.json").is_file() or (folder / "settings.json").is_file():
        return "training"
    if (folder / "samples.jsonl").is_file():
        raise UserError(f"the samples in {folder} are not scored yet", f"codeopt eval score SUITE --samples-from {folder / 'samples.jsonl'}")
    inside = sorted(path.parent for path in folder.glob("*/trace.jsonl"))
    if inside:
        raise UserError(f"{folder} holds {len(inside)} runs", f"name one of them, like {inside[-1]}")
    raise UserError(f"{folder} holds no run, no scores and no training", HINT)


def made(kind: Kind, folders: Sequence[Path], ks: Sequence[int]) -> str:
    """The page of folders of that kind. Raises UserError where they cannot be read."""
    if kind == "run":
        from codeopt.agent.story import page

        return page.page(folders[0])
    if kind == "training":
        from codeopt.training import page as training

        return training.page(folders[0])
    from codeopt.evals import compare
    from codeopt.evals import report as evaluations

    return evaluations.page(compare.read_all(folders), ks)


def written_page(outcome: Outcome, say: Callable[[str], None]) -> None:
    """Write the page of a run that has just ended, where that is quick; it is then among the outcome's files as "page".

    Args:
        say: Told why there is none: the result is there, whatever became of its page.
    """
    parts = [outcome.summary, *outcome.summary.get("functions", ())]
    if not (outcome.run / "trace.jsonl").is_file() or sum(sum(part.get("candidates", {}).values()) for part in parts) > MOST_AT_ONCE:
        return
    from codeopt.page.html import write

    file = outcome.run / NAME
    try:
        write(file, made("run", [outcome.run], ()))
    except Exception as error:
        say(f"no {NAME}: {error}")
        return
    outcome.files["page"] = file
