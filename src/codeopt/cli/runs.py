"""`codeopt runs`: what lies below .codeopt: list it, look at a run, hold two beside each other, remove what is not needed."""

from __future__ import annotations

import json
import math
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from codeopt.errors import UserError

if TYPE_CHECKING:
    from codeopt.agent.run_list import Found
    from codeopt.types import Measurement

app = typer.Typer(no_args_is_help=True, help="Runs: list, show, compare and remove them.")
Root = Annotated[Path, typer.Option("--in", help="The folder that holds runs/ and evals/.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
HERE = Path(".codeopt")


def _names(incomplete: str) -> list[str]:
    """For the shell's completion: the names of runs in the current folder."""
    runs = HERE / "runs"
    return sorted(path.name for path in runs.iterdir() if path.name.startswith(incomplete)) if runs.is_dir() else []


@app.command("list")
def list_(root: Root = HERE, as_json: AsJson = False) -> None:
    """List runs and evaluations, oldest first: when, what, speedup with its 95 % interval, status, size, cost. Exit codes: 0 listed, 2 bad input."""
    from codeopt.agent.models.hub import size
    from codeopt.agent.run_list import EVALS, RUNS, listed
    from codeopt.cli.eval_options import show as table

    found = [*listed(root, RUNS), *listed(root, EVALS)]
    if as_json:
        typer.echo(json.dumps([one.row() for one in found]))
    elif found:
        columns = ["run", "started", "file", "speedup", "status", "size", "cost"]
        table(
            columns,
            [[one.folder.name, _when(one), one.what, _gain(one), one.status, size(one.size), _cost(one)] for one in found],
            whole=True,
        )
    else:
        typer.echo(f"no runs in {root}: codeopt optimize FILE makes one")


@app.command()
def show(
    run: Annotated[str, typer.Argument(help="Its folder, or (the beginning of) its name; default: the newest.", show_default=False, autocompletion=_names)] = "",
    root: Root = HERE,
    as_json: AsJson = False,
) -> None:
    """Show what came of a run, and how it goes on. Exit codes: 0 shown, 2 bad input."""
    from codeopt.agent.models.hub import size
    from codeopt.agent.report import Outcome
    from codeopt.agent.run_list import named
    from codeopt.cli.view import Watched

    found = named(run, root)
    if as_json:
        typer.echo(json.dumps({**found.row(), "result": found.summary or None}))
        return
    typer.echo(f"{found.what}: {found.status}, started {_when(found)}")
    summary = found.summary
    files = {name: Path(path) for name, path in summary.get("files", {}).items()}
    if summary:
        code, reason = int(summary.get("exit_code", 1)), str(summary.get("reason", ""))
        Watched().finished(Outcome(found.folder, code, reason, found.measurement, files, summary), None)
    else:
        if found.measurement is not None:
            typer.echo(f"best so far, by the search's own pairs: {_interval(found.measurement)}")
        if found.status == "unfinished":
            typer.echo(f"  go on with it: codeopt optimize --resume {found.folder}")
    for part in summary.get("functions", ()):
        typer.echo(f"  function {part['function']} in {part['file']}: {part.get('error') or part.get('reason', '')}")
    if tried := summary.get("candidates"):
        typer.echo(f"  tried  {', '.join(f'{count} {status}' for status, count in tried.items())}")
    for key, word in (("visible", "seen"), ("hidden", "fresh")):
        if counts := (summary.get("inputs") or {}).get(key):
            typer.echo(f"  {word:7}inputs: {', '.join(f'{count} {kind}' for kind, count in counts.items())}")
    for note in summary.get("notes", ()):
        typer.echo(f"  note   {note}")
    took = f"{summary['seconds']:.0f} s, " if "seconds" in summary else ""
    where = f", sandbox {summary['sandbox']}" if summary.get("sandbox") else ""
    typer.echo(f"  cost   {took}{_cost(found)}{where}, {size(found.size)} in {found.folder}")


@app.command()
def compare(
    a: Annotated[str, typer.Argument(help="A run: its folder, or (the beginning of) its name.", autocompletion=_names)],
    b: Annotated[str, typer.Argument(help="Another one.", autocompletion=_names)],
    root: Root = HERE,
    as_json: AsJson = False,
) -> None:
    """Hold two runs beside each other. Exit codes: 0 of the same program, 1 of different ones, 2 bad input."""
    from codeopt.agent.run_list import differences, direct, named
    from codeopt.cli.eval_options import show as table

    first, second = named(a, root), named(b, root)
    identity, rest = differences(first, second)
    command = "" if identity else direct(first, second)
    if as_json:
        told = {"a": first.row(), "b": second.row(), "same": not identity, "differs": [*identity, *rest], "verify": command}
        typer.echo(json.dumps(told))
        raise typer.Exit(1 if identity else 0)
    rows = [
        [letter, one.folder.name, one.what, _gain(one), one.status, _cost(one)]
        for letter, one in (("A", first), ("B", second))
    ]
    table(["", "run", "file", "speedup", "status", "cost"], rows, whole=True)
    if identity:
        typer.echo(f"not the same program: {', '.join(identity)} differ")
    else:
        typer.echo("the same program" + (f"; {', '.join(rest)} differ" if rest else ", asked for and checked in the same way"))
        typer.echo(_beside(first.measurement, second.measurement))
        if command:
            typer.echo(f"measure B's result against A's: {command}")
    raise typer.Exit(1 if identity else 0)


@app.command()
def prune(
    keep: Annotated[int | None, typer.Option(min=0, help="Keep the N newest.", show_default=False)] = None,
    older_than: Annotated[float | None, typer.Option(min=0, metavar="DAYS", help="Remove only what was last written more than DAYS days ago.", show_default=False)] = None,
    evals: Annotated[bool, typer.Option("--evals", help="Evaluations in place of runs.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and remove nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    root: Root = HERE,
) -> None:
    """Remove runs. What is no run, and a run that a process writes, is never removed. Exit codes: 0 removed (or nothing to remove), 1 you said no, 2 bad input."""
    from codeopt.agent.models.hub import size
    from codeopt.agent.run_list import EVALS, RUNS, listed, remove, strangers, surplus

    if keep is None and older_than is None:
        raise UserError("nothing says which runs may go", "--keep N, --older-than DAYS, or both")
    kind = EVALS if evals else RUNS
    found = listed(root, kind)
    going = surplus(found, keep, older_than)
    for path in strangers(root, kind):
        typer.echo(f"left alone: {path} is no {kind.removesuffix('s')}", err=True)
    for one in going:
        typer.echo(f"{one.folder}  {_when(one)}  {one.what}  {one.status}  {size(one.size)}")
    told = f"{len(going)} of {len(found)}, {size(sum(one.size for one in going))}"
    if not going or dry_run:
        typer.echo(f"would remove {told}" if going else f"nothing to remove of {len(found)}")
        return
    if not yes:
        typer.echo(f"remove {told}? [y/N] ", nl=False)
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            typer.echo("nothing was removed")
            raise typer.Exit(1)
    for one in going:
        remove(one)
    typer.echo(f"removed {told}")


def _when(one: Found) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(one.started))


def _interval(measured: Measurement) -> str:
    least = "at least " if measured.at_least else ""
    return f"{least}{measured.speedup:.2f}x ({measured.low:.2f}-{measured.high:.2f})"


def _gain(one: Found) -> str:
    if one.measurement is None:
        return "-"
    return _interval(one.measurement) + ("" if one.status in ("verified", "none found") else " so far")


def _cost(one: Found) -> str:
    return f"${one.dollars:.4f}, {one.tokens} tokens" if one.tokens or one.dollars else "$0"


def _beside(a: Measurement | None, b: Measurement | None) -> str:
    if a is None or b is None:
        lacking = " and ".join(name for name, one in (("A", a), ("B", b)) if one is None)
        return f"{lacking}: no speedup was measured"
    # Of two independent estimates: their log half widths add in squares.
    ratio = math.log(b.speedup / a.speedup)
    half = math.hypot(*(math.log(one.high / one.low) / 2 for one in (a, b)))
    low, high = (math.exp(ratio + sign * half) for sign in (-1, 1))
    words = "B's is larger" if low > 1 else "A's is larger" if high < 1 else "they may be equal"
    return f"speedup of B over that of A: {math.exp(ratio):.2f} ({low:.2f}-{high:.2f}): {words}"
