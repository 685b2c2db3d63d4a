"""`codeopt eval compare` and `codeopt eval table`: what scored runs say, beside each other; `codeopt eval export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from codeopt.cli.eval_options import Data, Ks, numbers, show, write
from codeopt.cli.evaluate import app
from codeopt.errors import UserError


@app.command()
def compare(
    a: Annotated[Path, typer.Argument(help="Folder of eval score or eval SUITE.")],
    b: Annotated[Path, typer.Argument(help="Folder of another one over the same problems.")],
    k: Ks = "1,5,10,20",
    json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare two runs problem by problem. Exit codes: 0 compared, 2 bad input."""
    from codeopt.evals import compare as comparing

    first, second = comparing.read_all([a, b])
    shared, found = comparing.compare(first, second, numbers("-k", k, 1))
    if json_:
        typer.echo(comparing.as_json(first, second, shared, found))
        return
    typer.echo(f"A {first.name}, B {second.name}: {len(shared)} problems that both have")
    columns = ["figure", "A", "B", "B - A", "95 % interval", "p"]
    show(columns, [one.cells(".4f") for one in found])


@app.command()
def table(
    runs: Annotated[list[Path], typer.Argument(help="Folders of eval score or eval SUITE.")],
    k: Ks = "1,10",
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write a page with plots (needs the extra 'report').")
    ] = None,
) -> None:
    """A leaderboard of scored runs, each figure with its 95 % interval. Exit codes: 0 shown, 2 bad input."""
    from codeopt.evals import compare as comparing

    found, ks = comparing.read_all(runs), numbers("-k", k, 1)
    columns, rows = comparing.leaderboard(found, ks)
    if html is not None:
        from codeopt.evals.report import page

        write(html, page(found, ks))
        typer.echo(f"page with plots: {html}", err=True)
    if markdown:
        typer.echo(comparing.markdown(columns, rows))
    else:
        show(columns, rows)


@app.command()
def export(
    samples: Annotated[
        Path, typer.Argument(metavar="SAMPLES", help="Folder of eval generate or eval SUITE, or its samples.jsonl.")
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="File to write; for kernelbench a new folder.")],
    form: Annotated[
        str, typer.Option(help="enamel (JSON), evalplus (JSONL), pie (JSONL, of programs made faster) or kernelbench (a folder).")
    ],
    suite: Annotated[str, typer.Option(help="For pie: whose programs they are (default: what the folder says).")] = "",
    data: Data = None,
) -> None:
    """Write samples in the form that another evaluator reads. Exit codes: 0 written, 2 bad input."""
    from codeopt.evals import export as exporting

    found = exporting.read(samples)
    if form == "pie" and not suite:
        suite = exporting.suite_of(samples)
    if form == "kernelbench":
        texts = exporting.kernelbench(found)
        if out.exists():
            raise UserError(f"{out} is there already", "name a new folder")
        out.mkdir(parents=True)
        for name, text in texts.items():
            write(out / name, text)
    else:
        write(out, exporting.text_of(found, form, suite=suite, data=data))
    typer.echo(f"{sum(map(len, found.values()))} programs for {len(found)} problems in {out}")
