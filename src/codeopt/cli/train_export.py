"""`codeopt train export`: what a training made, as weights that other programs load, and the commands that serve them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from codeopt.cli.train import AsJson, app
from codeopt.errors import UserError

PACKAGES = ("torch", "transformers", "peft")


@app.command()
def export(
    run: Annotated[Path, typer.Argument(help="The --out folder of a training that has ended.", show_default=False)],
    to: Annotated[str, typer.Option(help="merged or adapter.")],
    out: Annotated[Path, typer.Option(help="Folder to write.")],
    dtype: Annotated[str, typer.Option(help="Of merged weights: bfloat16, float16 or float32.")] = "bfloat16",
    base: Annotated[str, typer.Option(help="Where the base is now (default: where the training had it).")] = "",
    as_json: AsJson = False,
) -> None:
    """Write what a training made as weights that other programs load, and print the commands that serve them. Exit codes: 0 written, 2 bad input."""
    from codeopt.training.settings import check_packages

    check_packages(PACKAGES)
    from codeopt.training.export import DTYPES, export_adapter, export_merged, read_run
    from codeopt.training.serving import FORMS, commands

    for option, value, known in (("--to", to, FORMS), ("--dtype", dtype, DTYPES)):
        if value not in known:
            raise UserError(f"{option} {value}: there is none", f"one of {', '.join(known)}")
    trained = read_run(run, base)
    told: dict[str, Any] = {"form": to, "out": str(out)}
    if to == "merged":
        told |= {"dtype": dtype, "moved": export_merged(trained, out, dtype)}
    else:
        export_adapter(trained, out)
    uses = commands(to, out, trained)
    if as_json:
        typer.echo(json.dumps({**told, "commands": [{"with": what, "command": command} for what, command in uses]}))
        return
    moved = f" in {dtype}; on a short program no logit is further than {told['moved']:.2g} from base and adapter" if "moved" in told else ""
    typer.echo(f"{out}:{moved}" if moved else str(out))
    for what, command in uses:
        typer.echo(f"{what}: {command}")
