"""`codeopt doctor`: what works on this machine, what is missing, and what mends it."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        name="doctor",
        help=(
            "Try everything that codeopt can use on this machine: sandboxes, compilers, profilers, GPU, model servers, data, "
            "extras, and how noisy the clocks are (10 seconds; --quick leaves it out). "
            "Exit codes: 0 codeopt optimize can work here, 1 it cannot."
        ),
    )(doctor)


def doctor(
    quick: Annotated[bool, typer.Option("--quick", help="Leave out the ten seconds that measure the noise.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """The command itself; see `register` for its help."""
    from codeopt.examine import State, checks, examine
    from codeopt.machine import fingerprint

    colours = {State.OK: "green", State.MISSING: "yellow", State.FAILS: "red"}
    found = []
    for one in examine(checks(quick)):
        found.append(one)
        if not as_json:
            typer.echo(f"{typer.style(f'{one.state:7}', fg=colours[one.state])} {one.name:12} {one.detail}")
            if one.mend:
                typer.echo(f"{'':20} -> {one.mend}")
    stops = [one.name for one in found if one.needed and one.state is not State.OK]
    isolates = any(one.name in ("docker", "bubblewrap") and one.state is State.OK for one in found)
    if as_json:
        told = {"works": not stops, "isolates": isolates, "machine": fingerprint(), "checks": [asdict(one) for one in found]}
        typer.echo(json.dumps(told))
    elif stops:
        typer.echo(f"codeopt optimize cannot work here: {', '.join(stops)}")
    else:
        typer.echo(f"codeopt optimize works here{'' if isolates else ', by rules only: models need a sandbox that isolates'}")
    raise typer.Exit(1 if stops else 0)
