"""`codeopt data build|stats|validate|diff`: traces into a dataset, and looking at one."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from codeopt.cli.data import app, needs_data
from codeopt.cli.eval_options import show
from codeopt.errors import UserError

if TYPE_CHECKING:
    from codeopt.datasets.build import Built

SHOWN = 20
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a dataset.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def build(
    runs: Annotated[list[Path], typer.Argument(metavar="RUNS...", help="Folders of runs, or with runs somewhere below them.")],
    out: Annotated[Path, typer.Option(help="Folder of the dataset; a build that was stopped goes on there.")],
    title: Annotated[str, typer.Option(help="Heading of the card.")] = "Pairs of slow and fast programs",
    shares: Annotated[str, typer.Option(help="Shares of train, validation and test, by problem.")] = "0.9,0.05,0.05",
    seed: Annotated[int, typer.Option(help="Of the split.")] = 0,
    chat: Annotated[bool, typer.Option("--chat", help="Write prompts and completions as messages.")] = False,
    workers: Annotated[int, typer.Option(min=0, help="Processes; 0 is one a core.")] = 0,
    as_json: Json = False,
) -> None:
    """Make a dataset of runs: pairs, trajectories, failures, observations, and the forms that trainers take.

    Exit codes: 0 built, 2 bad input or nothing in the runs.
    """
    needs_data()
    from codeopt.datasets.build import Settings, build
    from codeopt.datasets.split import shares_of

    told = 0

    def progress(done: int, of: int) -> None:
        nonlocal told
        if 10 * done // of > told or done == of:
            told = 10 * done // of
            typer.echo(f"{done} of {of} runs", err=True)

    settings = Settings(title, seed, shares_of(shares), chat)
    built = build(runs, out, settings, workers=workers or len(os.sched_getaffinity(0)), progress=progress)
    if as_json:
        counts = {"runs": built.runs, "read": built.read, "rows": built.manifest.rows, "left_out": built.manifest.left_out}
        typer.echo(json.dumps(counts))
    else:
        _tell(built, out)
    if not built.manifest.rows.get("pairs"):
        raise UserError(f"no pair is in these {built.runs} runs", "none of them found something faster, or their verdicts are not in the trace")


def _tell(built: Built, out: Path) -> None:
    splits = ("train", "validation", "test")
    rows = [[name, *(f"{counts.get(split, 0):,}" for split in splits)] for name, counts in built.manifest.rows.items()]
    show(["configuration", *splits], rows)
    typer.echo(f"{built.runs:,} runs ({built.read:,} read now), {sum(built.manifest.problems.values()):,} problems with a pair: {out}")
    for one in built.left_out[:SHOWN]:
        typer.echo(f"left out: {one.file}:{one.line}: {one.kind}: {one.why}" if one.line else f"left out: {one.file}: {one.kind}: {one.why}", err=True)
    if len(built.left_out) > SHOWN:
        typer.echo(f"left out: {len(built.left_out) - SHOWN} more, all in {out / 'left-out.jsonl'}", err=True)


@app.command()
def stats(folder: Folder, as_json: Json = False) -> None:
    """Count what is in a dataset. Exit codes: 0 counted, 2 bad input."""
    needs_data()
    from codeopt.datasets.stats import stats
    from codeopt.datasets.store import Dataset

    found = stats(Dataset(folder))
    if as_json:
        typer.echo(json.dumps(found))
        return
    splits = ("train", "validation", "test")
    show(["configuration", *splits], [[name, *(f"{row.get(split, 0):,}" for split in splits)] for name, row in found["rows"].items()])
    show(
        ["pairs", "verified", "at least 1.1x", "problems"],
        [[f"{found['pairs']:,}", f"{found['verified']:,}", f"{found['at_least_1.1']:,}", f"{found['problems']:,}"]],
    )
    for name in ("speedup", "lines"):
        if found[name]:
            show([f"{name}, quantile", *found[name]], [["", *(f"{value:g}" for value in found[name].values())]])
    tables: dict[str, dict[str, Any]] = {**found["by"], "rule": found["rules"], "failures": found["failures"], "events": found["events"], "left out": found["left_out"]}
    for name, counts in tables.items():
        if counts:
            show([name, "count"], [[key or "(none)", f"{count:,}"] for key, count in counts.items()])


@app.command()
def validate(folder: Folder, as_json: Json = False) -> None:
    """Check that a dataset is what it says: schema, counts, pairs, splits. Exit codes: 0 it is, 1 it is not, 2 bad input."""
    needs_data()
    from codeopt.datasets.store import Dataset
    from codeopt.datasets.validate import findings

    dataset = Dataset(folder)
    found = []
    for one in findings(dataset):
        found.append(asdict(one))
        if not as_json and len(found) <= SHOWN:
            typer.echo(f"{one.file}:{one.row}: {one.what}" if one.row else f"{one.file}: {one.what}")
    if as_json:
        typer.echo(json.dumps(found))
    elif found:
        typer.echo(f"{len(found)} findings")
    else:
        typer.echo(f"{folder}: {dataset.count('pairs'):,} pairs, nothing found")
    raise typer.Exit(1 if found else 0)


@app.command()
def diff(
    old: Annotated[Path, typer.Argument(help="Folder of a dataset.")],
    new: Annotated[Path, typer.Argument(help="Folder of another one.")],
    as_json: Json = False,
) -> None:
    """Compare the pairs of two datasets. Exit codes: 0 they are the same, 1 they differ, 2 bad input."""
    needs_data()
    from codeopt.datasets.compare import difference
    from codeopt.datasets.store import Dataset

    found = difference(Dataset(old), Dataset(new))
    if as_json:
        typer.echo(json.dumps(asdict(found)))
    else:
        kinds = sorted(found.only_old.keys() | found.only_new.keys())
        if kinds:
            show(["pairs", f"only in {old}", f"only in {new}"], [[kind, str(found.only_old.get(kind, 0)), str(found.only_new.get(kind, 0))] for kind in kinds])
        for one in found.changed[:SHOWN]:
            typer.echo(f"{one['id']}: {one['old']:.2f}x, now {one['new']:.2f}x")
        typer.echo(
            f"{found.both:,} pairs in both, {len(found.changed):,} of them measured otherwise, {found.moved:,} in another split; "
            f"{found.problems_gone:,} problems gone, {found.problems_new:,} new"
        )
    raise typer.Exit(0 if found.same else 1)
