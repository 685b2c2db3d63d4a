"""`codeopt`: the command line's root. Commands live in modules of their own and import what they need when they run."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from codeopt import __version__
from codeopt.cli import optimize, sandbox, verify
from codeopt.errors import UserError

app = typer.Typer(
    name="codeopt",
    help="Makes slow programs faster, and proves it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
optimize.register(app)
verify.register(app)
app.add_typer(sandbox.app, name="sandbox", help="Build and check the sandboxes.")


def _version(value: bool) -> None:
    if value:
        typer.echo(f"codeopt {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line; errors that a person can mend are one line on stderr and exit code 2."""
    if not sys.platform.startswith("linux"):
        sys.exit("codeopt runs on Linux: use WSL2 on Windows, or a Linux container or machine elsewhere")
    try:
        app(standalone_mode=True)
    except UserError as error:
        typer.echo(f"codeopt: {error}", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        typer.echo("codeopt: interrupted", err=True)
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output has gone (`| head`); nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(0)
