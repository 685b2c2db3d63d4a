"""`codeopt init`: a first codeopt.toml, with what can be found out and every key explained."""

from __future__ import annotations

from typing import Annotated

import typer

from codeopt.errors import UserError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        name="init",
        help=(
            "Write a codeopt.toml beside FILE, or into a repository's folder: the kind, function, tests, cases and inputs that are "
            "found, and every other key as a comment with its meaning. Nothing is run, and no file is overwritten. "
            "Exit codes: 0 written, 2 bad input."
        ),
    )(init)


def init(
    target: Annotated[str, typer.Argument(metavar="[FILE|REPO]", help="A source file, FILE:FUNCTION, or a folder.")] = ".",
) -> None:
    """The command itself; see `register` for its help."""
    from codeopt.agent.tasks.initial import initial

    made = initial(target)
    try:
        with open(made.path, "x", encoding="utf-8") as file:
            file.write(made.text())
    except FileExistsError:
        raise UserError(f"{made.path} is there already", "edit it, or move it away first") from None
    except OSError as error:
        raise UserError(f"cannot write {made.path} ({error.strerror})", "check the folder's permissions") from None
    typer.echo(f"wrote {made.path}")
    for key, value in made.settings.model_dump(exclude_none=True).items():
        typer.echo(f"  {key:9} {value if isinstance(value, str) else ', '.join(map(str, value)) if isinstance(value, tuple) else value}")
    for note in made.notes:
        typer.echo(f"  {note}")
