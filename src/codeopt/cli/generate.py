"""`codeopt eval generate`: makes the programs of a suite; `codeopt eval score` judges them, here or elsewhere."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from codeopt.cli import eval_options as options
from codeopt.cli.evaluate import app, scored
from codeopt.errors import UserError

if TYPE_CHECKING:
    from codeopt.evals.generate import Generated, Maker, Sampling

PROMPT_TOKENS = 2048  # room for the longest of the suite's prompts in a local model's context

Model = Annotated[
    str, typer.Option(help="A model of an OpenAI-compatible server, gguf:FILE, hf:NAME or hf:DIR, these with @ADAPTER.")
]
BaseUrl = Annotated[str, typer.Option(help="The server (default: OPENAI_BASE_URL, else OpenAI's).")]
Strategy = Annotated[
    str,
    typer.Option(
        help="answer (one answer a sample); rules or search (codeopt optimize on each program); sample, refine or plan "
        "(a program for each specification, from many answers)."
    ),
]
Tokens = Annotated[int, typer.Option(min=1, help="That sample, refine or plan may generate for each program.")]
Samples = Annotated[int, typer.Option(min=1, help="Programs for each problem.")]
Temperature = Annotated[float, typer.Option(min=0, help="0 is greedy.")]
TopP = Annotated[float | None, typer.Option(min=0, max=1, help="Nucleus (default: the server's).")]
MaxTokens = Annotated[int, typer.Option(min=1, help="Most tokens of an answer.")]
Seed = Annotated[int, typer.Option(min=0, help="Of the first sample; each sample has its own.")]
Template = Annotated[Path | None, typer.Option(help="Jinja file of the prompt (docs/suites.md).")]
Concurrency = Annotated[int, typer.Option(min=1, help="Requests at a time to a server.")]
BatchSize = Annotated[int, typer.Option(min=0, help="Rows of a batch of an hf: model (0: 8, on a GPU 128).")]
Seconds = Annotated[float, typer.Option("--time", min=1, help="Seconds of rules or search for each program; of rules after plan.")]
Rules = Annotated[
    bool | None,
    typer.Option("--rules/--no-rules", help="Rewrite rules have the last word on programs of sample, refine and plan (default: of plan)."),
]
MaxDollars = Annotated[float, typer.Option(min=0, help="Of a search: hard limit of what all programs may cost.")]


@dataclass(frozen=True)
class Wanted:
    """What a person asked for beside suite and problems."""

    model: str
    base_url: str
    strategy: str
    samples: int
    temperature: float
    top_p: float | None
    max_tokens: int
    seed: int
    prompt_template: Path | None
    concurrency: int
    batch_size: int
    seconds: float
    tokens: int
    rules: bool | None
    max_dollars: float
    sandbox: str
    lanes: int

    @classmethod
    def of(cls, context: typer.Context) -> Wanted:
        """What the command line says."""
        return cls(**{each.name: context.params[each.name] for each in fields(cls)})

    def name(self) -> str:
        """For a folder: of a path its last part."""
        from codeopt.agent.models.asker import runs_here

        last = Path(self.model).name if runs_here(self.model) else self.model
        return last.removesuffix(".gguf").removeprefix("hf:").removeprefix("gguf:") or self.strategy


@app.command()
def generate(
    context: typer.Context,
    suite: options.SuiteName,
    model: Model = "",
    base_url: BaseUrl = "",
    strategy: Strategy = "answer",
    samples: Samples = 1,
    temperature: Temperature = 0.0,
    top_p: TopP = None,
    max_tokens: MaxTokens = 1024,
    seed: Seed = 0,
    prompt_template: Template = None,
    concurrency: Concurrency = 8,
    batch_size: BatchSize = 0,
    seconds: Seconds = 60.0,
    tokens: Tokens = 4000,
    rules: Rules = None,
    max_dollars: MaxDollars = 1.0,
    sandbox: options.SandboxKind = "auto",
    lanes: options.Lanes = 1,
    data: options.Data = None,
    out: options.Out = None,
    ids: options.Ids = "",
    limit: options.Limit = 0,
    as_json: options.AsJson = False,
) -> None:
    """Ask a model for programs, or search for them. Exit codes: 0 all there, 2 bad input or no model, 130 interrupted."""
    found, chosen = options.open_suite(suite, data, ids, limit)
    wanted = Wanted.of(context)
    folder = options.run_folder(out, wanted.name())
    figures = generated(found, chosen, wanted, folder, as_json)
    if as_json:
        typer.echo(json.dumps(figures))
    else:
        typer.echo(f"next: codeopt eval score {suite} --samples-from {folder / 'samples.jsonl'}")


@app.command()
def run(
    context: typer.Context,
    suite: options.SuiteName,
    model: Model = "",
    base_url: BaseUrl = "",
    strategy: Strategy = "answer",
    samples: Samples = 1,
    temperature: Temperature = 0.0,
    top_p: TopP = None,
    max_tokens: MaxTokens = 1024,
    seed: Seed = 0,
    prompt_template: Template = None,
    concurrency: Concurrency = 8,
    batch_size: BatchSize = 0,
    seconds: Seconds = 60.0,
    tokens: Tokens = 4000,
    rules: Rules = None,
    max_dollars: MaxDollars = 1.0,
    k: options.Ks = "1,5,10,20",
    sandbox: options.SandboxKind = "auto",
    lanes: options.Lanes = 1,
    data: options.Data = None,
    out: options.Out = None,
    ids: options.Ids = "",
    limit: options.Limit = 0,
    as_json: options.AsJson = False,
) -> None:
    """Generate and score in one go: `codeopt eval SUITE …` is short for it. Exit codes as for both."""
    from codeopt.evals.folder import SCORES

    found, chosen = options.open_suite(suite, data, ids, limit)
    wanted = Wanted.of(context)
    folder = options.run_folder(out, wanted.name())
    ks = options.numbers("-k", k, 1)
    made = generated(found, chosen, wanted, folder, as_json)
    figures = scored(found, chosen, folder / "samples.jsonl", folder / SCORES, ks, lanes, sandbox, as_json)
    if as_json:
        typer.echo(json.dumps({**made, "scores": figures}))


def generated(suite: Any, chosen: list[Any], wanted: Wanted, folder: Path, quiet: bool) -> dict[str, Any]:
    """Make the samples; what was made, in figures.

    Raises:
        UserError: Bad input, or the model cannot be asked; what arrived is kept.
        typer.Exit: Interrupted; what arrived is kept.
    """
    from codeopt.evals import strategies
    from codeopt.evals.generate import Sampling, keep_prompts
    from codeopt.evals.generate import generate as generate_all

    answers = wanted.strategy == "answer"
    try:
        template = (wanted.prompt_template or suite.template).read_text("utf-8") if answers else ""
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"the prompt template cannot be read: {error}", "give --prompt-template FILE") from None
    sampling = Sampling(
        suite, wanted.model, wanted.samples, wanted.temperature, wanted.top_p, wanted.max_tokens, wanted.seed, template,
        wanted.strategy, 0.0 if answers else wanted.seconds, wanted.tokens if wanted.strategy in strategies.WAYS else 0, wanted.rules,
    )
    strategies.check(sampling, chosen)
    total = len(chosen) * wanted.samples
    if answers:
        keep_prompts(chosen, sampling, folder)
    if not quiet:
        typer.echo(f"{suite.licence}\n{_estimate(sampling, chosen, wanted)}; kept in {folder}")
    progress = options.Progress(total, quiet)
    try:
        with _makers(sampling, wanted, folder, total) as makers:
            made = generate_all(chosen, sampling, makers, folder, lambda one: progress.tell(line(one)))
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
    if not quiet:
        typer.echo(
            f"{figures['samples']} samples, {figures['without_a_program']} without a program; "
            f"{figures['tokens_in']} tokens in, {figures['tokens_out']} out"
        )
    return figures


def _estimate(sampling: Sampling, chosen: list[Any], wanted: Wanted) -> str:
    """What the samples can cost at most, in words."""
    total = len(chosen) * wanted.samples
    if wanted.strategy == "answer":
        bound = sum(sampling.request(problem, 0).prompt_bound() for problem in chosen) * wanted.samples
        cost = priced(wanted.model, bound, total * wanted.max_tokens)
        return f"{total} answers of {wanted.model} for {len(chosen)} problems, at most {cost}"
    if sampling.tokens:
        # How long prompts get depends on the answers; what is generated has a limit.
        cost = priced(wanted.model, 0, total * wanted.tokens).removeprefix("0 tokens in and ")
        return f"{total} programs of {wanted.strategy} for {len(chosen)} specifications, about {cost} and the prompts"
    cost = f", {wanted.max_dollars:g} dollars" if wanted.strategy == "search" else ""
    most = total * wanted.seconds / wanted.lanes
    return f"{total} runs of {wanted.strategy} for {len(chosen)} programs, at most {most:.0f} s{cost}"


@contextmanager
def _makers(sampling: Sampling, wanted: Wanted, folder: Path, total: int) -> Iterator[list[Maker]]:
    """What makes the samples, as long as the block runs."""
    from codeopt.agent.models.asker import opened
    from codeopt.evals.boards import Boards
    from codeopt.evals.generate import answering
    from codeopt.evals.score import lane_devices
    from codeopt.evals.solve import solving
    from codeopt.evals.strategies import WAYS, Searching

    def say(line: str) -> None:
        typer.echo(line, err=True)

    cores = sorted(os.sched_getaffinity(0))
    if wanted.lanes > len(cores):
        raise UserError(f"--lanes {wanted.lanes}: there are {len(cores)} cores here", f"from 1 to {len(cores)}")
    if wanted.strategy == "answer" or wanted.strategy in WAYS:
        with ExitStack() as stack:
            boards = []
            for core in cores[-wanted.lanes :] if wanted.strategy in WAYS else ():
                boards.append(Boards(wanted.sandbox, core))
                stack.callback(boards[-1].close)
            for board in boards:
                board.ready()
            asking = opened(
                wanted.model,
                wanted.base_url,
                parallel=min(wanted.concurrency, total),
                context=PROMPT_TOKENS + wanted.max_tokens,
                batch=wanted.batch_size,
                say=say,
            )
            askers = stack.enter_context(asking)
            yield [solving(askers, boards, sampling, folder, say)] if boards else [answering(asker, sampling) for asker in askers]
        return
    searching = Searching(sampling, wanted.base_url, wanted.sandbox, wanted.max_dollars / total, folder)
    devices = lane_devices(sampling.suite, wanted.lanes) or [""] * wanted.lanes
    yield [searching.maker(core, device) for core, device in zip(cores[-wanted.lanes :], devices, strict=True)]


def priced(model: str, tokens_in: int, tokens_out: int) -> str:
    """Tokens in words, with the dollars that they are where the model's price is known."""
    from codeopt.agent.models.asker import runs_here
    from codeopt.agent.models.prices import find_price

    price = None if runs_here(model) else find_price(model)
    dollars = f", {price.of(tokens_in, tokens_out):.2f} dollars" if price else ""
    return f"{tokens_in} tokens in and {tokens_out} out{dollars}"


def line(made: Generated) -> str:
    """A sample in a line, as it arrives."""
    note = made.note.splitlines()[0][:90] if made.note else f"{made.tokens_out} tokens"
    what = note if made.solution else f"no program: {note}"
    return f"{made.task_id} sample {made.sample}: {what}"
