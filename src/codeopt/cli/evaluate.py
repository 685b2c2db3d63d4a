"""`codeopt eval`: how good models are at fast programs, over a whole suite."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
import typer.core

from codeopt.cli import eval_options as options
from codeopt.errors import UserError


class Commands(typer.core.TyperGroup):
    """What is no command is a suite: `codeopt eval SUITE …` is `codeopt eval run SUITE …`."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            args = ["run", *args]
        return super().resolve_command(ctx, args)


app = typer.Typer(cls=Commands, no_args_is_help=True, help="Evaluate generated programs over a suite.")


@app.callback()
def _root() -> None:
    pass


@app.command()
def score(
    suite: options.SuiteName,
    samples_from: Annotated[
        Path, typer.Option(help="Programs to score: ENAMEL's JSON, EvalPlus's JSONL, or PIE's (docs/suites.md).")
    ],
    data: options.Data = None,
    out: options.Out = None,
    ids: options.Ids = "",
    limit: options.Limit = 0,
    k: options.Ks = "1,5,10,20",
    lanes: options.Lanes = 1,
    sandbox: options.SandboxKind = "auto",
    as_json: options.AsJson = False,
) -> None:
    """Score programs that exist already; no model is asked. Exit codes: 0 scored, 2 bad input, 130 interrupted."""
    found, chosen = options.open_suite(suite, data, ids, limit)
    folder = options.run_folder(out, samples_from.stem)
    if not as_json:
        typer.echo(found.licence)
    figures = scored(found, chosen, samples_from, folder, options.numbers("-k", k, 1), lanes, sandbox, as_json)
    if as_json:
        typer.echo(json.dumps(figures))


def scored(
    suite: Any, chosen: list[Any], source: Path, folder: Path, ks: list[int], lanes: int, sandbox: str, quiet: bool
) -> dict[str, Any]:
    """Score a file of samples, show and keep the figures; they are returned with the name of the folder.

    Raises:
        UserError: No samples, bad input, or nothing that could be scored.
        typer.Exit: Interrupted; what is scored is kept.
    """
    from codeopt.evals import rows, samples
    from codeopt.evals.score import Plan
    from codeopt.evals.score import score as score_all

    known = suite.names()
    programs = {known[name].task_id: given for name, given in samples.read(source).items() if name in known}
    chosen = [problem for problem in chosen if programs.get(problem.task_id)]
    if not chosen:
        raise UserError(f"{source} has no program for these problems", "leave out --ids, or give another file")
    plan = Plan(suite, chosen, programs, sandbox, lanes, folder, source)
    total = sum(len(programs[problem.task_id]) for problem in chosen)
    if not quiet:
        typer.echo(f"{total} programs for {len(chosen)} problems; results in {folder}")
    progress = options.Progress(total, quiet)
    try:
        found = score_all(
            plan,
            lambda one: progress.tell(f"{one.task_id} sample {one.sample}: {one.told()}"),
            lambda line: typer.echo(line, err=True),
        )
    except KeyboardInterrupt:
        typer.echo(f"interrupted: what is scored is kept; the same command with --out {folder} goes on", err=True)
        raise typer.Exit(130) from None
    if not found:
        raise UserError("nothing could be scored", "see the lines above")
    figures = {"not_scored": len(chosen) - len(rows.by_task(found)), **rows.summary(found, ks)}
    (folder / "summary.json").write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    if not quiet:
        options.show(["figure", "value", "95 % interval over problems"], rows.as_text(figures))
    return {"folder": str(folder), **figures}
