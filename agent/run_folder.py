"""A run's folder: what a run was started with, what its trace already knows, and whether it can go on."""

from __future__ import annotations

import functools
import hashlib
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codeopt.agent.budget import Budget, changed
from codeopt.agent.proposers.base import ProposerSettings
from codeopt.agent.screen import fingerprint
from codeopt.agent.search import Remembered
from codeopt.agent.tasks.model import Task
from codeopt.errors import UserError
from codeopt.trace import (
    TRACE_FILE,
    VERSION,
    CandidateMade,
    Event,
    Intervention,
    Note,
    RunStarted,
    VerdictReached,
    read_trace,
)
from codeopt.types import SIMPLIFY

SOURCE = "sha256 of the file: "


@dataclass(frozen=True)
class Options:
    """What a person decided about a run, beside the task.

    Attributes:
        run: Folder of the run.
        budget: What it may spend.
        proposers: Names, in the order in which they are asked.
        model: Settings of the language model's proposer.
        sandbox: "auto", "docker", "bubblewrap" or "process".
        seed: Seed of everything random.
        crosshair: Search for counterexamples before the holdout, where CrossHair is installed.
        exemplars: Folders of earlier runs, whose verified changes a model is shown.
        command: The command line, for the trace.
        resume: The folder holds a run that is to go on.
    """

    run: Path
    budget: Budget = field(default_factory=Budget)
    proposers: tuple[str, ...] = ("rules",)
    model: ProposerSettings = field(default_factory=ProposerSettings)
    sandbox: str = "auto"
    seed: int = 0
    crosshair: bool = True
    exemplars: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    resume: bool = False


def remember(events: list[Event], language: str) -> Remembered:
    """What the trace of an earlier process of this run already knows."""
    known = Remembered()
    made = {}
    trials = {}
    for event in events:
        if isinstance(event, CandidateMade):
            proposal = event.candidate.proposal
            known.last_id = max(known.last_id, int(event.candidate.id[1:]))
            if proposal.proposer == SIMPLIFY:  # these are no edits that a search could find again
                trials[event.candidate.id] = key = (event.candidate.parent, proposal.source, proposal.flags)
                known.trials[key] = (event.candidate.id, None)
                continue
            mark = fingerprint(proposal.source, language, proposal.flags)
            made[event.candidate.id] = (event.candidate.parent, mark)
            known.children.setdefault(event.candidate.parent, set()).add(event.candidate.id)
            known.ids[mark] = event.candidate.id
        elif isinstance(event, VerdictReached) and event.verdict.holdout is None and event.candidate in made:
            known.verdicts.setdefault(made[event.candidate], event.verdict)
            known.codes[event.candidate] = event.machine_code
        elif isinstance(event, VerdictReached) and event.candidate in trials:
            key = trials[event.candidate]
            known.trials[key] = (event.candidate, known.trials[key][1] or event.verdict)
    return known


def resumed(run: Path) -> tuple[Task, Options]:
    """The task and the options of a run that is to go on.

    Raises:
        UserError: The folder holds no run, or the file has changed since it started.
    """
    started = original = None
    budgets = []
    for event in read_trace(run):
        if isinstance(event, RunStarted):
            started = event
        elif isinstance(event, Note) and event.text.startswith(SOURCE):
            original = original or event.text
        elif isinstance(event, Intervention) and event.command == "budget":
            budgets.append(event.text)
    if started is None:
        raise UserError(f"{run} holds no started run", "start a new one without --resume")
    if started.version != VERSION:
        raise UserError(f"{run} was started by another version of codeopt", "start a new run")
    task = Task.model_validate(started.task)
    if task.file and not Path(task.file).is_file():
        raise UserError(f"{task.file} is not there any more", "restore it, or start a new run")
    if original is not None and original != SOURCE + source_hash(task):
        raise UserError(f"{task.file} has changed since the run started", "restore it, or start a new run")
    kept = started.options
    # Limits that a person changed hold from the start: under the old ones a resumed run would not come to that point.
    budget = functools.reduce(changed, budgets, Budget(**kept["budget"]))
    options = Options(
        run=run,
        budget=budget,
        proposers=tuple(kept["proposers"]),
        model=ProposerSettings(**{**kept["model"], "models": tuple(kept["model"]["models"])}),
        sandbox=str(kept["sandbox"]),
        seed=int(kept["seed"]),
        crosshair=bool(kept.get("crosshair", True)),
        exemplars=tuple(kept.get("exemplars", ())),
        command=command_line(),
        resume=True,
    )
    return task, options


def source_hash(task: Task) -> str:
    """SHA-256 of the file that is optimised, in hex; "" for a command without one."""
    if not task.file:
        return ""
    return hashlib.sha256(Path(task.file).read_bytes()).hexdigest()


def shown(options: Options) -> dict[str, Any]:
    """Options as the trace keeps them. The key of a model server is not among them."""
    return {
        "budget": vars(options.budget),
        "proposers": list(options.proposers),
        "model": vars(options.model),
        "sandbox": options.sandbox,
        "seed": options.seed,
        "crosshair": options.crosshair,
        "exemplars": list(options.exemplars),
    }


def new_run_folder(base: Path, stem: str) -> Path:
    """A fresh folder `.codeopt/runs/STEM-TIME` under `base`."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    folder = base / ".codeopt" / "runs" / f"{stem}-{stamp}"
    number = 1
    while folder.exists():
        number += 1
        folder = folder.with_name(f"{stem}-{stamp}-{number}")
    return folder


def holds_run(folder: Path) -> bool:
    """Whether a run was started there: a process that died before its first whole line left none."""
    trace = folder / TRACE_FILE
    return trace.is_file() and b"\n" in trace.read_bytes()


def command_line() -> tuple[str, ...]:
    """This process's command line as a person would type it."""
    return ("codeopt", *sys.argv[1:])
