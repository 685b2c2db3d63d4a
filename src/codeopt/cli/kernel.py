"""How `codeopt verify` shows a kernel."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from codeopt.agent.kernels.verify import KernelVerification
    from codeopt.agent.verify import Side


def verify_kernel(
    before: Side, after: Side, *, sandbox: str, device: str | None, python: str | None, rel: float | None, pairs: int | None,
    seed: int, backward: bool, as_json: bool, as_markdown: str, quiet: bool,
) -> None:  # fmt: skip
    """Run it, show it, leave with 0 (right and faster) or 1; `as_markdown` is the name to show in Markdown, "" for plain text."""
    from codeopt.agent.kernels.verify import verify_kernel as run
    from codeopt.cli.markdown import SAME, printed, section
    from codeopt.sandbox.kernels.judge import PAIRS

    def tell(line: str) -> None:
        if not (quiet or as_json or as_markdown):
            print(f"  {line}", file=sys.stderr, flush=True)

    found = run(
        before, after, sandbox=sandbox, device=device, python=python, rel=rel, pairs=pairs or PAIRS, seed=seed,
        backward=backward, tell=tell,
    )  # fmt: skip
    if as_json:
        typer.echo(json.dumps(found.summary()))
    elif as_markdown:
        what = "faster" if found.accepted else "not timed" if found.untimed else "not verifiably faster"
        verdict = f"{SAME}, {what}" if found.best is not None or found.untimed else str(found.status)
        gain = f": {found.best.speedup:.2f}x ({found.best.low:.2f}-{found.best.high:.2f})" if found.best is not None else ""
        typer.echo(section(as_markdown, verdict + gain, printed(lambda: show(found, quiet))))
    else:
        show(found, quiet)
    raise typer.Exit(0 if found.accepted else 1)


def show(found: KernelVerification, quiet: bool) -> None:
    """The first line, then a table of shapes."""
    from codeopt.agent.kernels.verify import named
    from codeopt.agent.report import gist

    right = f"right on {len(found.rows)} shape(s){', forward and backward' if found.backward else ''}"
    if found.best is not None and found.eager is not None:
        best, eager = found.best, found.eager
        what = "faster" if found.accepted else "not verifiably faster"
        typer.echo(
            f"{right}; {what}: {best.speedup:.2f}x against {named(found.rival)}, the fastest "
            f"(95 % interval {best.low:.2f}-{best.high:.2f}); {eager.speedup:.2f}x against eager"
        )
    elif found.untimed:
        typer.echo(f"{right}; {found.evidence}")
    else:
        typer.echo(f"{found.status}: {gist(found.evidence)}")
    if quiet:
        return
    if found.best is not None or found.untimed:
        _table(found)
    else:
        for line in found.evidence.splitlines()[1:12]:
            typer.echo(f"  {line}")
    for note in found.notes:
        typer.echo(f"  {note}")
    typer.echo(f"  {found.device}, PyTorch {found.torch}; sandbox: {found.sandbox}")


def _table(found: KernelVerification) -> None:
    from rich.console import Console
    from rich.table import Table

    timed = found.best is not None
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("shape")
    names = ["error", "reference's", "of allowed"]
    if timed:
        modes = list(found.rows[0].rivals_s)
        names += ["device µs", "warm µs", "end to end µs", "eager µs", *(f"{mode} µs" for mode in modes), "of roofline"]
    for name in names:
        table.add_column(name, justify="right")
    for row in found.rows:
        cells = [f"{row.error:.1e}", f"{row.base_error:.1e}", f"{row.error_ratio:.2f}"]
        if timed:
            times = [row.device_s, row.warm_s, row.end_to_end_s, row.eager_s, *row.rivals_s.values()]
            cells += [f"{seconds * 1e6:.1f}" for seconds in times]
            cells.append(f"{row.share:.0%}" if row.roofline_s else "?")
        table.add_row(f"{row.name}{' (held out)' if row.held_out else ''}", *cells)
    Console(highlight=False, width=160).print(table)
