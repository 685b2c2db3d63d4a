"""`codeopt eval generate`: asks a model for the programs of a suite; `codeopt eval score` judges them, here or elsewhere."""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from codeopt.cli.evaluate import SUITES, Progress, app, numbers
from codeopt.errors import UserError

if TYPE_CHECKING:
    from codeopt.evals.generate import Generated

PROMPT_TOKENS = 2048  # room for the longest of the suite's prompts in a local model's context


@app.command()
def generate(
    suite: Annotated[str, typer.Argument(help="The suite: enamel.")],
    model: Annotated[str, typer.Option(help="A model of an OpenAI-compatible server, gguf:FILE, or hf:NAME, hf:DIR (with @ADAPTER).")],
    base_url: Annotated[str, typer.Option(help="The server (default: OPENAI_BASE_URL, else OpenAI's).")] = "",
    samples: Annotated[int, typer.Option(min=1, help="Programs for each problem.")] = 1,
    temperature: Annotated[float, typer.Option(min=0, help="0 is greedy.")] = 0.0,
    top_p: Annotated[float | None, typer.Option(min=0, max=1, help="Nucleus (default: the server's).")] = None,
    max_tokens: Annotated[int, typer.Option(min=1, help="Most tokens of an answer.")] = 1024,
    seed: Annotated[int, typer.Option(min=0, help="Of the first sample; each sample has its own.")] = 0,
    prompt_template: Annotated[Path | None, typer.Option(help="Jinja file with prompt and entry_point.")] = None,
    concurrency: Annotated[int, typer.Option(min=1, help="Requests at a time to a server.")] = 8,
    batch_size: Annotated[int, typer.Option(min=0, help="Rows of a batch of an hf: model (0: 8, on a GPU 128).")] = 0,
    data: Annotated[Path | None, typer.Option(help="Folder that holds enamel/ (default: CODEOPT_DATA).")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the samples; a stopped run goes on from it.")] = None,
    ids: Annotated[str, typer.Option(help="Numbers of problems, comma-separated (default: all that count).")] = "",
    limit: Annotated[int, typer.Option(min=0, help="Only the first N problems (0: all).")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Ask a model for programs. Exit codes: 0 all there, 2 bad input or no model, 130 interrupted."""
    from codeopt.agent.models.asker import opened
    from codeopt.evals import enamel
    from codeopt.evals.generate import TEMPLATE, Sampling
    from codeopt.evals.generate import generate as generate_all
    from codeopt.evals.humaneval import problems

    if suite not in SUITES:
        raise UserError(f"there is no suite {suite!r}", f"one of: {', '.join(SUITES)}")
    chosen = enamel.chosen(list(problems(data)), numbers("--ids", ids, 0))[: limit or None]
    try:
        template = (prompt_template or TEMPLATE).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"the prompt template cannot be read: {error}", "give --prompt-template FILE") from None
    sampling = Sampling(model, samples, temperature, top_p, max_tokens, seed, template)
    folder = out or Path(".codeopt") / "evals" / f"{_named(model)}-{time.strftime('%Y%m%d-%H%M%S')}"
    total = len(chosen) * samples
    if not as_json:
        bound = sum(sampling.request(problem, 0).prompt_bound() for problem in chosen) * samples
        typer.echo(f"{SUITES[suite]}\n{total} answers of {model} for {len(chosen)} problems, at most {_cost(model, bound, total * max_tokens)}; kept in {folder}")
    progress = Progress(total, quiet=as_json)
    try:
        with opened(
            model,
            base_url,
            parallel=min(concurrency, total),
            context=PROMPT_TOKENS + max_tokens,
            batch=batch_size,
            say=lambda line: typer.echo(line, err=True),
        ) as askers:
            made = generate_all(chosen, sampling, askers, folder, lambda one: progress.tell(_line(one)))
    except KeyboardInterrupt:
        typer.echo(f"interrupted: what arrived is kept; the same command with --out {folder} goes on", err=True)
        raise typer.Exit(130) from None
    except UserError as error:
        if progress.done:
            typer.echo(f"what arrived is kept; the same command with --out {folder} goes on", err=True)
        raise error
    figures = {
        "folder": str(folder),
        "samples": len(made),
        "without_a_program": sum(not one.solution for one in made),
        "tokens_in": sum(one.tokens_in for one in made),
        "tokens_out": sum(one.tokens_out for one in made),
    }
    if as_json:
        typer.echo(json.dumps(figures))
        return
    typer.echo(
        f"{figures['samples']} samples, {figures['without_a_program']} without a program; "
        f"{figures['tokens_in']} tokens in, {figures['tokens_out']} out\n"
        f"next: codeopt eval score {suite} --samples-from {folder / 'samples.jsonl'}"
    )


def _named(model: str) -> str:
    """A folder's name for a model: of a path its last part."""
    last = Path(model).name if model.startswith(("gguf:", "hf:")) else model
    return re.sub(r"[^\w.-]+", "-", last.removesuffix(".gguf").removeprefix("hf:").removeprefix("gguf:"))


def _cost(model: str, tokens_in: int, tokens_out: int) -> str:
    from codeopt.agent.models.prices import find_price

    price = None if os.path.sep in model else find_price(model)
    dollars = f", {price.of(tokens_in, tokens_out):.2f} dollars" if price else ""
    return f"{tokens_in} tokens in and {tokens_out} out{dollars}"


def _line(made: Generated) -> str:
    what = f"{made.tokens_out} tokens" if made.solution else f"no program: {made.note.splitlines()[0][:90]}"
    return f"problem {made.problem} sample {made.sample}: {what}"
