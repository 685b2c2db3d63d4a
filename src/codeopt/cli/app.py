"""`codeopt`: the command line's root. Commands live in modules of their own and import what they need when they run."""

from __future__ import annotations

import errno
import os
import signal
import sys
from typing import Annotated, Any, NoReturn

import typer
import typer.core

from codeopt import __version__
from codeopt.cli import (
    audit,
    data,
    data_build,
    data_evolve,
    data_export,
    data_filter,
    data_import,
    data_make,
    data_text,
    doctor,
    evaluate,
    generate,
    init,
    models,
    optimize,
    report,
    results,
    runs,
    sandbox,
    train,
    train_eval,
    train_export,
    verify,
)
from codeopt.errors import SandboxBroken, UserError

USAGE: Any = typer.BadParameter.__mro__[1]  # click's UsageError, whichever click this typer brings
OF_THE_MACHINE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO)



class Commands(typer.core.TyperGroup):
    """The group of all commands; it says that it was interrupted, which typer alone does without a word."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            _fail("interrupted", 130)


app = typer.Typer(
    name="codeopt",
    cls=Commands,
    help="Makes slow programs faster, and proves it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
optimize.register(app)
verify.register(app)
report.register(app)
audit.register(app)
doctor.register(app)
init.register(app)
assert generate.app is evaluate.app is results.app  # they add their commands there
app.add_typer(evaluate.app, name="eval", help="Evaluate generated programs over a suite.")
assert {module.app for module in (data_build, data_evolve, data_export, data_filter, data_import, data_make, data_text)} == {data.app}
app.add_typer(data.app, name="data", help="Datasets from runs: make, build, import, filter, publish.")
assert train_eval.app is train.app
assert train_export.app is train.app
app.add_typer(train.app, name="train", help="Train optimiser models on datasets and on measured speedups.")
app.add_typer(models.app, name="models", help="Models: what is here, whether one answers, fetching one.")
app.add_typer(runs.app, name="runs", help="Runs: list, show, compare and remove them.")
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
    for number in (signal.SIGTERM, signal.SIGINT):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup, or a shell's job in the background
            signal.signal(number, _stop)
    try:
        sys.exit(app(standalone_mode=False))
    except UserError as error:
        _fail(str(error), error.exit_code)
    except USAGE as error:
        path = getattr(error.ctx, "command_path", "codeopt")
        name = "codeopt" + path.removeprefix("python -m codeopt").removeprefix("codeopt")
        if not error.format_message().strip():
            sys.exit(2)  # the help was printed in place of an error
        _fail(f"{error.format_message().rstrip('.')}: see {name} --help")
    except SandboxBroken as error:
        _fail(f"{error}: run codeopt sandbox check, or choose another --sandbox")
    except (KeyboardInterrupt, typer.Abort):
        _fail("interrupted", 130)
    except BrokenPipeError:
        # The reader of our output has gone (`| head`); nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(0)
    except OSError as error:
        if error.errno not in OF_THE_MACHINE:
            raise
        where = f" ({error.filename})" if error.filename else ""
        _fail(f"{error.strerror}{where}: free the disk or change its permissions; --resume goes on with a run")


def _fail(text: str, code: int = 2) -> NoReturn:
    typer.echo("codeopt: " + " ".join(text.split()), err=True)
    sys.exit(code)


class _Stopped(KeyboardInterrupt):
    """A class of its own: where a plain KeyboardInterrupt passes through exec of a text (dataclasses do that while they are
    imported), Python ends by the signal in the end, whatever the exit code was to be."""


def _stop(number: int, frame: object) -> None:
    raise _Stopped
