"""`codeopt sandbox`: build the image, and check which sandboxes work here."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from codeopt.errors import UserError

if TYPE_CHECKING:
    from codeopt.sandbox.check import Probe

app = typer.Typer(help="Where candidates run: build the image, check what holds.", no_args_is_help=True)


@app.command()
def build(
    base: Annotated[
        str | None,
        typer.Option(help="Base image; by default Debian's, from a registry or from its packages."),
    ] = None,
) -> None:
    """Build the image with Python and compilers (only --sandbox docker-image needs it)."""
    from codeopt.sandbox.docker_engine import find_engine

    try:
        engine = find_engine()
        import docker  # type: ignore[import-untyped]

        from codeopt.sandbox.docker_image import build as build_image

        client = docker.DockerClient(base_url=engine.url, timeout=600)
        try:
            name = build_image(client, base, lambda line: print(line, file=sys.stderr))
        except (docker.errors.DockerException, OSError) as error:
            raise UserError(
                f"the engine failed: {error}", "check the disk space and the engine's log"
            ) from error
        finally:
            client.close()
    except UserError as error:
        print(f"codeopt: {error}", file=sys.stderr)
        raise typer.Exit(error.exit_code) from None
    print(name)


@app.command()
def check() -> None:
    """Try every kind of sandbox from inside. Exit code 0 when one isolates, else 2."""
    from rich.console import Console
    from rich.table import Table

    from codeopt.sandbox.check import check_all

    rows = check_all()
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for column in ("kind", "network", "writable", "files", "processes", "memory", "uid", "isolates"):
        table.add_column(column)
    for row in rows:
        if row.probe:
            table.add_row(row.kind, *_cells(row.probe), "yes" if row.probe.isolates else "no")
        else:
            table.add_row(row.kind, *["-"] * 6, "absent")
    console = Console()
    console.print(table)
    for row in rows:
        if row.error:
            console.print(f"{row.kind}: {row.error}", highlight=False, soft_wrap=True)
    if not any(row.probe and row.probe.isolates for row in rows):
        print("codeopt: no sandbox here isolates: install Docker or bubblewrap", file=sys.stderr)
        raise typer.Exit(2)


def _cells(probe: Probe) -> tuple[str, ...]:
    from codeopt.sandbox.check import PROBE_LIMITS

    held = probe.forks <= PROBE_LIMITS.pids
    return (
        "open" if probe.network else "none",
        "/tmp" if not probe.writable else "host",
        "visible" if probe.host_files else "hidden",
        "limited" if held else "no limit",
        "limited" if probe.memory_held else "no limit",
        str(probe.uid),
    )
