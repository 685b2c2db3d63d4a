"""`codeopt data`: runs, and what others published, as datasets to learn from. Its commands add themselves from their own modules."""

from __future__ import annotations

import typer

from codeopt.errors import UserError
from codeopt.machine import library_version

app = typer.Typer(no_args_is_help=True, help="Datasets from runs: build, import, filter, publish.")
_NEEDED = ("pyarrow", "datasets", "datasketch")


def needs_data() -> None:
    """Raises UserError where the extra "data" is not installed."""
    if missing := [name for name in _NEEDED if not library_version(name)]:
        raise UserError(f"not installed: {', '.join(missing)}", 'pip install "codeopt[data]"')
