"""Rewards from measured speedups, for the trainers of TRL as they come.

A completion is a model's answer to "make this program faster". The program in it is held against the one that was to be
made faster, as `codeopt data make` does it: correctness on inputs that are made anew for each call, then pairs of timings.
Validity comes before correctness and that before speed, and speed is paid by the lower end of its interval, so that luck
earns nothing (the steps: Kevin, Baronio et al. 2025; a logarithm that is cut off: Dr. Kernel, 2026; see docs/training.md).
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import math
import os
import tempfile
import weakref
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codeopt.agent.proposers.llm_extract import EditError, extract
from codeopt.agent.proposers.llm_splice import apply_answer
from codeopt.agent.screen import fingerprint
from codeopt.agent.tasks.detect import detect
from codeopt.agent.tasks.model import Task
from codeopt.errors import SandboxBroken, UserError
from codeopt.evals.making.judging import PAIRS, Lanes
from codeopt.evals.making.keeping import KEY, kept_inputs, restore
from codeopt.evals.making.record import Recorder, folder_name
from codeopt.evals.making.sources import Base, Source
from codeopt.evals.making.ways import Ways
from codeopt.sandbox.choose import choose
from codeopt.trace import CandidateMade, VerdictReached, read_trace
from codeopt.training.settings import Form
from codeopt.types import Status, Verdict

Completion = str | Sequence[Mapping[str, Any]]
_UNREADABLE = (Status.SCREEN_FAILED, Status.BUILD_FAILED)
_RIGHT = (Status.OK, Status.NOT_FASTER)


@dataclass(frozen=True)
class Scale:
    """What a verdict is worth.

    Attributes:
        unreadable: No program in the answer, or one that is not even loaded.
        wrong: Another answer, a crash, or a limit that was reached.
        right: Right on every input, whatever its speed.
        faster: What a speedup of `cap` adds to that, in proportion to the logarithm; more adds no more.
        cap: Speedup.
        floor: Speedup that counts as none: what identical programs reach by luck.
        tampered: It went for the judge and not for the task.
    """

    unreadable: float = -0.1
    wrong: float = 0.0
    right: float = 0.3
    faster: float = 1.0
    cap: float = 8.0
    floor: float = 1.03
    tampered: float = -1.0

    def reward(self, verdict: Verdict, share: float | None = None) -> float | None:
        """A verdict's worth; None where there is none to speak of.

        Args:
            share: Of `faster`, that a right answer gets; None takes it from the speedup.
        """
        if verdict.status in _RIGHT:
            return self.right + self.faster * (self.gain(verdict) if share is None else share)
        if verdict.status is Status.UNDECIDED:
            return None
        if verdict.status is Status.TAMPERED:
            return self.tampered
        return self.unreadable if verdict.status in _UNREADABLE else self.wrong

    def gain(self, verdict: Verdict) -> float:
        """0 to 1: how much of the way to `cap` the lower end of a verified speedup goes, by logarithms."""
        low = verdict.holdout.low if verdict.holdout is not None and verdict.accepted else 1.0
        return min(1.0, max(0.0, math.log(max(low, 1.0) / self.floor)) / math.log(self.cap / self.floor))


class SpeedupReward:
    """A reward function for `GRPOTrainer` and `RLOOTrainer`: how much faster a completion's program was measured to be.

    The data set has `prompt` and `task_id`, and `input` where the program to beat is not the task's own: the form `prompts`
    of `codeopt data build` is one. Each call holds its completions against inputs of its own. In a training with several
    processes each has a reward of its own, and its share of the cores.

    Args:
        tasks: A suite that is no test set (`mbpp`), a folder of tasks, a Python package or a folder of Python files.
        data: Folder of the suites' data; None is CODEOPT_DATA.
        runs: Gets a folder for each call with a run for each program: every rollout is a trace, from which
            `codeopt data build` makes pairs. None keeps nothing.
        lanes: Programs that are timed at a time, one pinned core each; 0 is all cores but one.
        sandbox: "auto", "docker", "bubblewrap" or "process".
        pairs: Of timings, for each completion.
        seed: Of the inputs.
        scale: What verdicts are worth.
        model: Who is trained; for the traces.
        form: What a right answer gets beyond `scale.right`. "speedup": by its logarithm, cut off. "rank": the share of the
            right answers to the same program that are slower. "faster": all of it where it is verifiably faster. "right":
            all of it, however slow it is: a control.

    Raises:
        UserError: There are no such tasks, or no such sandbox.
    """

    def __init__(
        self,
        tasks: str,
        *,
        data: str | Path | None = None,
        runs: str | Path | None = None,
        lanes: int = 0,
        sandbox: str = "auto",
        pairs: int = PAIRS,
        seed: int = 0,
        scale: Scale | None = None,
        model: str = "",
        form: Form = "speedup",
    ) -> None:
        self.__name__ = "speedup"  # TRL calls its columns so
        self._form = form
        self.scale = scale or Scale()
        choose(sandbox, trusted=False).close()
        self._source = Source(tasks, Path(data) if data else None)
        self._bases: dict[str, Base] = {}
        for base in self._source.bases():
            self._bases.setdefault(base.problem_id, base)
            self._bases[base.name] = base
        cores = len(os.sched_getaffinity(0))
        self._count = lanes or max(1, cores - 1)
        self._sandbox, self._pairs, self._seed, self._model = sandbox, pairs, seed, model
        temporary = None if runs else tempfile.TemporaryDirectory(prefix="codeopt-")
        self._folder = Path(runs or temporary.name)  # type: ignore[union-attr]
        self._next = _last_call(self._folder) + 1
        self._lanes: list[Lanes] = []  # one, once there was something to judge
        self._end = weakref.finalize(self, _end, self._lanes, temporary)

    def close(self) -> None:
        """End the lanes, and remove what is not kept. Idempotent."""
        self._end()

    def expect(self, task_id: Sequence[str], input: Sequence[str] | None = None) -> None:
        """Make ready what the next call will be about, in the background: for the time in which a model writes its answers.

        Raises:
            UserError: A task_id that the tasks have not.
        """
        keys = dict.fromkeys(zip(task_id, input or itertools.repeat("")))
        out = self._out()
        files = [self._base(*key, out).file for key in itertools.islice(keys, self._count)]
        self._ready().ahead(files, self._seed + self._next)

    def _out(self) -> Path:
        """The folder of the next call."""
        return self._folder / f"call-{self._next:06d}"

    def _ready(self) -> Lanes:
        if not self._lanes:
            self._lanes.append(Lanes(self._sandbox, self._count, self._pairs))
        return self._lanes[0]

    def __call__(
        self,
        prompts: Sequence[Any],
        completions: Sequence[Completion],
        task_id: Sequence[str],
        input: Sequence[str] | None = None,
        log_metric: Callable[[str, float], None] | None = None,
        **_: Any,
    ) -> list[float | None]:
        """A reward for each completion; None where the machine failed, and not the program.

        Raises:
            UserError: A task_id that the tasks have not.
        """
        found = self.verdicts(completions, task_id, input)
        if log_metric is not None:
            for status, count in Counter(str(one.status) if one else "no_verdict" for one in found).items():
                log_metric(f"speedup/{status}", count / len(found))
        shares = self._shares(found, list(zip(task_id, input or itertools.repeat(""))))
        return [self.scale.reward(one, share) if one else None for one, share in zip(found, shares)]

    async def asynchronous(self, *args: Any, **columns: Any) -> list[float | None]:
        """The same as a coroutine function, for TRL to judge beside other rewards that are asynchronous."""
        return await asyncio.to_thread(self, *args, **columns)

    def _shares(self, found: Sequence[Verdict | None], asked: Sequence[tuple[str, str]]) -> list[float | None]:
        """What each answer gets of `scale.faster`, if it is right; None: by its speedup."""
        if self._form == "speedup":
            return [None] * len(found)
        if self._form == "right":
            return [1.0] * len(found)
        gains = [self.scale.gain(one) if one and one.status in _RIGHT else None for one in found]
        if self._form == "faster":
            return [float(bool(gain)) for gain in gains]
        groups: dict[tuple[str, str], list[float]] = {}
        for key, gain in zip(asked, gains):
            if gain is not None:
                groups.setdefault(key, []).append(gain)
        return [
            None if gain is None else sum(other < gain for other in groups[key]) / max(1, len(groups[key]) - 1)
            for key, gain in zip(asked, gains)
        ]

    def verdicts(
        self, completions: Sequence[Completion], task_id: Sequence[str], input: Sequence[str] | None = None
    ) -> list[Verdict | None]:
        """The verdict on each completion; None where there is none. Raises as a call."""
        out, seed = self._out(), self._seed + self._next
        self._next += 1
        rows = list(zip(map(_text, completions), task_id, input or itertools.repeat("")))
        asked = {key: _Asked(self._base(*key, out)) for key in dict.fromkeys(row[1:] for row in rows)}
        for text, *key in rows:
            asked[key[0], key[1]].add(text)
        samples = {one.base.name: tuple(one.programs) for one in asked.values()}
        ways = Ways(("samples",), per_program=len(rows), seed=seed, samples=samples, model=self._model)
        recorder = Recorder(out, ways, lambda line: None, {"pairs": self._pairs, "reward": True})
        bases = [one.base for one in asked.values() if one.programs]
        if bases:
            try:
                recorder.run(bases, sandbox=self._sandbox, lanes=self._ready(), pairs=self._pairs)
            except SandboxBroken:  # what has a verdict keeps it
                self._lanes.pop().close()
        for one in asked.values():
            one.read(out)
        return [asked[key[0], key[1]].verdict(text) for text, *key in rows]

    def _base(self, task_id: str, program: str, out: Path) -> Base:
        """What a row's program is held against."""
        base = self._bases.get(task_id)
        if base is None:
            raise UserError(f"{self._source.name} has no task {task_id!r}", "train on prompts that were made from these tasks")
        if not program or program == base.file.read_text("utf-8"):
            return base
        task = detect(base.file)
        mark = hashlib.sha256(program.encode("utf-8", "surrogatepass")).hexdigest()[:12]
        place = out / "bases" / f"{folder_name(task_id)}-{mark}"
        if place.is_dir():  # it was expected
            (file,) = place.glob("program.*")
        else:
            file = restore(place, program, task.language, task.kind, task.function, kept_inputs(task).get(KEY, {}))
        return Base(f"{base.name}-{mark}", file, base.problem_id, base.source, base.licence)


