"""`codeopt data make|rerun`: verified pairs from programs without asking a model, and pairs judged again."""

from __future__ import annotations

import contextlib
import json
import random
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from codeopt.cli.data import app, needs_data
from codeopt.cli.eval_options import AsJson, Data, Ids, Lanes, Limit, SandboxKind, show
from codeopt.errors import UserError

if TYPE_CHECKING:
    from codeopt.evals.making.record import Summary
    from codeopt.evals.making.sources import Source

Pairs = Annotated[int, typer.Option("--timings", min=10, help="Pairs of timings for each program.")]


@app.command()
def make(
    sources: Annotated[list[str], typer.Argument(metavar="SOURCE...", help="A suite (mbpp, classics), a folder of tasks, an installed Python package, or a folder of Python files.")],
    out: Annotated[Path, typer.Option(help="Gets the folder of a run for each program; what was stopped goes on there.")],
    how: Annotated[str, typer.Option(help="rules, inverse and samples, comma-separated.")] = "rules,inverse",
    samples_from: Annotated[Path | None, typer.Option(help="Programs of a model, as codeopt eval generate writes them.")] = None,
    model: Annotated[str, typer.Option(help="Who wrote these programs (default: what the file's config.json says).")] = "",
    per_program: Annotated[int, typer.Option(min=1, help="Programs for each base and way, at most.")] = 12,
    timings: Pairs = 12,
    any_licence: Annotated[bool, typer.Option("--any-licence", help="Take sources whose licence is not permissive, too.")] = False,
    time: Annotated[float, typer.Option(min=0, help="Stop after so many seconds (0: when all is done).")] = 0,
    seed: Annotated[int, typer.Option(help="Of inputs and of choices.")] = 0,
    data: Data = None,
    ids: Ids = "",
    limit: Limit = 0,
    lanes: Lanes = 1,
    sandbox: SandboxKind = "auto",
    as_json: AsJson = False,
) -> None:
    """Make verified, measured pairs: rewrites of fast and slow programs, held against the program they were made from.

    Each program's run lies in OUT/NAME; codeopt data build makes a dataset of them. Exit codes: 0 done, 2 bad input,
    130 interrupted.
    """
    from codeopt.evals.making.record import Recorder
    from codeopt.evals.making.sources import Source
    from codeopt.evals.making.ways import Ways

    names, given = _how(how, samples_from)
    wanted = tuple(part.strip() for part in ids.split(",") if part.strip())
    opened = [Source(name, data, any_licence) for name in sources]
    for source in opened:
        typer.echo(f"{source.name}: {source.licence or 'no licence stated'}", err=True)
    ways = Ways(names, per_program, seed, given, model or _model(samples_from))
    options = {"how": list(names), "per_program": per_program, "pairs": timings, "sandbox": sandbox}
    recorder = Recorder(out, ways, lambda line: typer.echo(line, err=True), options)
    stopped = False
    try:
        recorder.run(_bases(opened, wanted, limit), sandbox=sandbox, lanes=lanes, pairs=timings, seconds=time)
    except KeyboardInterrupt:
        stopped = True
    found = recorder.summary
    skipped = dict(sum((Counter(source.skipped) for source in opened), Counter[str]()))
    if as_json:
        typer.echo(json.dumps({**vars(found), "skipped": skipped, "lanes": lanes, **_rates(found, lanes)}))
    else:
        _tell(found, skipped, lanes)
    if stopped:
        typer.echo("interrupted: what is judged is kept; the same command goes on", err=True)
        raise typer.Exit(130)
    if not found.opened and not found.bases["finished before"]:
        raise UserError("no program could be used", "see the lines above")


def _how(how: str, samples_from: Path | None) -> tuple[tuple[str, ...], dict[str, list[str]]]:
    """The ways, and the samples. Raises UserError."""
    from codeopt.evals import samples
    from codeopt.evals.making.ways import NAMES

    names = tuple(part.strip() for part in how.split(",") if part.strip())
    wrong = [name for name in names if name not in NAMES]
    if wrong or not names:
        raise UserError(f"--how {how}: there is no way {(wrong or [''])[0]!r}", f"of {', '.join(NAMES)}")
    if ("samples" in names) != (samples_from is not None):
        raise UserError("--how samples and --samples-from belong together", "give both, or neither")
    return names, samples.read(samples_from) if samples_from is not None else {}


