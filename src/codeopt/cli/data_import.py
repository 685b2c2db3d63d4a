"""`codeopt data import`: published pairs, run again here before their speedups are believed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from codeopt.cli.data import app
from codeopt.cli.eval_options import SandboxKind
from codeopt.errors import UserError

if TYPE_CHECKING:
    from codeopt.datasets.importing import Known, Outcome


def _say(line: str) -> None:
    typer.echo(line, err=True)


@app.command("import")
def import_(
    form: Annotated[str, typer.Argument(metavar="FORM", help="pie, codenet, effi, kernelbench-samples or jsonl.")],
    path: Annotated[Path, typer.Argument(metavar="PATH", help="The file or folder of that form.")],
    out: Annotated[Path, typer.Option(help="The dataset's folder; an interrupted import goes on from it.")],
    companion: Annotated[Path | None, typer.Option(help="What the records refer to: PIE's test cases, KernelBench's problems.")] = None,
    remeasure: Annotated[bool, typer.Option(help="Run every program again here.")] = True,
    sandbox: SandboxKind = "auto",
    lanes: Annotated[int, typer.Option(min=1, help="Programs at a time, one pinned core each.")] = 1,
    limit: Annotated[int, typer.Option(min=0, help="Only the first N records (0: all).")] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Of the split by problem, and of inputs that are drawn.")] = 0,
    shares: Annotated[str, typer.Option(help="Of train, validation and test.")] = "0.9,0.05,0.05",
    chat: Annotated[bool, typer.Option("--chat", help="Trainers' forms as conversations.")] = False,
    source: Annotated[str, typer.Option(help="What the data is called (default: the form's own name).")] = "",
    licence: Annotated[str, typer.Option(help="Of the data (default: as it was published).")] = "",
) -> None:
    """Import published pairs as a dataset, with what is claimed and what is measured here. Exit codes: 0 written, 2 bad input, 130 interrupted (the same command goes on)."""
    try:
        from codeopt.datasets import importers
        from codeopt.datasets.importing import Settings, bring_in
        from codeopt.datasets.split import shares_of
    except ImportError:
        raise UserError("datasets need pyarrow", 'pip install "codeopt[data]"') from None
    from codeopt.machine import fingerprint

    found = importers.find(form)
    for place in (path, companion):
        if place is not None and not place.exists():
            raise UserError(f"there is no {place}", "name a file or folder that is there")
    machine = fingerprint(("numpy", "torch")) if remeasure else {}
    versions = {"python": machine.get("python"), **machine.get("compilers", {}), **machine.get("libraries", {})}
    settings = Settings(
        form, path, source, licence, seed, shares_of(shares), chat, limit,
        machine=json.dumps(machine) if machine else "",
        versions=json.dumps(versions) if machine else "",
    )  # fmt: skip

    def again(known: Sequence[Known]) -> Iterator[tuple[int, Outcome]]:
        from codeopt.cli.remeasure import remeasure as run

        return run(known, sandbox, lanes, seed)

    manifest, counted = bring_in(found, found.read(path, companion), out, settings, again if remeasure else None, _say)
    for why, count in sorted(manifest.left_out.items()):
        typer.echo(f"left out, {why}: {count}")
    if remeasure:
        typer.echo(counted.told())
    else:
        typer.echo(f"{counted.claimed} pairs, as their source claims them (claimed ≥1.1: {counted.claimed_faster})")
    typer.echo(str(out))
