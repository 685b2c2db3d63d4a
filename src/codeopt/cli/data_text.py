"""`codeopt data anonymise` and `codeopt data perplexity`: views and figures of programs' texts."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from codeopt.cli.data import app
from codeopt.errors import UserError


@app.command()
def anonymise(
    what: Annotated[Path, typer.Argument(metavar="FILE_OR_DATASET", help="A program, or the folder of a dataset.")],
    out: Annotated[Path | None, typer.Option(help="A dataset: folder of the new one, with a configuration sft_anonymised.")] = None,
    language: Annotated[str, typer.Option(help="A program: python, c, cpp, cuda or fortran (default: by its suffix).")] = "",
    seed: Annotated[int | None, typer.Option(help="Draw the placeholders' numbers at random (default: by first place).")] = None,
    table: Annotated[Path | None, typer.Option(help="A program: write the table that brings it back here.")] = None,
    restore: Annotated[Path | None, typer.Option(metavar="TABLE", help="Print the original of the view in FILE.")] = None,
) -> None:
    """Show a program without its names (Tokompiler's view), or add such examples to a dataset. Exit codes: 0 done, 2 bad input."""
    from codeopt.datasets.anonymise import SUFFIXES, Table, View, anonymised, restored

    if what.is_dir():
        _needed()
        if out is None:
            raise UserError(f"{what} is a folder", "name the new dataset's with --out")
        if language or table or restore:
            raise UserError("--language, --table and --restore are for one program", "leave them out for a dataset")
        from codeopt.datasets.augment import augment

        added = augment(what, out, seed)
        typer.echo(f"{out}: {added} examples without names (sft_anonymised)")
        return
    if out is not None:
        raise UserError(f"{what} is no folder of a dataset", "leave out --out, or name a dataset")
    if restore is not None and (language or table or seed is not None):
        raise UserError("--restore takes all it needs from the table", "leave out --language, --table and --seed")
    text = _text(what)
    if restore is not None:
        _print(restored(View(text, Table.from_json(_text(restore)))))
        return
    chosen = language or SUFFIXES.get(what.suffix.lower(), "")
    if not chosen:
        raise UserError(f"the suffix of {what} says no language", f"name it with --language; known are {' '.join(SUFFIXES)}")
    if table is not None:
        _has_folder(table, "--table")
    view = anonymised(text, chosen, seed)
    if table is not None:
        table.write_text(view.table.to_json() + "\n", "utf-8")
    _print(view.text)


@app.command()
def perplexity(
    what: Annotated[list[Path], typer.Argument(metavar="DATASET|FILE...", help="The folder of a dataset, or programs.")],
    model: Annotated[str, typer.Option(help="hf:NAME_OR_DIR[@ADAPTER].")],
    report: Annotated[Path | None, typer.Option(help="Write a JSON line for each pair or program here: id and figures.")] = None,
    keep_below: Annotated[float | None, typer.Option(min=0, max=1, help="With --out: keep the pairs up to this quantile of bits per byte (fast program given the prompt).")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the dataset with the pairs that are kept.")] = None,
    batch: Annotated[int, typer.Option(min=0, help="Texts at a time (0: 8 on the CPU, 128 on a GPU).")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """How likely a model finds programs, per byte, so that models with other tokenizers compare. Exit codes: 0 done, 2 bad input."""
    _needed()
    from contextlib import nullcontext

    from codeopt.agent.models.hf import PREFIX, HfModel
    from codeopt.cli.eval_options import show
    from codeopt.datasets import perplexity as figures
    from codeopt.datasets.rewrite import fresh, rewrite
    from codeopt.datasets.store import Dataset, Filter

    dataset = Dataset(what[0]) if len(what) == 1 and what[0].is_dir() else None
    if (keep_below is None) != (out is None) or (out is not None and dataset is None):
        raise UserError("--keep-below and --out filter a dataset", "give both, and one dataset")
    if not model.startswith(PREFIX):
        raise UserError(f"{model} is no model whose likelihoods can be read", "give hf:NAME_OR_DIR")
    if dataset is not None and not dataset.count("pairs"):
        raise UserError(f"{what[0]} has no pairs", "give a dataset with some")
    if report is not None:
        _has_folder(report, "--report")
    texts = {} if dataset is not None else {str(path): {"program": ("", _text(path))} for path in what}
    if out is not None:
        fresh(out)
    asker = HfModel(model.removeprefix(PREFIX), batch=batch, say=lambda line: typer.echo(line, err=True))
    columns = ("id", "language", "kind", "function", "input", "target")
    rows = ((str(row["id"]), figures.texts_of(row)) for row in dataset.rows("pairs", columns=columns)) if dataset else texts.items()
    summary = figures.Summary()
    scores: dict[str, float] = {}
    with figures.Report(report) if report is not None else nullcontext() as written:
        for name, found in figures.measured(rows, asker.likelihoods):
            summary.add(found)
            if keep_below is not None:
                scores[name] = found["target_given_prompt"].bits_per_byte
            if written is not None:
                written.add(name, found)
    told = summary.rows()
    kept: dict[str, Any] = {}
    if dataset is not None and out is not None and keep_below is not None:
        limit = figures.quantile(list(scores.values()), keep_below)
        done = Filter(
            name="perplexity",
            parameters={"model": model, "keep_below": keep_below},
            before=dataset.count("pairs"),
            after=0,
            told=f"At most {limit:.4f} bits per byte of the fast program given the prompt.",
        )
        made = rewrite(dataset, out, done=done, keep=lambda row: scores[row["id"]] <= limit)
        kept = {"limit": limit, "before": done.before, "after": made.filters[-1].after, "out": str(out)}
    if as_json:
        typer.echo(json.dumps({"model": model, "figures": told, **({"kept": kept} if kept else {})}))
        return
    names = list(next(iter(told.values())))
    show(["text", *names], [[name, *(f"{row[key]:.4g}" if key != "texts" else str(row[key]) for key in names)] for name, row in told.items()])
    if kept:
        typer.echo(f"{kept['after']} of {kept['before']} pairs kept, up to {kept['limit']:.4f} bits per byte: {out}")


def _needed() -> None:
    """Raises UserError where what datasets are read with is not installed."""
    if importlib.util.find_spec("pyarrow") is None:
        raise UserError("datasets need pyarrow", 'pip install "codeopt[data]"')


def _has_folder(file: Path, option: str) -> None:
    """Raises UserError where a file cannot be put."""
    if not file.absolute().parent.is_dir() or file.is_dir():
        raise UserError(f"{file} cannot be written: there is no such folder, or it is one", f"name another {option}")


def _text(path: Path) -> str:
    """A file's text, line ends as they are."""
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        raise UserError(f"{path} is not UTF-8", "convert it first") from None
    except (FileNotFoundError, IsADirectoryError):
        raise UserError(f"there is no file {path}", "name a program, or the folder of one dataset") from None


def _print(text: str) -> None:
    """To stdout, byte for byte."""
    stream = typer.get_binary_stream("stdout")
    stream.write(text.encode("utf-8", "surrogatepass"))
    stream.flush()
