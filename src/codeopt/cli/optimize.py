"""`codeopt optimize`: one slow file in, a verified faster one out."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from codeopt.errors import UserError

if TYPE_CHECKING:
    from codeopt.agent.report import Outcome
    from codeopt.config import Settings

TASK = "What to optimise"
MODEL = "Language model"
RUN = "The run"
LIMITS = "What the result has to keep to"
BUDGET_FLAGS = {"wall_s": "time", "dollars": "max_dollars", "tokens": "max_tokens", "candidates": "max_candidates"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        name="optimize",
        context_settings={"allow_extra_args": True, "ignore_unknown_options": False},
        help=(
            "Find a faster version of FILE (or of a function of an installed library: codeopt optimize MODULE:FUNCTION; or of "
            "the hottest own functions of a command: codeopt optimize -- CMD), "
            "prove that it does the same, and measure it. Defaults: five minutes, rewrite rules only; a model is "
            "used only when --model names it, and then spends at most $1. "
            "Exit codes: 0 a verified speedup, 1 none found, 2 bad input, 130 interrupted (best so far kept)."
        ),
    )(optimize)


def optimize(
    context: typer.Context,
    file: Annotated[str | None, typer.Argument(help="A Python, C++ or C file; or module:function, FILE:function.", show_default=False)] = None,
    function: Annotated[
        str | None, typer.Option("--function", "-f", help="f or Class.method.", rich_help_panel=TASK)
    ] = None,
    tests: Annotated[
        list[str] | None, typer.Option(help="Pytest file or folder; may be repeated.", rich_help_panel=TASK)
    ] = None,
    cases: Annotated[
        str | None, typer.Option(help="Folder of stdin/stdout pairs (1.in, 1.out).", rich_help_panel=TASK)
    ] = None,
    args: Annotated[
        str | None, typer.Option(help="Arguments of the program, quoted.", rich_help_panel=TASK)
    ] = None,
    stdin: Annotated[
        str | None, typer.Option(help="File that is the program's stdin.", rich_help_panel=TASK)
    ] = None,
    inputs: Annotated[
        str | None,
        typer.Option(
            help="file.py:make, where make(size, seed) returns arguments (or text).", rich_help_panel=TASK
        ),
    ] = None,
    codec: Annotated[
        str | None,
        typer.Option(
            help="Python file that encodes your own types; runs inside the sandbox.", rich_help_panel=TASK
        ),
    ] = None,
    oracle: Annotated[
        str | None,
        typer.Option(
            help="file.py:exact, the function in higher precision: numbers are held against it.", rich_help_panel=TASK
        ),
    ] = None,
    relations: Annotated[
        str | None,
        typer.Option(help="Python file of relations between answers that have to hold.", rich_help_panel=TASK),
    ] = None,
    python: Annotated[
        str | None,
        typer.Option(
            help="Interpreter of the program (default: the active virtual environment).", rich_help_panel=TASK
        ),
    ] = None,
    compiler: Annotated[
        str | None, typer.Option(help="g++, clang++ or another.", rich_help_panel=TASK)
    ] = None,
    flags: Annotated[
        str | None, typer.Option(help="Compiler flags (default: -O3 -std=c++17).", rich_help_panel=TASK)
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads that the program may use.", rich_help_panel=TASK)
    ] = None,
    timeout: Annotated[
        float | None, typer.Option(min=0.01, help="Seconds that one run may take.", rich_help_panel=TASK)
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="Of a kernel: cuda or cpu (default: the GPU).", rich_help_panel=TASK)
    ] = None,
    backward: Annotated[
        bool | None,
        typer.Option("--backward/--no-backward", help="Of a kernel: forward and backward are to be faster.", show_default=False, rich_help_panel=TASK),
    ] = None,
    keep_signature: Annotated[
        bool | None,
        typer.Option(
            "--keep-signature/--no-keep-signature",
            help="Everything public in the file keeps its name and parameters.", show_default=False, rich_help_panel=LIMITS,
        ),
    ] = None,
    no_new_imports: Annotated[
        bool | None,
        typer.Option(
            "--no-new-imports/--new-imports",
            help="Nothing is imported (or included) that the file does not import.", show_default=False, rich_help_panel=LIMITS,
        ),
    ] = None,
    pure_python: Annotated[
        bool | None,
        typer.Option(
            "--pure-python/--no-pure-python",
            help="Only the standard library, the project, and what the file imports.", show_default=False, rich_help_panel=LIMITS,
        ),
    ] = None,
    memory_at_most: Annotated[
        str | None, typer.Option(help="Peak memory: 1.2x (of the peak as it was) or 512MB.", rich_help_panel=LIMITS)
    ] = None,
    sanitize: Annotated[
        bool | None,
        typer.Option(
            "--sanitize/--no-sanitize",
            help="C++ and C: refuse what a build with sanitizers reports (default).", show_default=False, rich_help_panel=LIMITS,
        ),
    ] = None,
    proposer: Annotated[
        str | None,
        typer.Option(help="rules, llm, or several: rules,llm (default: rules). Kernels: also tune (launches of Triton kernels), compile (torch.compile, CUDA graphs, library calls; by default beside rules).", rich_help_panel=MODEL),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="Model of an OpenAI-compatible server, to which your code is sent, gguf:FILE or hf:NAME_OR_DIR (these with @ADAPTER). May be repeated; NAME@URL has a server of its own.",
            rich_help_panel=MODEL,
        ),
    ] = None,
    strategy: Annotated[
        str, typer.Option(help="How models are asked: plan, refine or sample.", rich_help_panel=MODEL)
    ] = "plan",
    planner: Annotated[
        str | None, typer.Option(help="Model that makes observations and plans (default: the one that codes).", rich_help_panel=MODEL)
    ] = None,
    critic: Annotated[
        str | None, typer.Option(help="Model that criticises plans (default: the one that codes).", rich_help_panel=MODEL)
    ] = None,
    base_url: Annotated[
        str | None,
        typer.Option(help="Address of the server (default: OPENAI_BASE_URL).", rich_help_panel=MODEL),
    ] = None,
    exemplars: Annotated[
        list[Path] | None,
        typer.Option(
            help="Folder of earlier runs: the model is shown verified changes of similar code; may be repeated.",
            rich_help_panel=MODEL,
        ),
    ] = None,
    max_dollars: Annotated[
        float, typer.Option(min=0, help="Hard limit of what models may cost.", rich_help_panel=MODEL)
    ] = 1.0,
    max_tokens: Annotated[
        int | None, typer.Option(min=1, help="Hard limit of tokens, in and out.", rich_help_panel=MODEL)
    ] = None,
    price_in: Annotated[
        float | None,
        typer.Option(min=0, help="Dollars per million tokens in.", rich_help_panel=MODEL),
    ] = None,
    price_out: Annotated[
        float | None,
        typer.Option(min=0, help="Dollars per million tokens out.", rich_help_panel=MODEL),
    ] = None,
    time: Annotated[
        float, typer.Option("--time", min=1, help="Seconds of wall-clock.", rich_help_panel=RUN)
    ] = 300.0,
    max_candidates: Annotated[
        int | None, typer.Option(min=1, help="Candidates that the search may judge.", rich_help_panel=RUN)
    ] = None,
    crosshair: Annotated[
        bool,
        typer.Option(
            "--crosshair/--no-crosshair",
            help="Search for counterexamples before the holdout, where CrossHair is installed.",
            rich_help_panel=RUN,
        ),
    ] = True,
    sandbox: Annotated[
        str, typer.Option(help="auto, docker, bubblewrap or process.", rich_help_panel=RUN)
    ] = "auto",
    seed: Annotated[int, typer.Option(help="Seed of everything random.", rich_help_panel=RUN)] = 0,
    run: Annotated[
        Path | None,
        typer.Option(help="Folder of the run (default: .codeopt/runs/NAME-TIME).", rich_help_panel=RUN),
    ] = None,
    interactive: Annotated[
        bool,
        typer.Option("--interactive", help="Ask between rounds of a model's plans: hints, plans of your own, limits.", rich_help_panel=RUN),
    ] = False,
    resume: Annotated[
        Path | None, typer.Option(help="Go on with this run; nothing is paid twice.", rich_help_panel=RUN)
    ] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Put the result in the place of FILE (never of an installed library's).", rich_help_panel=RUN)
    ] = False,
    git: Annotated[
        bool, typer.Option("--git", help="Put the result on a branch codeopt/NAME-TIME; working tree and index stay as they are.", rich_help_panel=RUN)
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the result as JSON.", rich_help_panel=RUN)
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print the last line only.", rich_help_panel=RUN)
    ] = False,
) -> None:
    """The command itself; see `register` for its help."""
    settings = settings_of(context)
    code = _run(
        file=file,
        command=list(context.args),
        settings=settings,
        names=_proposers(proposer, model or ()),
        model={
            "models": tuple(model or ()),
            "planner": planner or "",
            "critic": critic or "",
            "strategy": strategy,
            "seed": seed,
            "base_url": base_url or "",
            "price_in": price_in,
            "price_out": price_out,
        },
        budget={"wall_s": time, "dollars": max_dollars, "tokens": max_tokens, "candidates": max_candidates},
        exemplars=exemplars or [],
        crosshair=crosshair,
        sandbox=sandbox,
        seed=seed,
        run=run,
        resume=resume,
        apply=apply,
        git=git,
        as_json=as_json,
        quiet=quiet,
        interactive=interactive,
        given={key for key, flag in BUDGET_FLAGS.items() if _said(context, flag)},
    )
    raise typer.Exit(code)


def _said(context: typer.Context, parameter: str) -> bool:
    """Whether the command line names the parameter."""
    source = context.get_parameter_source(parameter)
    return source is not None and source.name == "COMMANDLINE"


def settings_of(context: typer.Context) -> Settings:
    """What the flags of a command say about its task; flags and settings have the same names."""
    from codeopt.config import Settings, validated

    said = {name: context.params.get(name) for name in Settings.model_fields if name in context.params}
    for name in ("args", "flags"):
        said[name] = words(said[name], f"--{name}")
    said["tests"] = tuple(said["tests"]) if said["tests"] else None
    return validated({name: value for name, value in said.items() if value is not None}, "the command line")


def words(text: str | None, flag: str) -> tuple[str, ...] | None:
    """A quoted argument list as words. Raises UserError for unbalanced quotes."""
    try:
        return tuple(shlex.split(text)) if text is not None else None
    except ValueError as error:
        raise UserError(f"{flag} {text!r}: {error}", "quote it as in a shell") from None


def _proposers(asked: str | None, models: Sequence[str]) -> tuple[str, ...]:
    """Names of the proposers; () where nobody names them. A model is used only when it is named."""
    if asked is None:
        return ()
    names = tuple(name.strip() for name in asked.split(",") if name.strip())
    if "llm" in names and not models:
        raise UserError("--proposer llm needs a model", "name it with --model NAME")
    if models and "llm" not in names:
        raise UserError(f"--model {models[0]} is not used by --proposer {asked}", "add llm, or leave out --model")
    return names


def _run(
    *,
    file: str | None,
    command: list[str],
    settings: Settings,
    names: tuple[str, ...],
    model: dict[str, object],
    budget: dict[str, object],
    exemplars: list[Path],
    crosshair: bool,
    sandbox: str,
    seed: int,
    run: Path | None,
    resume: Path | None,
    apply: bool,
    git: bool,
    as_json: bool,
    quiet: bool,
    interactive: bool,
    given: set[str],
) -> int:
    from codeopt.agent import git_branch
    from codeopt.agent.budget import Budget
    from codeopt.agent.command import optimize_command
    from codeopt.agent.exemplars import checked
    from codeopt.agent.patched import refuse_installed
    from codeopt.agent.proposers.base import ProposerSettings, usual
    from codeopt.agent.report import apply_result
    from codeopt.agent.run import optimize as optimize_task
    from codeopt.agent.run_folder import Options, command_line, holds_run, new_run_folder, resumed
    from codeopt.agent.tasks.detect import detect_command
    from codeopt.agent.tasks.named import target
    from codeopt.cli.report import written_page
    from codeopt.cli.view import make_view
    from codeopt.sandbox.choose import check_kind

    check_kind(sandbox)
    view = make_view(quiet=quiet, as_json=as_json, interactive=interactive)
    if "--" in sys.argv[1:]:
        command, file = sys.argv[sys.argv.index("--") + 1 :], None
    elif command:
        raise UserError(f"one file at a time, not {command[0]} too", "for a command: codeopt optimize -- CMD")
    if resume is not None:
        if not resume.is_dir():
            raise UserError(f"no such run: {resume}", "give the folder that codeopt optimize printed")
        task, options = resumed(resume.absolute())
        # The run goes on as it was started; only its budget may be set anew.
        limits = {**vars(options.budget), **{key: budget[key] for key in given & budget.keys()}}
        options = replace(options, budget=Budget(**limits))
    else:
        if command:
            task, folder = detect_command(command, settings), run or new_run_folder(Path.cwd(), "command")
        elif file is not None:
            task = target(file, settings)
            folder = run or new_run_folder(Path.cwd(), task.module.rpartition(".")[2] or Path(file).stem)
        else:
            raise UserError("no file given", "codeopt optimize FILE, or codeopt optimize -- CMD")
        names = names or usual(task.kind, bool(model["models"]))
        folder = folder.absolute()
        if holds_run(folder):
            raise UserError(
                f"{folder} already holds a run", f"go on with it: --resume {folder}, or name another --run"
            )
        options = Options(
            run=folder,
            budget=Budget(**budget),  # type: ignore[arg-type]
            proposers=names,
            model=ProposerSettings(**model),  # type: ignore[arg-type]
            sandbox=sandbox,
            seed=seed,
            crosshair=crosshair,
            exemplars=checked(exemplars, task, names),
            command=command_line(),
        )
    if interactive:
        from codeopt.cli.interactive import check

        check(options, task.kind, silent=quiet or as_json)
    if apply:
        refuse_installed(task)
    if git:
        git_branch.check(task)
    with view:
        runner = optimize_command if task.kind == "command" else optimize_task
        outcome: Outcome = runner(task, options, view)
    written_page(outcome, view.note)
    branch = git_branch.commit(options.run) if git and outcome.exit_code == 0 else ""
    applied = None
    if apply and outcome.exit_code == 0:
        applied = apply_result(options.run)
    if as_json:
        more = {"branch": branch} if git else {}
        typer.echo(json.dumps({**outcome.summary, "applied": str(applied or ""), **more}, default=str))
    else:
        view.finished(outcome, applied)
        if branch and not quiet:
            typer.echo(f"  branch {branch}: git show {branch}, git merge {branch}")
    return outcome.exit_code
