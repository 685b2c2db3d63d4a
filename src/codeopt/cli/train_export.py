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
    to: Annotated[str, typer.Option(help="merged, adapter, gguf or gguf-adapter.")],
    out: Annotated[Path, typer.Option(help="Folder to write; of GGUF, the file.")],
    dtype: Annotated[str, typer.Option(help="Of merged weights: bfloat16, float16 or float32 (default: bfloat16).")] = "",
    kind: Annotated[str, typer.Option("--type", help="Of GGUF: f16, q8_0, bf16 or f32 (default: f16).")] = "",
    llama_cpp: Annotated[str, typer.Option(help="For GGUF: a checkout of llama.cpp (default: LLAMA_CPP).")] = "",
    base: Annotated[str, typer.Option(help="Where the base is now (default: where the training had it).")] = "",
    as_json: AsJson = False,
) -> None:
    """Write what a training made as weights that other programs load, and print the commands that serve them. Exit codes: 0 written, 2 bad input."""
    from codeopt.training.settings import check_packages

    check_packages(PACKAGES)
    from codeopt.training import llama
    from codeopt.training.export import DTYPES, export_adapter, export_merged, read_run
    from codeopt.training.serving import FORMS, commands

    _one_of("--to", to, FORMS)
    packed = to in ("gguf", "gguf-adapter")
    for option, value, fits in (("--dtype", dtype, to == "merged"), ("--type", kind, packed), ("--llama-cpp", llama_cpp, packed)):
        if value and not fits:
            raise UserError(f"{option} says nothing about --to {to}", "leave it out")
    dtype, kind = dtype or DTYPES[0], kind or llama.TYPES[0]
    _one_of("--dtype", dtype, DTYPES)
    _one_of("--type", kind, llama.TYPES)
    trained = read_run(run, base)
    told: dict[str, Any] = {"form": to, "out": str(out)}
    about = str(out)
    if to == "merged":
        told |= {"dtype": dtype, "moved": export_merged(trained, out, dtype)}
        about += f": in {dtype}; on a short program no logit is further than {told['moved']:.2g} from base and adapter"
    elif to == "adapter":
        export_adapter(trained, out)
    else:
        write = llama.export_gguf if to == "gguf" else llama.export_gguf_adapter
        write(trained, out, kind, llama_cpp)
        told |= {"type": kind}
        about += f": in {kind}"
    uses = commands(to, out, trained)
    if as_json:
        typer.echo(json.dumps({**told, "commands": [{"with": what, "command": command} for what, command in uses]}))
        return
    typer.echo(about)
    for what, command in uses:
        typer.echo(f"{what}: {command}")


def _one_of(option: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise UserError(f"{option} {value}: there is none", f"one of {', '.join(known)}")
