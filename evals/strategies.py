"""How a program for a problem is found: by one answer of a model, by rewrite rules, by the whole search, or by a way.

Ways (`codeopt.agent.spec.ways`) start from a specification; see `codeopt.evals.solve`. The strategies that start from a program run `codeopt optimize` on it, each in a process of its own on a core of its
own: one that hangs or dies costs only itself, and its run folder goes on where it was stopped.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codeopt.agent.models.asker import runs_here
from codeopt.agent.run_folder import holds_run
from codeopt.agent.spec.ways import way_names
from codeopt.errors import UserError
from codeopt.evals.generate import Generated, Maker, Sampling
from codeopt.evals.suites import Problem

WAYS = way_names()
NAMES = ("answer", "rules", "search", *WAYS)


@dataclass(frozen=True)
class Searching:
    """How `codeopt optimize` is run for each program.

    Attributes:
        sampling: Suite, model, seeds, seconds for each program.
        base_url: The model's server, or "".
        sandbox: Kind of sandbox.
        dollars: That each program may cost.
        folder: Where the runs are kept.
    """

    sampling: Sampling
    base_url: str
    sandbox: str
    dollars: float
    folder: Path

    def command(self, file: Path, run: Path, seed: int) -> list[str]:
        """The command line for one program; it goes on with a run that is there."""
        if holds_run(run):
            return [sys.executable, "-m", "codeopt", "optimize", "--resume", str(run), "--json"]
        words = [sys.executable, "-m", "codeopt", "optimize", str(file), "--run", str(run), "--json"]
        words += ["--time", f"{self.sampling.seconds:g}", "--sandbox", self.sandbox, "--seed", str(seed)]
        if self.sampling.strategy == "rules":
            return [*words, "--proposer", "rules"]
        words += ["--model", self.sampling.model, "--max-dollars", f"{self.dollars:g}"]
        return [*words, "--base-url", self.base_url] if self.base_url else words

    def maker(self, core: int, device: str = "") -> Maker:
        """Searches one program after the other: on one core, or on one GPU, whose compilers may use all cores."""
        return lambda wanted: (self._sample(problem, sample, core, device) for problem, sample in wanted)

    def _sample(self, problem: Problem, sample: int, core: int, device: str) -> Generated:
        seed = self.sampling.seed_of(problem, sample)
        run = self.folder / "runs" / f"{re.sub(r'[^A-Za-z0-9_.-]+', '-', problem.task_id)}-{sample}"
        file = self.sampling.suite.task(problem).file
        done = subprocess.run(
            self.command(file, run, seed),
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "CUDA_VISIBLE_DEVICES": device} if device else None,
            preexec_fn=None if device else lambda: os.sched_setaffinity(0, {core}),
        )
        told: dict[str, Any] = {}
        try:
            told = json.loads(done.stdout)
        except ValueError:
            said = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
            told["reason"] = f"no run: {said.removeprefix('codeopt: ')}"
        # A search that finds nothing leaves the program as it is.
        text = Path(told["files"]["new"] if told.get("verified") else file).read_text("utf-8")
        return Generated(
            task_id=problem.task_id,
            sample=sample,
            solution=text,
            raw=json.dumps({key: told[key] for key in ("candidates", "steps", "seconds", "dollars") if key in told}),
            note=told["reason"],
            seed=seed,
            finish="stop",
            tokens_in=0,
            tokens_out=int(told.get("tokens", 0)),
            estimated=False,
        )


def check(sampling: Sampling, problems: Sequence[Problem]) -> None:
    """Whether a strategy fits the suite and the model.

    Raises:
        UserError: There is no such strategy, it has nothing to start from, or it needs a model that there is not.
    """
    if sampling.strategy not in NAMES:
        raise UserError(f"there is no strategy {sampling.strategy!r}", f"one of {', '.join(NAMES)}")
    if sampling.strategy != "rules" and not sampling.model:
        raise UserError(f"the strategy {sampling.strategy!r} asks a model", "name one with --model")
    if sampling.strategy == "rules" and sampling.model:
        raise UserError("the strategy 'rules' asks no model", "leave out --model")
    if sampling.rules is not None and sampling.strategy not in WAYS:
        raise UserError(f"--rules is for {', '.join(WAYS)}", "--strategy rules is a search by rules alone")
    if sampling.strategy == "search" and runs_here(sampling.model):
        raise UserError(
            "a search times programs while it asks its model", "serve the model on another machine and give --base-url"
        )
    for problem in problems:
        if sampling.strategy in WAYS:
            sampling.suite.specification(problem)
        elif sampling.strategy != "answer":
            sampling.suite.task(problem)