class _Asked:
    """One program and the completions that are to make it faster."""

    def __init__(self, base: Base) -> None:
        self.base = base
        self.programs: list[str] = []
        self._task: Task = detect(base.file)
        self._source = base.file.read_text("utf-8")
        self._own = self._mark(self._source)
        self._marks: dict[str, str] = {}
        self._bad: dict[str, str] = {}
        self._found: dict[str, Verdict] = {}

    def add(self, text: str) -> None:
        """A completion."""
        try:
            answer = extract(text, self._task.language, self._task.function)
            program = apply_answer(self._source, answer, self._task.language, self._task.function)
        except EditError as error:
            self._bad[text] = str(error)
            return
        self._marks[text] = self._mark(program)
        if self._marks[text] != self._own:  # the program as it was needs no verdict
            self.programs.append(program)

    def _mark(self, program: str) -> str:
        return fingerprint(program, self._task.language)

    def read(self, out: Path) -> None:
        """Take the verdicts from the run."""
        folder = out / folder_name(self.base.name)
        marks: dict[str, str] = {}
        for event in read_trace(folder) if folder.is_dir() else ():
            if isinstance(event, CandidateMade):
                marks[event.candidate.id] = self._mark(event.candidate.proposal.source)
            elif isinstance(event, VerdictReached):
                self._found[marks[event.candidate]] = event.verdict

    def verdict(self, text: str) -> Verdict | None:
        """What became of a completion; the program as it was is right, and no faster."""
        if text in self._bad:
            return Verdict(status=Status.SCREEN_FAILED, evidence=self._bad[text])
        if self._marks[text] == self._own:
            return Verdict(status=Status.NOT_FASTER, evidence="it is the program as it was")
        return self._found.get(self._marks[text])


def _text(completion: Completion) -> str:
    """The text of a completion, plain or conversational."""
    return completion if isinstance(completion, str) else str(completion[-1]["content"])


def _end(lanes: list[Lanes], temporary: tempfile.TemporaryDirectory[str] | None) -> None:
    while lanes:
        lanes.pop().close()
    if temporary:
        temporary.cleanup()


def _last_call(folder: Path) -> int:
    """The number of the newest call that is kept there, 0 where there is none: a training that goes on counts on."""
    numbers = [int(path.name.removeprefix("call-")) for path in folder.glob("call-*") if path.name[5:].isdigit()]
    return max(numbers, default=0)