def _model(file: Path | None) -> str:
    """Who wrote the samples, by the configuration that codeopt eval generate leaves beside them."""
    if file is None:
        return ""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        return str(json.loads((file.parent / "config.json").read_text("utf-8")).get("model", ""))
    return ""


def _bases(sources: list[Source], ids: tuple[str, ...], limit: int) -> Any:
    for source in sources:
        for number, base in enumerate(source.bases(ids)):
            if limit and number >= limit:
                break
            yield base


def _rates(found: Summary, lanes: int) -> dict[str, float]:
    pairs = sum(row["faster"] + row["slower"] for row in found.pairs.values())
    minutes = max(found.wall_s, 1e-9) / 60
    return {
        "pairs_total": pairs,
        "pairs_per_minute_and_lane": round(pairs / minutes / lanes, 2),
        "seconds_per_base": round(found.open_s / max(found.opened, 1), 3),
        "seconds_per_program": round((found.open_s + found.judge_s) / max(found.programs, 1), 3),
    }


def _tell(found: Summary, skipped: dict[str, int], lanes: int) -> None:
    show(["programs to start from", "count"], [[name, f"{count:,}"] for name, count in found.bases.most_common()])
    reasons = [*found.dropped.most_common(), *sorted(skipped.items(), key=lambda one: -one[1])]
    if reasons:
        show(["left out", "count"], [[why, f"{count:,}"] for why, count in reasons])
    statuses = sorted({status for row in found.statuses.values() for status in row})
    show(["way", *statuses], [[way, *(f"{row[status]:,}" for status in statuses)] for way, row in found.statuses.items()])
    columns = ("faster", "slower", "at least 1.1x")
    show(["pairs", *columns], [[way, *(f"{row[name]:,}" for name in columns)] for way, row in found.pairs.items()])
    rates = _rates(found, lanes)
    typer.echo(
        f"{rates['pairs_total']:,} pairs in {found.wall_s:.0f} s: {rates['pairs_per_minute_and_lane']} a minute and lane; "
        f"{rates['seconds_per_base']} s to open a base, {rates['seconds_per_program']} s a program in all"
    )
    if found.stopped:
        typer.echo("the time was over first; the same command goes on")


@app.command()
def rerun(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a dataset.")],
    pairs: Annotated[int, typer.Option(min=1, help="Pairs that are chosen at random.")] = 3000,
    timings: Pairs = 12,
    seed: Annotated[int, typer.Option(help="Of the choice and of the fresh inputs.")] = 1,
    lanes: Lanes = 1,
    sandbox: SandboxKind = "auto",
    as_json: AsJson = False,
) -> None:
    """Judge random pairs of a dataset again on fresh inputs. Exit codes: 0 none is wrong or slower, 1 some are, 2 bad input, 130 interrupted."""
    needs_data()
    from codeopt.datasets.store import Dataset
    from codeopt.evals.making.again import rerun

    rows = _chosen(Dataset(folder), pairs, seed)
    if not rows:
        raise UserError(f"{folder} holds no pairs that were measured here", "build one with codeopt data build")
    found = rerun(
        rows, seed=seed, sandbox=sandbox, lanes=lanes, pairs=timings, tell=lambda line: typer.echo(line, err=True)
    )
    if as_json:
        typer.echo(json.dumps(vars(found)))
    else:
        names = ("asked", "run", "confirmed", "not_confirmed")
        counts = [[name.replace("_", " "), f"{getattr(found, name):,}"] for name in names]
        show(["pairs", "count"], [*counts, ["slower", f"{len(found.slower):,}"], ["wrong", f"{len(found.wrong):,}"]])
        if found.no_verdict:
            show(["no verdict", "count"], [[why, f"{count:,}"] for why, count in found.no_verdict.most_common()])
    raise typer.Exit(1 if found.wrong or found.slower else 0)


def _chosen(dataset: Any, count: int, seed: int) -> list[dict[str, Any]]:
    """Random pairs that were measured by a holdout, every one as likely (Vitter's reservoir, 1985)."""
    columns = ("id", "run", "language", "kind", "function", "submission_id_v1", "input", "target", "flags", "proof", "inputs", "seed")
    rng, kept, seen = random.Random(seed), list[dict[str, Any]](), 0
    for row in dataset.rows("pairs", columns=columns):
        if row["proof"] != "holdout":
            continue
        seen += 1
        if len(kept) < count:
            kept.append(row)
        elif (at := rng.randrange(seen)) < count:
            kept[at] = row
    return kept
