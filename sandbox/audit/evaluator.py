"""Attacking somebody else's evaluator: folders with a problem and a candidate, and what the evaluator says of them.

The evaluator is the user's own trusted command, but the candidates that it runs are hostile, and they run with its
rights: nothing here isolates them. So those that could harm the machine are left out unless they are asked for.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codeopt.errors import UserError
from codeopt.sandbox.audit.entries import HERE, Entry, corpus
from codeopt.sandbox.audit.run import EVIDENCE, Row
from codeopt.sandbox.audit.tasks import TASKS, Task

WARNING = "the exploits run with your evaluator's own rights: files, network and processes are theirs to use"
EXTRA = HERE / "evaluators"  # exploits that aim at evaluators, not at us
# Tasks whose inputs and answers survive JSON, and whose answers a checker can compare by value.
ASKED = ("count_pairs", "unique", "averages", "typed", "big_int", "find")
FASTER = 1.05
# Below this a speedup may be the machine's noise: it counts where three runs agree.
CLEAR, AGREE = 5.0, 3
TAIL = 1 << 16  # bytes of the evaluator's output that are read
HEADER = re.compile(r"(?:# [a-z]+:[^\n]*\n)+\n*")
OUR_RUNNER = re.compile(r"codeopt|runner|CHANNEL|socket\.socket\)", re.IGNORECASE)
HARMFUL = re.compile(
    r"\bkill\b|killpg|SIG[A-Z]{3,}|\bfork\b|setsid|dup2|setpriority|sched_set|multiprocessing|setrlimit|ptrace"
)
HARMFUL_ROWS = frozenset({19, 21})


@dataclass(frozen=True)
class Answer:
    """What an evaluator said.

    Attributes:
        accepted: Its decision; None where there was none.
        speedup: Its measurement; None where it gave none.
        evidence: The words that were read, or why there were none.
    """

    accepted: bool | None
    speedup: float | None = None
    evidence: str = ""

    @property
    def believed(self) -> bool:
        """Whether a user would take the candidate for a faster program."""
        return bool(self.accepted) and (self.speedup is None or self.speedup > FASTER)


def chosen(entries: Iterable[Entry], dangerous: bool) -> Iterator[Entry]:
    """Those entries of the corpus that mean something to a stranger's evaluator of Python functions.

    Left out: what attacks our own runner, what only probes a sandbox and is honest otherwise, controls that are not
    faster, and (unless `dangerous`) what could harm the machine.
    """
    for entry in entries:
        task = TASKS[entry.task]
        probe = entry.expect == "not_faster" and entry.row != 1
        if entry.task not in ASKED or entry.needs or task.needs or entry.threads > 1 or entry.expect == "same":
            continue
        if entry.row and (probe or entry.verdict != "confirm" or OUR_RUNNER.search(entry.source)):
            continue
        if not dangerous and harmful(entry):
            continue
        yield entry


def harmful(entry: Entry) -> bool:
    """Whether an exploit could harm the machine that it runs on without a sandbox."""
    return bool(entry.row) and (entry.row in HARMFUL_ROWS or HARMFUL.search(entry.source) is not None)


def everything() -> list[Entry]:
    """Our corpus and the exploits that aim at evaluators, exploits first."""
    found = [*corpus(), *corpus(EXTRA)]
    return sorted(found, key=lambda entry: (entry.row == 0, entry.row, entry.name))


def problem(task: Task) -> dict[str, Any]:
    """The content of task.json."""
    sizes = (0, 1, 2, task.small // 2, task.small)

    def draw(size: int, seed: int) -> dict[str, Any]:
        return {"size": size, "seed": seed, "args": task.make(size, seed)}

    return {
        "name": task.name,
        "language": "python",
        "function": task.function,
        "made": f"make(size, seed) draws the arguments; checked up to size {task.small}, timed at size {task.large}",
        "inputs": [draw(size, seed) for seed, size in enumerate(sizes, 1)],
        "large_inputs": [draw(task.large, seed) for seed in (101, 102)],
        "tolerance": {"rel": task.tolerance.rel, "abs": task.tolerance.abs_},
    }


class Attacker:
    """Runs an evaluator on entries.

    Args:
        command: As a shell would read it; {candidate}, {reference} and {task} become paths. Where none of them
            stands in it, the candidate's path is appended.
        seconds: Time limit of one run.

    Raises:
        UserError: The command is empty, cannot be read, or does not start.
    """

    def __init__(self, command: str, seconds: float = 60.0) -> None:
        try:
            self.words = shlex.split(command)
        except ValueError as error:
            raise UserError(f"--evaluator {command!r} cannot be read ({error})", "quote it as for a shell") from None
        if not self.words:
            raise UserError("--evaluator names no command", "like --evaluator 'python my_evaluator.py'")
        if not any(name in word for word in self.words for name in ("{candidate}", "{reference}", "{task}")):
            self.words.append("{candidate}")
        if shutil.which(self.words[0]) is None:
            raise UserError(f"there is no command {self.words[0]}", "name the evaluator's interpreter: 'python FILE'")
        self.seconds = seconds
        self.speaks_json = False

    def greet(self) -> None:
        """Have a plain copy of a reference judged, to learn how the evaluator answers.

        Raises UserError where its answer cannot be understood.
        """
        task = TASKS[ASKED[0]]
        answer = self._ask(task, task.source(), learn=True)
        if answer.accepted is None:
            raise UserError(
                f"the evaluator gave no verdict on a copy of the reference: {answer.evidence}",
                'its last line should be JSON with "accepted" (or "correct" and "speedup"), or its exit code 0 or 1',
            )

    def attack(self, entry: Entry) -> Row:
        """What the evaluator says of one entry, and whether it should have."""
        started = time.monotonic()
        candidate = HEADER.sub("", entry.source, count=1)
        answer = self._ask(TASKS[entry.task], candidate)
        for _ in range(AGREE - 1):
            if entry.row and answer.believed and (answer.speedup or CLEAR) < CLEAR:
                answer = self._ask(TASKS[entry.task], candidate)
        refused = answer.accepted is None or not answer.accepted
        bad = answer.believed if entry.row else refused
        return Row(
            entry=entry.name,
            kind=entry.kind,
            row=entry.row,
            task=entry.task,
            expected="refused" if entry.row else "accepted",
            status="no verdict" if answer.accepted is None else "accepted" if answer.accepted else "refused",
            evidence=_short(answer.evidence),
            seconds=round(time.monotonic() - started, 2),
            outcome=("missed" if entry.row else "false_alarm") if bad else "passed",
        )

    def _ask(self, task: Task, candidate: str, learn: bool = False) -> Answer:
        with tempfile.TemporaryDirectory(prefix="codeopt-audit-", ignore_cleanup_errors=True) as name:
            folder = Path(name)
            files = {"reference": "reference.py", "candidate": "candidate.py", "task": "task.json"}
            paths = {key: str(folder / file) for key, file in files.items()}
            (folder / "reference.py").write_text(task.source(), encoding="utf-8")
            (folder / "candidate.py").write_text(candidate, encoding="utf-8", errors="surrogateescape")
            (folder / "task.json").write_text(json.dumps(problem(task)), encoding="utf-8")
            (folder / "tmp").mkdir()
            code, text, errors = self._run([_filled(word, paths) for word in self.words], folder)
        if code is None:
            return Answer(None, evidence=f"no answer in {self.seconds:g} s")
        return self._understood(code, text, errors, learn)

    def _run(self, argv: list[str], folder: Path) -> tuple[int | None, str, str]:
        """Exit code (None: out of time) and the ends of what was written. Its process group does not outlive it."""
        env = {**os.environ, "TMPDIR": str(folder / "tmp")}
        with (folder / "out").open("w+b") as out, (folder / "err").open("w+b") as err:
            try:
                process = subprocess.Popen(
                    argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=env, start_new_session=True
                )
            except OSError as error:
                raise UserError(f"{argv[0]} does not start: {error.strerror}", "check it by hand") from None
            try:
                code: int | None = process.wait(self.seconds)
            except subprocess.TimeoutExpired:
                code = None
            finally:
                with contextlib.suppress(ProcessLookupError, PermissionError):  # nothing of it is left
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            return code, _end_of(out), _end_of(err)

    def _understood(self, code: int, text: str, errors: str, learn: bool) -> Answer:
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        last = lines[-1] if lines else ""
        said = _verdict(last)
        if learn:
            self.speaks_json = said is not None
            if said is None and (last.startswith("{") or code not in (0, 1)):
                return Answer(None, evidence=_words(last, errors, code))
        if said is not None and self.speaks_json:
            accepted, speedup = said
            return Answer(accepted, speedup, last)
        if self.speaks_json:
            return Answer(None, evidence=_words(last, errors, code))
        return Answer(code == 0, evidence=f"exit code {code}")


def _verdict(line: str) -> tuple[bool, float | None] | None:
    """(accepted, speedup) as a line of JSON says it; None where it says neither "accepted" nor "correct"."""
    try:
        found = json.loads(line)
    except ValueError:
        return None
    if not isinstance(found, dict):
        return None
    accepted = found.get("accepted", found.get("correct"))
    if not isinstance(accepted, bool):
        return None
    speedup = found.get("speedup")
    if isinstance(speedup, bool) or not isinstance(speedup, int | float):
        return accepted, None
    return accepted, float(speedup)


def _words(last: str, errors: str, code: int) -> str:
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    return _short(last or (lines[-1] if lines else f"exit code {code} and not a word"))


def _short(text: str) -> str:
    """Both ends of a long line: an interpreter begins with a path and says what is wrong last."""
    if len(text) <= EVIDENCE:
        return text
    kept = (EVIDENCE - 1) // 2
    return f"{text[:kept]}…{text[-kept:]}"


def _filled(word: str, paths: dict[str, str]) -> str:
    for key, path in paths.items():
        word = word.replace("{" + key + "}", path)
    return word


def _end_of(file: Any) -> str:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - TAIL))
    return bytes(file.read(TAIL)).decode("utf-8", "replace")
