"""`codeopt verify`: the verdict with no search, for anybody's edit."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codeopt.agent.degenerate import warnings_of
from codeopt.agent.gates import decided
from codeopt.agent.inputs import build_workload
from codeopt.agent.relations import checked_relations
from codeopt.agent.tasks.detect import detect
from codeopt.agent.tasks.model import Task
from codeopt.agent.tasks.named import target
from codeopt.agent.workshop import Workshop
from codeopt.config import Settings
from codeopt.errors import UserError
from codeopt.sandbox.choose import choose
from codeopt.sandbox.subject import CannotStart
from codeopt.sandbox.verdict import HOLDOUT_PAIRS, Judge
from codeopt.types import Verdict

SLOWER = 30.0  # an edit that is up to this much slower is measured, not timed out


@dataclass(frozen=True)
class Side:
    """One of the two programs: its text, the file it belongs to (it may be gone), and a function's name or ""."""

    source: str
    path: Path
    function: str = ""


@dataclass(frozen=True)
class Verification:
    """A verdict with what is needed to read it."""

    task: Task
    verdict: Verdict
    notes: tuple[str, ...]
    sandbox: str
    interpreter: str

    def summary(self) -> dict[str, Any]:
        """Plain data for `--json`."""
        return {
            "file": self.task.file,
            "function": self.task.function,
            **self.verdict.model_dump(mode="json"),
            "accepted": self.verdict.accepted,
            "workload_notes": list(self.notes),
            "warnings": warnings_of(self.notes),
            "sandbox": self.sandbox,
            "interpreter": self.interpreter,
        }


def side(text: str) -> Side:
    """What an argument means: FILE, FILE:FUNCTION, or REVISION:FILE as git writes it.

    Raises:
        UserError: It is none of them.
    """
    if Path(text).is_file():
        return Side(_read(Path(text)), Path(text).absolute())
    head, colon, tail = text.rpartition(":")
    if colon and Path(head).is_file():
        return Side(_read(Path(head)), Path(head).absolute(), tail)
    revision, colon, name = text.partition(":")
    if colon and revision and name:
        file, _, function = name.partition(":")
        return Side(_from_git(revision, file), Path(file).absolute(), function)
    raise UserError(f"no such file: {text}", "give FILE, FILE:FUNCTION or REVISION:FILE")


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        raise UserError(f"{path} is not UTF-8 text", "give the source file") from None


def _from_git(revision: str, file: str) -> str:
    try:
        done = subprocess.run(["git", "show", f"{revision}:./{file}"], capture_output=True, check=False)
    except FileNotFoundError:
        raise UserError("git is not installed", "install it, or give two files") from None
    if done.returncode != 0:
        reason = done.stderr.decode("utf-8", "replace").strip().splitlines()[:1]
        raise UserError(f"no {file} in revision {revision} ({' '.join(reason)})", "check it with git log -- FILE")
    return done.stdout.decode("utf-8")


def verify(
    old: str,
    new: str,
    *,
    settings: Settings,
    place: str = "",
    new_flags: tuple[str, ...] = (),
    sandbox: str = "auto",
    seed: int = 0,
    pairs: int = HOLDOUT_PAIRS,
    crosshair: bool = True,
) -> Verification:
    """Judge `new` against `old`: same behaviour on visible and fresh inputs, then a fixed number of timing pairs.

    Args:
        old, new: FILE, FILE:FUNCTION or REVISION:FILE.
        settings: What is said about the task; see `codeopt.config`.
        place: The file, or the MODULE:FUNCTION, in whose place both are run (for its package and its project); by
            default `old`'s own file.
        new_flags: Compiler flags that only `new` gets.
        crosshair: Search for counterexamples first, where CrossHair is installed.

    Raises:
        UserError: Bad input; `old` cannot be run.
    """
    before, after = side(old), side(new)
    if before.function and settings.function is None:
        settings = settings.model_copy(update={"function": before.function})
    task = target(place, settings) if place else detect(_home(before, after), settings)
    if task.kind == "function" and settings.function is None:
        settings = settings.model_copy(update={"function": task.function})
    chosen = choose(sandbox, trusted=False)
    with Workshop(task, chosen, before.source) as shop:
        judge = Judge(
            shop.subject(before.source, seed=seed),
            shop.tolerance,
            limit_s=task.timeout_s,
            seed=seed,
            patience=SLOWER,
        )
        workload = build_workload(shop, judge, seed)
        relations = checked_relations(shop, judge, workload)
        candidate = shop.subject(after.source, new_flags, seed, after.function)
        try:
            verdict = decided(
                shop,
                judge,
                candidate,
                workload,
                seed=seed + 1,
                relations=relations,
                crosshair=crosshair,
                function=after.function,
                pairs=pairs,
            )
        except CannotStart as error:
            verdict = Verdict(status=error.status, evidence=error.evidence)
        interpreter = "" if task.language == "cpp" else f"{shop.interpreter.path} {shop.interpreter.version}"
        return Verification(task, verdict, workload.notes, chosen.name, interpreter)


def _home(before: Side, after: Side) -> Path:
    """The file in whose place both run: the first of the two that exists."""
    for candidate in (before.path, after.path):
        if candidate.is_file():
            return candidate
    raise UserError(f"{before.path} is not in the working tree", "name the file in its place with --as FILE")
