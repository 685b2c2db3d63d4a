"""`codeopt data ask` and `codeopt data evolve`: data that a model makes, and the sandbox and a critic filter."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from codeopt.cli import eval_options as options
from codeopt.cli import generate as asked
from codeopt.cli.data import app
from codeopt.errors import UserError

if TYPE_CHECKING:
    from codeopt.agent.models.asker import Asker
    from codeopt.evals.ask import Asking, Bases
    from codeopt.evals.boards import Boards
    from codeopt.evals.evolving.loop import Evolution, Plan
    from codeopt.evals.evolving.near import Near
    from codeopt.evals.making.record import Summary
    from codeopt.evals.making.sources import Base
    from codeopt.evals.speed import SpeedTask

SourceName = Annotated[str, typer.Argument(metavar="SOURCE", help="A suite (mbpp, classics), a folder of tasks, an installed Python package, or a folder of Python files.")]
Operators = Annotated[str, typer.Option(help="What the programs are to become, comma-separated: slower, faster, or afresh (written again from the description).")]
Samples = Annotated[int, typer.Option(min=1, help="Answers for each problem and operator.")]

Ways = Annotated[str, typer.Option("--operators", help="How problems are evolved, comma-separated: combine, constraint, cpp, domain, larger, structure (default: all, in turn).")]
Critic = Annotated[str, typer.Option(help="The model that checks problems, named as for --model (default: the same).")]
Rounds = Annotated[int, typer.Option(min=1, help="Rounds in all; later ones evolve what earlier ones kept, too.")]
Seeds = Annotated[int, typer.Option(min=1, max=10_000, help="Problems that are evolved in a round.")]
Programs = Annotated[int, typer.Option("--samples", min=1, max=40, help="Programs for each problem, of each kind: straightforward and fast.")]
AllTokens = Annotated[int, typer.Option(min=0, help="Hard limit of the tokens that are generated, over all runs into --out (0: none).")]
Seconds = Annotated[float, typer.Option("--time", min=0, help="Seconds after which no batch or verdict is begun (0: no limit).")]
Timings = Annotated[int, typer.Option(min=10, help="Pairs of timings for each program.")]
Judge = Annotated[bool, typer.Option("--judge/--ask-only", help="Run programs now, or leave that to the same command on a quiet machine, which then asks nothing.")]


def _say(line: str) -> None:
    typer.echo(line, err=True)


@app.command()
def ask(
    source: SourceName,
    model: asked.Model = "",
    operators: Operators = "slower,faster",
    samples: Samples = 4,
    base_url: asked.BaseUrl = "",
    temperature: asked.Temperature = 0.8,
    top_p: asked.TopP = 0.95,
    max_tokens: asked.MaxTokens = 1024,
    seed: asked.Seed = 0,
    concurrency: asked.Concurrency = 8,
    batch_size: asked.BatchSize = 0,
    data: options.Data = None,
    out: options.Out = None,
    ids: options.Ids = "",
    limit: options.Limit = 0,
    as_json: options.AsJson = False,
) -> None:
    """Ask a model for other versions of programs; codeopt data make judges them, there or on another machine. Exit codes: 0 all there, 2 bad input or no model, 130 interrupted."""
    from codeopt.evals.ask import Asking, template_of

    named = list(dict.fromkeys(part.strip() for part in operators.split(",") if part.strip()))
    if not named:
        raise UserError("--operators names none", "like slower,faster")
    templates = {name: template_of(name) for name in named}
    found = _bases(source, data, ids, limit, model)
    chosen = found.problems
    sampling = Asking(
        found, model, samples * len(named), temperature, top_p, max_tokens, seed, "", "ask", operators=templates
    )
    folder = options.run_folder(out, f"ask-{found.name}")
    if not as_json:
        bound = sum(sampling.request(problem, number).prompt_bound() for problem in chosen for number in range(sampling.samples))
        total = len(chosen) * sampling.samples
        typer.echo(f"{found.licence}\n{total} answers of {model} for {len(chosen)} programs, at most {asked.priced(model, bound, total * max_tokens)}; kept in {folder}")
    figures = _asked(chosen, sampling, folder, as_json, base_url, concurrency, batch_size)
    if as_json:
        typer.echo(json.dumps(figures))
        return
    rows = [[name, *map(str, count.values())] for name, count in figures["operators"].items()]
    options.show(["operator", "answers", "with a program", "changed", "distinct"], rows)
    typer.echo(f"{figures['tokens_in']} tokens in, {figures['tokens_out']} out")
    typer.echo(f"next: codeopt data make {source} --how samples --samples-from {folder / 'samples.jsonl'}")


def _bases(source: str, data: Path | None, ids: str, limit: int, model: str) -> Bases:
    """The programs of a source. Raises UserError where there are none, or no model is named."""
    from codeopt.evals.ask import Bases
    from codeopt.evals.making.sources import Source

    if not model:
        raise UserError("no model is named", "--model NAME; codeopt models list shows what is here")
    return Bases(Source(source, data), [part.strip() for part in ids.split(",") if part.strip()], limit)


def _asked(
    chosen: Sequence[SpeedTask], sampling: Asking, folder: Path, quiet: bool, base_url: str, concurrency: int, batch_size: int
) -> dict[str, Any]:
    """Make the samples; what was made, in figures. Raises UserError, or typer.Exit; what arrived is kept."""
    from codeopt.agent.models.asker import opened
    from codeopt.evals.ask import asking, keep_prompts, survey
    from codeopt.evals.generate import generate

    total = len(chosen) * sampling.samples
    progress = options.Progress(total, quiet)
    goes_on = f"the same command with --out {folder} goes on"
    parallel, context = min(concurrency, total), asked.PROMPT_TOKENS + sampling.max_tokens
    try:
        with opened(sampling.model, base_url, parallel=parallel, context=context, batch=batch_size, say=_say) as askers:
            keep_prompts(chosen, sampling, folder)
            makers = [asking(asker, sampling) for asker in askers]
            made = generate(chosen, sampling, makers, folder, lambda one: progress.tell(f"{one.operator} {asked.line(one)}"))
    except KeyboardInterrupt:
        typer.echo(f"interrupted: what arrived is kept; {goes_on}", err=True)
        raise typer.Exit(130) from None
    except UserError as error:
        if progress.done:
            typer.echo(f"what arrived is kept; {goes_on}", err=True)
        raise error
    return {
        "folder": str(folder),
        "samples": len(made),
        "operators": survey(chosen, made),
        "tokens_in": sum(one.tokens_in for one in made),
        "tokens_out": sum(one.tokens_out for one in made),
    }


@app.command()
def evolve(
    source: SourceName,
    model: asked.Model = "",
    critic: Critic = "",
    operators: Ways = "",
    rounds: Rounds = 1,
    seeds: Seeds = 100,
    samples: Programs = 2,
    tokens: AllTokens = 0,
    seconds: Seconds = 0.0,
    judge: Judge = True,
    timings: Timings = 12,
    base_url: asked.BaseUrl = "",
    temperature: asked.Temperature = 0.8,
    top_p: asked.TopP = 0.95,
    max_tokens: asked.MaxTokens = 1024,
    seed: asked.Seed = 0,
    concurrency: asked.Concurrency = 8,
    batch_size: asked.BatchSize = 0,
    sandbox: options.SandboxKind = "auto",
    lanes: options.Lanes = 1,
    data: options.Data = None,
    out: options.Out = None,
    ids: options.Ids = "",
    limit: options.Limit = 0,
    as_json: options.AsJson = False,
) -> None:
    """Let a model evolve problems and programs; keep what a critic and the sandbox believe, and judge slow against fast. Exit codes: 0 done, 2 bad input or no model, 130 interrupted."""
    from codeopt.evals.evolving import words
    from codeopt.evals.evolving.folders import bases_of, seeds_of
    from codeopt.evals.evolving.loop import Evolution, Limits, Plan, funnel

    every = words.operator_names()
    named = tuple(dict.fromkeys(part.strip() for part in operators.split(",") if part.strip())) or every
    for name in named:
        if name not in every:
            raise UserError(f"there is no operator {name!r}", f"some of {', '.join(every)}")
    found = _bases(source, data, ids, limit, model)
    first = seeds_of(found.problems)
    if not first:
        raise UserError(f"{found.name} has no Python function with a docstring", "seeds are problems that say in words what they ask for")
    plan = Plan(found.name, model, critic or model, named, seeds, samples, temperature, top_p, max_tokens, seed)
    folder = options.run_folder(out, f"evolve-{found.name}")
    limits = Limits(tokens or None, seconds or None)
    say = _quiet if as_json else _say
    boards = (lambda: _boards(sandbox, lanes)) if judge else None
    try:
        with ExitStack() as stack:
            askers = _opener(stack, base_url, concurrency, batch_size, asked.PROMPT_TOKENS + max_tokens)
            evolution = Evolution(
                plan, folder, first, askers=askers, boards=boards, near=_benchmarks(data, say), limits=limits, say=say
            )
            if not as_json:
                most = rounds * seeds * (2 + 2 * samples) * max_tokens
                typer.echo(f"{found.licence}\n{len(first)} seeds, {rounds} rounds of {seeds} problems, at most {tokens or most} tokens out; kept in {folder}")
            ended = evolution.run(rounds)
        bases = bases_of(evolution.problems, folder / "problems", found.bases)
        left = seconds - (time.monotonic() - limits.started) if seconds else 0.0
        judged = _paired(evolution, bases, folder, plan, timings, sandbox, lanes, left, say) if judge and bases and (left > 0 or not seconds) else None
    except KeyboardInterrupt:
        typer.echo(f"interrupted: what arrived is kept; the same command with --out {folder} goes on", err=True)
        raise typer.Exit(130) from None
    figures = {
        "folder": str(folder),
        "ended": ended,
        "filters": funnel(evolution.problems),
        "tokens_in": evolution.answers.total("tokens_in"),
        "tokens_out": evolution.answers.total("tokens_out"),
        "pairs": judged.pairs.get("llm", {}) if judged else {},
        "statuses": judged.statuses.get("llm", {}) if judged else {},
        "bases": judged.bases if judged else {},
    }
    if as_json:
        typer.echo(json.dumps(figures))
        return
    total = max(1, len(evolution.problems))
    rows = [[name.replace("_", " "), str(count), f"{count / total:.0%}"] for name, count in funnel(evolution.problems).items()]
    options.show(["problems", "count", "share"], rows)
    typer.echo(f"{figures['tokens_in']} tokens in, {figures['tokens_out']} out; ended: {ended}")
    if judged:
        options.show(["runs", "count"], [[name, str(count)] for name, count in judged.bases.most_common()])
        options.show(["programs", "count"], [[name, str(count)] for row in judged.statuses.values() for name, count in row.most_common()])
        options.show(["pairs", "count"], [[name, str(count)] for row in judged.pairs.values() for name, count in row.most_common()])
        typer.echo(f"next: codeopt data build {folder / 'runs'} --out DIR")
    if not judge:
        typer.echo("next: the same command without --ask-only, here or on a quiet machine with that folder")


def _paired(
    evolution: Evolution,
    bases: list[Base],
    folder: Path,
    plan: Plan,
    timings: int,
    sandbox: str,
    lanes: int,
    seconds: float,
    say: Callable[[str], None],
) -> Summary:
    """Hold the other programs of each kept problem against its first one, into runs; those that are finished stay."""
    from codeopt.evals.evolving.folders import programs_of
    from codeopt.evals.evolving.problem import KEPT
    from codeopt.evals.making.record import Recorder
    from codeopt.evals.making.ways import Ways

    samples = {one.name: programs_of(one)[1:] for one in evolution.problems if one.outcome == KEPT}
    ways = Ways(("samples",), 1, plan.seed, samples, plan.model)
    recorder = Recorder(folder / "runs", ways, say, {"how": ["evolve"], "pairs": timings, "sandbox": sandbox})
    return recorder.run(bases, sandbox=sandbox, lanes=lanes, pairs=timings, seconds=seconds)


def _benchmarks(data: Path | None, say: Callable[[str], None]) -> Near:
    """The problems that must not come again: HumanEval's, which ENAMEL's are, too; the other benchmarks are not in words."""
    from codeopt.evals.evolving.loop import Seed
    from codeopt.evals.evolving.near import Near
    from codeopt.evals.humaneval import problems

    near = Near()
    try:
        for problem in problems(data, solutions=""):
            near.add(problem.task_id, Seed(problem.task_id, problem.prompt).words, benchmark=True)
    except UserError as error:
        say(f"new problems are not compared with HumanEval's: {error}")
    return near


def _opener(stack: ExitStack, base_url: str, parallel: int, batch: int, context: int) -> Callable[[str], Sequence[Asker]]:
    """Opens a model when it is first asked, and keeps it."""
    from codeopt.agent.models.asker import opened

    known: dict[str, Sequence[Asker]] = {}

    def askers(model: str) -> Sequence[Asker]:
        if model not in known:
            asking = opened(model, base_url, parallel=parallel, context=context, batch=batch, say=_say)
            known[model] = stack.enter_context(asking)
        return known[model]

    return askers


@contextmanager
def _boards(sandbox: str, lanes: int) -> Iterator[list[Boards]]:
    """Boards on pinned cores, ready."""
    from codeopt.evals.boards import Boards

    cores = sorted(os.sched_getaffinity(0))
    if lanes > len(cores):
        raise UserError(f"--lanes {lanes}: there are {len(cores)} cores here", f"from 1 to {len(cores)}")
    with ExitStack() as stack:
        boards = []
        for core in cores[-lanes:]:
            boards.append(Boards(sandbox, core))
            stack.callback(boards[-1].close)
        for board in boards:
            board.ready()
        yield boards


def _quiet(line: str) -> None:
    pass
