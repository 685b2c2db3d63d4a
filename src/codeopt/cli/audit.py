"""`codeopt audit`: attack our own verdict with programs that cheat, and with honest ones that must pass."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from codeopt.errors import UserError

if TYPE_CHECKING:
    from codeopt.sandbox.audit.entries import Entry
    from codeopt.sandbox.audit.run import Row


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        name="audit",
        help=(
            "Judge a corpus of programs that cheat and of honest ones that must pass. Exit codes: 0 all as "
            "expected, 1 an exploit was missed or an honest program refused, 2 bad input."
        ),
    )(audit)


def audit(
    sandbox: Annotated[str, typer.Option(help="auto, docker, docker-image, bubblewrap or process.")] = "auto",
    only: Annotated[str, typer.Option(help="Names of entries, as comma-separated globs: 'r07_*,control_name'.")] = "",
    rows: Annotated[str, typer.Option(help="Kinds of cheats by number: 1,5.")] = "",
    repeat: Annotated[int, typer.Option(min=1, help="Judge each entry so many times.")] = 1,
    corpus: Annotated[
        Path | None, typer.Option(help="A folder with exploits/ and controls/ of your own instead of ours.")
    ] = None,
    evaluator: Annotated[
        str | None,
        typer.Option(help="Attack this command instead of our own verdict: 'python check.py {reference} {candidate}'."),
    ] = None,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds that --evaluator has for one program.")] = 60,
    dangerous: Annotated[
        bool, typer.Option("--dangerous", help="With --evaluator: also what could harm this machine.")
    ] = False,
    listing: Annotated[bool, typer.Option("--list", help="Only list the entries.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the table as Markdown.")] = False,
) -> None:
    """The command itself; see `register` for its help."""
    from codeopt.sandbox.audit import entries as book

    if evaluator is not None:
        if corpus is not None or sandbox != "auto":
            raise UserError("--evaluator goes with neither --corpus nor --sandbox", "leave them out")
        _foreign(evaluator, timeout, dangerous, (only, numbers(rows, book.ROWS)), listing, as_json, markdown)
        return
    chosen = book.choose(
        book.corpus(corpus) if corpus else book.corpus(), only, numbers(rows, book.ROWS)
    )
    if listing:
        _list(chosen, as_json)
        return
    found, where = _judge(chosen, sandbox, repeat, quiet=as_json or markdown)
    _print(found, where, as_json, markdown)
    raise typer.Exit(1 if any(row.failed for row in found) else 0)


def _foreign(
    command: str,
    timeout: float,
    dangerous: bool,
    wanted: tuple[str, list[int]],
    listing: bool,
    as_json: bool,
    markdown: bool,
) -> None:
    """Attack a user's evaluator; exits as `audit` does."""
    from codeopt.sandbox.audit import entries as book
    from codeopt.sandbox.audit import evaluator
    from codeopt.sandbox.audit.table import line

    chosen = book.choose(evaluator.chosen(evaluator.everything(), dangerous), *wanted)
    if listing:
        _list(chosen, as_json)
        return
    quiet = as_json or markdown
    typer.echo(f"warning: {evaluator.WARNING}", err=True)
    attacker = evaluator.Attacker(command, timeout)
    attacker.greet()
    width = max(len(entry.name) for entry in chosen)
    found = []
    for entry in chosen:
        found.append(attacker.attack(entry))
        if not quiet:
            typer.echo(line(found[-1], width))
    _print(found, command, as_json, markdown, "evaluator")
    raise typer.Exit(1 if any(row.failed for row in found) else 0)


def numbers(text: str, allowed: range) -> list[int]:
    """The numbers of a comma-separated list. Raises UserError for anything else."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not all(part.isdigit() and int(part) in allowed for part in parts):
        raise UserError(f"--rows {text!r}: numbers from {allowed.start} to {allowed.stop - 1} are wanted", "like 1,5")
    return [int(part) for part in parts]


def _judge(chosen: list[Entry], kind: str, repeat: int, quiet: bool) -> tuple[list[Row], str]:
    from codeopt.sandbox.audit.run import Auditor
    from codeopt.sandbox.audit.table import line
    from codeopt.sandbox.choose import choose

    width = max(len(entry.name) for entry in chosen)
    found = []
    with Auditor(choose(kind, trusted=False)) as auditor:
        for entry in chosen:
            for _ in range(repeat):
                row = auditor.audit(entry)
                found.append(row)
                if not quiet:
                    typer.echo(line(row, width))
        return found, auditor.sandbox.name


def _print(found: list[Row], where: str, as_json: bool, markdown: bool, what: str = "sandbox") -> None:
    from codeopt.sandbox.audit import run, table

    if as_json:
        entries = [asdict(row) for row in found]
        typer.echo(json.dumps({what: where, **run.counts(found), "entries": entries}))
        return
    if markdown:
        typer.echo(table.markdown(found))
    typer.echo(table.summary(found, where))


def _list(chosen: list[Entry], as_json: bool) -> None:
    if as_json:
        keys = ("name", "kind", "row", "task", "expect", "title")
        typer.echo(json.dumps([{key: getattr(entry, key) for key in keys} for entry in chosen]))
        return
    width = max(len(entry.name) for entry in chosen)
    for entry in chosen:
        typer.echo(f"{entry.name:<{width}} {entry.row or '-':>3}  {entry.title}")
