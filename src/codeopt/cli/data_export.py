"""`codeopt data export` and `push`: a dataset as another form, and on the hub."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from codeopt.cli.data import app
from codeopt.cli.eval_options import show
from codeopt.errors import UserError

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The dataset's folder.")]


@app.command("export")
def export_(
    folder: Folder,
    form: Annotated[str, typer.Option(help="pie, pie-cpp or jsonl.")],
    out: Annotated[Path, typer.Option(help="The file to write, an object on each line.")],
) -> None:
    """Write a dataset's pairs in a published form; what was imported in it comes back with all its fields. Exit codes: 0 written, 2 bad input."""
    try:
        from codeopt.datasets.exporting import export
        from codeopt.datasets.store import Dataset
    except ImportError:
        raise UserError("datasets need pyarrow", 'pip install "codeopt[data]"') from None
    count = export(Dataset(folder), form, out)
    typer.echo(f"{count} records in {out}")


@app.command()
def push(
    folder: Folder,
    repo: Annotated[str, typer.Option(help="ORG/NAME on the hub.")],
    public: Annotated[bool, typer.Option("--public", help="Let everybody see it.")] = False,
    licence_unknown_ok: Annotated[bool, typer.Option("--licence-unknown-ok", help="Push sources without a licence, too.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would go.")] = False,
) -> None:
    """Publish a dataset on the Hugging Face hub, private unless told otherwise, without secrets, addresses and people's paths. HF_TOKEN and HF_ENDPOINT count. Exit codes: 0 it is there (or shown), 2 bad input or no hub."""
    try:
        from codeopt.datasets.push import checked_name, files_of, licences, upload
        from codeopt.datasets.scrub import scrubbed
        from codeopt.datasets.store import Dataset
    except ImportError:
        raise UserError("datasets need pyarrow", 'pip install "codeopt[data]"') from None
    checked_name(repo)
    dataset = Dataset(folder)
    licences(dataset.manifest, licence_unknown_ok)
    with tempfile.TemporaryDirectory(prefix="codeopt-push-") as place:
        from rich.markup import escape

        clean = Path(place) / "dataset"
        manifest, scrubber = scrubbed(dataset, clean)
        files = files_of(clean)
        show(
            ["push", f"{repo}, {'public' if public else 'private'}"],
            [
                ["pairs", str(sum(manifest.rows.get("pairs", {}).values()))],
                ["files", f"{len(files)}, {sum(files.values()) / 1e6:.1f} MB"],
                ["scrubbed", scrubber.told()],
                *([escape(f"licence of {name or 'no name'}"), escape(licence) or "not said"] for name, licence in manifest.sources.items()),
            ],
            whole=True,
        )
        if dry_run:
            for name, size in files.items():
                typer.echo(f"{size:>12} {name}")
            typer.echo("nothing was sent (--dry-run)")
            return
        typer.echo(upload(Dataset(clean), repo, public))
