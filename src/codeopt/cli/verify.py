"""`codeopt verify OLD NEW`: is NEW the same program, and how much faster is it?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from codeopt.agent.verify import Verification


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        name="verify",
        help=(
            "Check that NEW does the same as OLD and measure how much faster it is. Each is FILE, FILE:FUNCTION or "
            "REVISION:FILE. Exit codes: 0 same and faster, 1 different or not faster, 2 bad input."
        ),
    )(verify)


def verify(
    context: typer.Context,
    old: Annotated[str, typer.Argument(help="The program as it was.")],
    new: Annotated[str, typer.Argument(help="The program after the edit.")],
    place: Annotated[
        str, typer.Option("--as", help="Run both in the place of this file (its package, its project), or MODULE:FUNCTION.")
    ] = "",
    function: Annotated[str | None, typer.Option("--function", "-f", help="f or Class.method.")] = None,
    tests: Annotated[list[str] | None, typer.Option(help="Pytest file or folder; may be repeated.")] = None,
    cases: Annotated[str | None, typer.Option(help="Folder of stdin/stdout pairs.")] = None,
    args: Annotated[str | None, typer.Option(help="Arguments of the program, quoted.")] = None,
    stdin: Annotated[str | None, typer.Option(help="File that is the program's stdin.")] = None,
    inputs: Annotated[str | None, typer.Option(help="file.py:make, where make(size, seed) returns arguments.")] = None,
    codec: Annotated[str | None, typer.Option(help="Python file that encodes your own types.")] = None,
    oracle: Annotated[str | None, typer.Option(help="file.py:exact, the function in higher precision.")] = None,
    relations: Annotated[str | None, typer.Option(help="Python file of relations between answers that have to hold.")] = None,
    python: Annotated[str | None, typer.Option(help="Interpreter of the program.")] = None,
    compiler: Annotated[str | None, typer.Option(help="g++, clang++ or another.")] = None,
    flags: Annotated[str | None, typer.Option(help="Compiler flags of both.")] = None,
    new_flags: Annotated[str | None, typer.Option(help="Compiler flags that only NEW gets.")] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads that the program may use.")] = None,
    timeout: Annotated[float | None, typer.Option(min=0.01, help="Seconds that one run may take.")] = None,
    keep_signature: Annotated[
        bool | None, typer.Option("--keep-signature/--no-keep-signature", help="Refuse it where a public name or parameter changed.", show_default=False)
    ] = None,
    no_new_imports: Annotated[
        bool | None, typer.Option("--no-new-imports/--new-imports", help="Refuse it where it imports or includes what OLD does not.", show_default=False)
    ] = None,
    pure_python: Annotated[
        bool | None, typer.Option("--pure-python/--no-pure-python", help="Refuse it where it imports third-party packages that OLD does not.", show_default=False)
    ] = None,
    memory_at_most: Annotated[str | None, typer.Option(help="Peak memory of NEW: 1.2x (of OLD's) or 512MB.")] = None,
    sanitize: Annotated[
        bool | None, typer.Option("--sanitize/--no-sanitize", help="C++ and C: refuse it where a build with sanitizers reports it (default).", show_default=False)
    ] = None,
    pairs: Annotated[int | None, typer.Option(min=10, help="Timing pairs (20; for a kernel 10 for each shape).")] = None,
    device: Annotated[str | None, typer.Option(help="Of a kernel: cuda, or cpu, which is timed only where it is named (default: the GPU, else checks only).")] = None,
    backward: Annotated[
        bool | None, typer.Option("--backward/--no-backward", help="Of a kernel: check and time forward and backward.", show_default=False)
    ] = None,
    crosshair: Annotated[
        bool, typer.Option("--crosshair/--no-crosshair", help="Search for counterexamples, where CrossHair is installed.")
    ] = True,
    sandbox: Annotated[str, typer.Option(help="auto, docker, bubblewrap or process.")] = "auto",
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the verdict as JSON.")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print the verdict as Markdown.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the first line only.")] = False,
) -> None:
    """The command itself; see `register` for its help."""
    from codeopt.agent.tasks.cuda import is_source
    from codeopt.agent.tasks.kernel import is_kernel
    from codeopt.agent.verify import side
    from codeopt.agent.verify import verify as run
    from codeopt.cli.markdown import printed, section
    from codeopt.cli.optimize import settings_of, words
    from codeopt.sandbox.verdict import HOLDOUT_PAIRS

    before = side(old)
    if (is_source(before.path, before.source) or is_kernel(before.source)) and function is None:
        from codeopt import config
        from codeopt.agent.tasks.detect import refuse
        from codeopt.agent.tasks.model import PROMISES
        from codeopt.cli.kernel import verify_kernel

        said = settings_of(context).over(config.load(before.path))
        refuse(said, "kernels", *PROMISES, "memory_at_most")
        verify_kernel(
            before, side(new), sandbox=sandbox, device=said.device, python=said.python, rel=said.rel_tol,
            pairs=pairs, seed=seed, backward=bool(said.backward), as_json=as_json, as_markdown=new if as_markdown else "", quiet=quiet,
        )  # fmt: skip
    found = run(
        old,
        new,
        settings=settings_of(context),
        place=place,
        new_flags=words(new_flags, "--new-flags") or (),
        sandbox=sandbox,
        seed=seed,
        pairs=pairs or HOLDOUT_PAIRS,
        crosshair=crosshair,
    )
    if as_json:
        typer.echo(json.dumps(found.summary()))
    elif as_markdown:
        typer.echo(section(new, _in_words(found), printed(lambda: _show(found, quiet))))
    else:
        _show(found, quiet)
    raise typer.Exit(0 if found.verdict.accepted else 1)


def _in_words(found: Verification) -> str:
    from codeopt.cli.markdown import SAME
    from codeopt.types import Status

    verdict, measured = found.verdict, found.verdict.holdout
    if verdict.status not in (Status.OK, Status.NOT_FASTER, Status.UNDECIDED):
        return str(verdict.status)
    what = "faster" if verdict.accepted else "not verifiably faster"
    return f"{SAME}, {what}" + (f": {measured.speedup:.2f}x ({measured.low:.2f}-{measured.high:.2f})" if measured else "")


def _show(found: Verification, quiet: bool) -> None:
    from codeopt.agent.degenerate import warnings_of
    from codeopt.agent.report import gist, sanitized, seconds

    verdict, measured = found.verdict, found.verdict.holdout
    if measured is not None:
        what = "faster" if verdict.accepted else "not verifiably faster"
        least = "at least " if measured.at_least else ""
        doubt = warnings_of(found.notes)
        same = f"same behaviour, WARNING: {doubt[0]}" if doubt else "same behaviour"
        typer.echo(
            f"{same}; {what}: {least}{measured.speedup:.2f}x (95 % interval {measured.low:.2f}-{measured.high:.2f})"
        )
    else:
        typer.echo(f"{verdict.status}: {gist(verdict.evidence)}")
    if quiet:
        return
    if measured is not None:
        clock = "CPU time" if measured.clock == "cpu" else "wall-clock"
        typer.echo(
            f"  {seconds(measured.baseline_s)} -> {seconds(measured.candidate_s)} for {measured.calls} call(s), "
            f"{measured.pairs} pairs by {clock}; by wall-clock {measured.wall_speedup:.2f}x"
        )
        if verdict.setup is not None and max(verdict.setup.baseline_s, verdict.setup.candidate_s) >= 0.001:
            pays = f", earned back after {verdict.setup.calls_to_pay:.0f} calls" if verdict.setup.calls_to_pay >= 1 else ""
            typer.echo(f"  set-up {seconds(verdict.setup.baseline_s)} -> {seconds(verdict.setup.candidate_s)}{pays}")
        if measured.warm_cache:
            typer.echo("  warm cache: batches of different size give different ratios")
    else:
        for line in verdict.evidence.splitlines()[1:12]:
            typer.echo(f"  {line}")
    for name, counts in (("seen", verdict.inputs.visible), ("fresh", verdict.inputs.hidden)):
        listed = ", ".join(f"{count} {kind}" for kind, count in counts.items()) or "none"
        typer.echo(f"  {name} inputs: {listed}")
    if shown := sanitized(found.task, verdict):
        typer.echo(f"  sanitizers: {shown}")
    for note in (*verdict.notes, *found.notes):
        typer.echo(f"  {note}")
    typer.echo(f"  sandbox: {found.sandbox}{'; ' + found.interpreter if found.interpreter else ''}")
