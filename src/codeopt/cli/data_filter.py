"""`codeopt data dedup|decontaminate|select|split|merge`: a dataset from another one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from codeopt.cli.data import app, needs_data
from codeopt.cli.eval_options import AsJson, Data, show
from codeopt.errors import UserError

if TYPE_CHECKING:
    from codeopt.datasets.decontaminate import Protected
    from codeopt.datasets.store import Manifest

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a dataset.")]
Out = Annotated[Path, typer.Option(help="Folder of the new dataset; it must not exist, or be empty.")]
SUITE = "suite:"


@app.command()
def dedup(
    folder: Folder,
    out: Out,
    level: Annotated[str, typer.Option(help="exact, normalised (names and layout do not count) or minhash (near ones, too).")] = "minhash",
    threshold: Annotated[float, typer.Option(help="Similarity from which two programs are near, for minhash.")] = 0.8,
    as_json: AsJson = False,
) -> None:
    """Leave out duplicates; of each group the pair stays whose gain is proved best. What splits share goes to one split.

    Exit codes: 0 done, 2 bad input.
    """
    needs_data()
    from codeopt.datasets.dedup import LEVELS, dedup
    from codeopt.datasets.store import Dataset

    chosen = next((one for one in LEVELS if one == level), None)
    if chosen is None:
        raise UserError(f"--level {level}: there is none", f"one of {', '.join(LEVELS)}")
    manifest, _ = dedup(Dataset(folder), out, chosen, threshold)
    _tell(manifest, out, as_json)


@app.command()
def decontaminate(
    folder: Folder,
    out: Out,
    against: Annotated[
        list[str] | None,
        typer.Option(metavar="suite:NAME|PATH", help="A suite, or a folder of programs and texts. Repeatable; default: every suite that models are tested on."),
    ] = None,
    threshold: Annotated[float, typer.Option(help="Similarity from which two programs are near.")] = 0.7,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Leave out whole problems whose programs or words stand in suites that models are tested on.

    The new dataset holds decontamination.md, a report. Exit codes: 0 done, 2 bad input.
    """
    needs_data()
    from codeopt.datasets.decontaminate import READABLE, decontaminate
    from codeopt.datasets.store import Dataset

    source = Dataset(folder)
    texts, left_out = protected(against or [], data)
    manifest, report = decontaminate(source, out, texts, threshold=threshold, left_out=left_out)
    if as_json:
        typer.echo(json.dumps(report))
        return
    rows = [
        [name, str(about["problems"]), *(str(about["removed"][rule]) for rule in ("same", "near", "words"))]
        for name, about in report["suites"].items()
    ]
    show(["suite", "its problems", "removed: same", "near", "words"], rows)
    for name, why in left_out.items():
        typer.echo(f"not checked: {name}: {why}", err=True)
    _tell(manifest, out, False)
    typer.echo(f"report: {out / READABLE}")


@app.command()
def select(
    folder: Folder,
    out: Out,
    budget: Annotated[int, typer.Option(min=0, help="The best N pairs, by complexity, quality and diversity.")] = 0,
    least: Annotated[float, typer.Option(min=0, help="All verified pairs of at least this speedup.")] = 0,
    per_problem: Annotated[int, typer.Option(min=1, help="With --budget: pairs of one problem, at most.")] = 8,
    as_json: AsJson = False,
) -> None:
    """Choose fewer, better pairs. Exit codes: 0 done, 2 bad input."""
    needs_data()
    from codeopt.datasets import select as selection
    from codeopt.datasets.store import Dataset

    selection.checked(budget, least)
    source = Dataset(folder)
    manifest = selection.select(source, out, budget, per_problem) if budget else selection.at_least(source, out, least)
    _tell(manifest, out, as_json)


@app.command()
def split(
    folder: Folder,
    out: Out,
    shares: Annotated[str, typer.Option(help="Of train, validation and test, by problem.")] = "0.9,0.05,0.05",
    seed: Annotated[int, typer.Option(help="Another one gives another split.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Split a dataset anew, by problem: all that solves one problem stays together. Exit codes: 0 done, 2 bad input."""
    needs_data()
    from codeopt.datasets.reshape import resplit
    from codeopt.datasets.split import shares_of
    from codeopt.datasets.store import Dataset

    _tell(resplit(Dataset(folder), out, shares_of(shares), seed), out, as_json)


@app.command()
def merge(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Folders of datasets.")],
    out: Out,
    title: Annotated[str, typer.Option(help="Heading of the card (default: the first one's).")] = "",
    as_json: AsJson = False,
) -> None:
    """Make one dataset of several; a problem goes where the first one has it. Exit codes: 0 done, 2 bad input."""
    needs_data()
    from codeopt.datasets.reshape import merge
    from codeopt.datasets.store import Dataset

    _tell(merge([Dataset(folder) for folder in folders], out, title), out, as_json)


def protected(against: list[str], data: Path | None) -> tuple[list[Protected], dict[str, str]]:
    """What must not be in the data, and the suites that were not checked -> why.

    Args:
        against: "suite:NAME" or paths; none stands for every suite that models are tested on.
        data: The suites' data folder.

    Raises:
        UserError: A suite or folder that was named is not there.
    """
    from codeopt.datasets.decontaminate import Protected
    from codeopt.evals import suites

    texts: list[Protected] = []
    left_out: dict[str, str] = {}
    for name in against or [SUITE + name for name in suites.names()]:
        if not name.startswith(SUITE):
            texts += _of_folder(Path(name))
            continue
        try:
            suite = suites.find(name.removeprefix(SUITE), data)
            if suite.for_training and not against:
                left_out[suite.name] = "models may learn from it"
                continue
            texts += [Protected(suite.name, *one) for one in suite.texts()]
        except UserError as error:
            if against:
                raise
            left_out[name.removeprefix(SUITE)] = error.message
    return texts, left_out


def _of_folder(folder: Path) -> Iterator[Protected]:
    """Programs by their endings, every other text as words."""
    from codeopt.agent.tasks.detect import CPP, PYTHON
    from codeopt.datasets.decontaminate import Protected

    if not folder.is_dir():
        raise UserError(f"--against {folder}: no such folder", f"give a folder, or {SUITE}NAME")
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        text = file.read_text("utf-8", "replace")
        language = "python" if file.suffix in PYTHON else "cpp" if file.suffix in CPP else ""
        yield Protected(str(folder), str(file.relative_to(folder)), language, text if language else "", "" if language else text)


def _tell(manifest: Manifest, out: Path, as_json: bool) -> None:
    last = manifest.filters[-1]
    if as_json:
        typer.echo(json.dumps(last.model_dump(mode="json")))
        return
    typer.echo(f"{last.before:,} pairs, {last.after:,} kept: {out}")
    if last.told:
        typer.echo(last.told)
