"""`codeopt train`: better optimiser models from datasets and from measured speedups."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from codeopt.errors import UserError

app = typer.Typer(no_args_is_help=True, help="Train optimiser models on datasets and on measured speedups.")

Config = Annotated[Path | None, typer.Argument(help="TOML with these settings, and TRL's fields in a table \\[trl].")]
Model = Annotated[str | None, typer.Option(help="Folder, one .gguf file, or a name on the hub; with @ADAPTER that adapter is trained on.")]
Data = Annotated[str | None, typer.Option(help="Dataset of codeopt data build.")]
Out = Annotated[str | None, typer.Option(help="Folder of checkpoints and results; a stopped training goes on there.")]
Adapter = Annotated[str | None, typer.Option(help="lora, dora, qlora, or full for all weights (default: lora).")]
Rank = Annotated[int | None, typer.Option(help="Of the adapter (default: 16).")]
Seed = Annotated[int | None, typer.Option(help="Of data order, dropout and sampling (default: 0).")]
Patience = Annotated[
    int | None, typer.Option(help="Evaluations without a lower loss after which it stops (default: never).")
]
Fields = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A field of TRL's config; may be repeated.")
]
Condition = Annotated[str | None, typer.Option(help="What prompts say besides the program: score, or plan (default: nothing).")]
Ask = Annotated[str | None, typer.Option(help="For faster versions (improve), for programs that tasks describe (write), or both (default: improve).")]
Best = Annotated[int | None, typer.Option(help="Fastest programs that are kept for each slow one (default: all).")]
PassRate = Annotated[str | None, typer.Option(metavar="LEAST,MOST", help="Share of right answers that programs had in the data (default: 0,1).")]
Reward = Annotated[str | None, typer.Option(help="speedup, rank, faster or right (default: speedup).")]
Processes = Annotated[int | None, typer.Option(help="One a GPU (default: 1).")]
Parallel = Annotated[str | None, typer.Option(help="How several share the work: ddp, fsdp or deepspeed (default: ddp).")]
Tasks = Annotated[str | None, typer.Option(help="What is described, and completions are held against: mbpp; a folder of tasks or a Python package.")]
Lanes = Annotated[int | None, typer.Option(help="Tasks judged at a time (default: one a core, but one).")]
Sandbox = Annotated[str | None, typer.Option(help="auto, docker, bubblewrap or process (default: auto).")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


ENDS = "Exit codes: 0 trained, 2 bad input, 130 interrupted (it goes on)."


@app.command(help=f"Supervised: slow program in, fast program out. {ENDS}")
def sft(
    context: typer.Context,
    config: Config = None,
    model: Model = None,
    data: Data = None,
    out: Out = None,
    ask: Ask = None,
    tasks: Tasks = None,
    condition: Condition = None,
    best: Best = None,
    adapter: Adapter = None,
    rank: Rank = None,
    patience: Patience = None,
    processes: Processes = None,
    parallel: Parallel = None,
    seed: Seed = None,
    fields: Fields = None,
    as_json: AsJson = False,
) -> None:
    _train("sft", context)


@app.command(help=f"On rankings: candidates as their measured speedups rank them, and the best one's text. {ENDS}")
def rrhf(
    context: typer.Context,
    config: Config = None,
    model: Model = None,
    data: Data = None,
    out: Out = None,
    ask: Ask = None,
    tasks: Tasks = None,
    adapter: Adapter = None,
    rank: Rank = None,
    patience: Patience = None,
    processes: Processes = None,
    parallel: Parallel = None,
    seed: Seed = None,
    fields: Fields = None,
    as_json: AsJson = False,
) -> None:
    _train("rrhf", context)


@app.command(help=f"On preferences: the faster of two measured programs. {ENDS}")
def dpo(
    context: typer.Context,
    config: Config = None,
    model: Model = None,
    data: Data = None,
    out: Out = None,
    adapter: Adapter = None,
    rank: Rank = None,
    patience: Patience = None,
    processes: Processes = None,
    parallel: Parallel = None,
    seed: Seed = None,
    fields: Fields = None,
    as_json: AsJson = False,
) -> None:
    _train("dpo", context)


@app.command(help=f"Online: the reward is the speedup that the sandbox measures. {ENDS}")
def grpo(
    context: typer.Context,
    config: Config = None,
    model: Model = None,
    data: Data = None,
    out: Out = None,
    ask: Ask = None,
    tasks: Tasks = None,
    reward: Reward = None,
    pass_rate: PassRate = None,
    condition: Condition = None,
    adapter: Adapter = None,
    rank: Rank = None,
    lanes: Lanes = None,
    sandbox: Sandbox = None,
    processes: Processes = None,
    parallel: Parallel = None,
    seed: Seed = None,
    fields: Fields = None,
    as_json: AsJson = False,
) -> None:
    _train("grpo", context)


def _two(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    try:
        low, high = map(float, text.split(","))
    except ValueError:
        raise UserError(f"--pass-rate {text}: two numbers are wanted", "for example --pass-rate 0.2,0.8") from None
    return low, high


def _train(trainer: Any, context: typer.Context) -> None:
    from codeopt.training.settings import check_extras, check_packages, read

    flags = dict(context.params)
    config, fields, as_json = flags.pop("config"), flags.pop("fields"), flags.pop("as_json")
    if "pass_rate" in flags:
        flags["pass_rate"] = _two(flags["pass_rate"])
    settings = read(trainer, config, flags, fields or [])
    check_packages()
    check_extras(settings.adapter, settings.parallel)
    from codeopt.training.launch import launch, launched, rank
    from codeopt.training.run import train

    if settings.processes > 1 and not launched():
        launch(settings, sys.argv[1:])
    figures = train(settings, lambda line: typer.echo(line, err=True))
    if rank():
        raise typer.Exit(0 if figures["finished"] else 130)
    if as_json:
        typer.echo(json.dumps(figures, default=str))
    if not figures["finished"]:
        typer.echo(f"interrupted after step {figures['steps']}, which is kept; the same command with --out {settings.out} goes on", err=True)
        raise typer.Exit(130)
    if not as_json:
        typer.echo(f"{figures['steps']} steps in {figures['seconds']:.0f} s: {Path(settings.out)}, with its card README.md")
