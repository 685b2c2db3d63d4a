"""What the engine finds out, kept as runs: a folder with a trace for each base, from which `codeopt data build` makes pairs.

A run that is finished is skipped; one that was broken off goes on with the programs that have no verdict.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codeopt import __version__
from codeopt.agent.rules.base import Code
from codeopt.agent.run_folder import command_line, holds_run
from codeopt.agent.screen import fingerprint, screen
from codeopt.agent.tasks.detect import detect
from codeopt.agent.tasks.model import Task
from codeopt.errors import UserError
from codeopt.evals.making.judging import Closed, Event, Item, Judged, Lanes, Opened, Program, Refused, judged
from codeopt.evals.making.keeping import kept_inputs
from codeopt.evals.making.sources import Base
from codeopt.evals.making.ways import Ways
from codeopt.machine import fingerprint as machine_of
from codeopt.trace import (
    Baseline,
    CandidateMade,
    Inputs,
    Resumed,
    RunFinished,
    RunStarted,
    TraceWriter,
    VerdictReached,
    read_trace,
)
from codeopt.types import BASELINE, Candidate, Proposal, Status, Verdict

LEAST = 1.1
"""Speedup from which on a pair counts for a dataset; see docs/data.md."""


@dataclass
class Summary:
    """What came of it, this time.

    Attributes:
        bases: By what became of them: "kept, time grows", "kept, time does not grow", "finished before",
            "nothing to try", "dropped".
        dropped: Why -> how many.
        statuses: Of programs, by way and status.
        pairs: By way: programs that are measurably faster or slower than their base; "at least 1.1x" among them.
        open_s, judge_s: Seconds of lanes for bases, and for programs.
        opened, programs: How many of each.
        wall_s: From the first to the last.
        stopped: The time was over first.
    """

    bases: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    statuses: dict[str, Counter[str]] = field(default_factory=dict)
    pairs: dict[str, Counter[str]] = field(default_factory=dict)
    open_s: float = 0.0
    judge_s: float = 0.0
    opened: int = 0
    programs: int = 0
    wall_s: float = 0.0
    stopped: bool = False

    def verdict(self, way: str, verdict: Verdict) -> None:
        """Count a program."""
        self.programs += 1
        self.statuses.setdefault(way, Counter())[str(verdict.status)] += 1
        gain = gain_of(verdict)
        if gain:
            counts = self.pairs.setdefault(way, Counter())
            counts["faster" if gain > 1 else "slower"] += 1
            counts["at least 1.1x"] += max(gain, 1 / gain) >= LEAST


def gain_of(verdict: Verdict) -> float:
    """The speedup where a verdict makes a pair (below 1 for one that is read the other way round), else 0."""
    found = verdict.holdout
    if found is None or found.low <= 0:
        return 0.0
    if verdict.accepted and found.low > 1:
        return found.speedup
    return found.speedup if verdict.status is Status.NOT_FASTER and found.high < 1 else 0.0


@dataclass
class Job:
    """A run that is being written.

    Attributes:
        waiting: Candidates that have no verdict, by id.
        refused: Candidates that are not run, with their verdicts.
        told: The trace has what it was started with.
        last: Number of the newest candidate.
    """

    base: Base
    task: Task
    source: str
    trace: TraceWriter
    marks: set[str]
    waiting: dict[str, Candidate] = field(default_factory=dict)
    refused: list[tuple[Candidate, Verdict]] = field(default_factory=list)
    known: set[str] = field(default_factory=set)
    told: bool = False
    last: int = 0
    better: int = 0

    def take(self, proposals: Iterable[Proposal], parent: str = BASELINE) -> list[Program]:
        """New candidates of these, without what is there already; those that may be run."""
        made = []
        for proposal in proposals:
            mark = fingerprint(proposal.source, self.task.language, proposal.flags)
            if mark in self.marks:
                continue
            self.marks.add(mark)
            self.last += 1
            candidate = Candidate(id=f"c{self.last}", parent=parent, proposal=proposal)
            if why := screen(proposal.source, self.source, self.task):
                self.refused.append((candidate, Verdict(status=Status.SCREEN_FAILED, evidence=why)))
                continue
            self.waiting[candidate.id] = candidate
            made.append(Program(proposal.source, proposal.flags, candidate.id))
        return made

    def write(self, candidate: Candidate, verdict: Verdict) -> None:
        """A candidate (once) and its verdict."""
        if candidate.id not in self.known:
            self.known.add(candidate.id)
            self.trace.add(CandidateMade(candidate=candidate))
        self.trace.add(VerdictReached(candidate=candidate.id, verdict=verdict))


def folder_name(base: str) -> str:
    """The folder of a base's run, by the base's name."""
    return re.sub(r"[^\w.-]+", "-", base)


class Recorder:
    """Runs of bases in a folder.

    Args:
        out: Gets a folder for each base.
        ways: What is made of them.
        tell: Called with a line for each base that is done or dropped.
        options: For the traces: how it was judged.
    """

    def __init__(self, out: Path, ways: Ways, tell: Callable[[str], None], options: dict[str, Any]) -> None:
        self.out, self.ways, self._tell, self._options = out, ways, tell, options
        self.summary = Summary()
        self._jobs: dict[str, Job] = {}
        self._machine = machine_of()

    def run(self, bases: Iterable[Base], *, sandbox: str, lanes: int | Lanes, pairs: int, seconds: float = 0.0) -> Summary:
        """Judge and keep, until all is done or the time is over. What a person interrupts is kept, too.

        Raises:
            UserError: The engine's; another process writes one of the runs; the disk is full.
        """
        started = time.monotonic()
        with contextlib.ExitStack() as stack:
            stack.callback(self._close)
            found = judged(self._items(bases), sandbox=sandbox, lanes=lanes, pairs=pairs, seed=self.ways.seed)
            stack.enter_context(contextlib.closing(found))
            for event in found:
                self._event(event)
                self.summary.wall_s = time.monotonic() - started
                if seconds and self.summary.wall_s > seconds:
                    self.summary.stopped = True
                    break
        return self.summary

    def _close(self) -> None:
        for job in self._jobs.values():
            job.trace.close()

    # --- what is judged -----------------------------------------------------------------------------------

    def _items(self, bases: Iterable[Base]) -> Iterator[Item]:
        for base in bases:
            folder = self.out / folder_name(base.name)
            if holds_run(folder) and any(isinstance(event, RunFinished) for event in read_trace(folder)):
                self.summary.bases["finished before"] += 1
                continue
            try:
                task = detect(base.file)
                source = base.file.read_text("utf-8")
            except (UserError, UnicodeDecodeError) as error:
                self._drop(base.name, str(error))
                continue
            proposals = list(self.ways.proposals(task, source, base.name))
            if not proposals:
                self.summary.bases["nothing to try"] += 1
                continue
            job = Job(base, task, source, TraceWriter(folder), {fingerprint(source, task.language)})
            self._jobs[base.name] = job
            yield Item(base.name, base.file, tuple(self._begun(job, folder, proposals)), self._further(job))

    def _begun(self, job: Job, folder: Path, proposals: Iterable[Proposal]) -> list[Program]:
        """What is to be judged: of an earlier process of this run what has no verdict, and what is new."""
        again = []
        for event in read_trace(folder) if job.trace.resumed else ():
            if isinstance(event, Baseline):
                job.told = True
            elif isinstance(event, CandidateMade):
                made = event.candidate
                job.marks.add(fingerprint(made.proposal.source, job.task.language, made.proposal.flags))
                job.known.add(made.id)
                job.waiting[made.id] = made
                job.last = max(job.last, int(made.id[1:]))
            elif isinstance(event, VerdictReached):
                job.waiting.pop(event.candidate, None)
                job.better += event.verdict.accepted
        again = [Program(one.proposal.source, one.proposal.flags, one.id) for one in job.waiting.values()]
        return again + job.take(proposals)

    def _further(self, job: Job) -> Callable[[Sequence[Judged]], Sequence[Program]]:
        """Rewrites of the measured winners among the rewrites of the base: the second level, and no third."""
        judged_ones: dict[str, Candidate] = dict(job.waiting)

        def more(new: Sequence[Judged]) -> Sequence[Program]:
            if "rules" not in self.ways.names:
                return ()
            made: list[Program] = []
            for one in new:
                parent = judged_ones.get(one.program.name)
                winner = one.verdict.accepted and parent is not None and parent.parent == BASELINE
                if parent is None or not winner or parent.proposal.proposer != "rules":
                    continue
                code = Code(parent.proposal.source, job.task.language, job.task.function)
                room = max(0, self.ways.per_program - len(made))
                again = self.ways.rewrites(code, parent.proposal.flags)
                made += job.take((proposal for _, proposal in zip(range(room), again)), parent.id)
            return made

        return more

    # --- what is kept -------------------------------------------------------------------------------------

    def _event(self, event: Event) -> None:
        job = self._jobs[event.item.name]
        if isinstance(event, Opened):
            self._opened(job, event)
        elif isinstance(event, Judged):
            self._judged(job, event)
        elif isinstance(event, Closed):
            for candidate, verdict in job.refused:
                job.write(candidate, verdict)
                self.summary.verdict(candidate.proposal.proposer, verdict)
            self._end(job, 0 if job.better else 1, f"{len(job.known)} programs judged, {job.better} of them faster")
            self._tell(f"{job.base.name}: {len(job.known)} programs judged, {job.better} faster")
        elif isinstance(event, Refused):
            if not job.told:
                self._start(job, job.task)
            job.trace.add(Baseline(status=Status.UNDECIDED, evidence=event.why, source=job.source))
            self._end(job, 2, event.why)
            self._drop(job.base.name, event.why)

    def _opened(self, job: Job, event: Opened) -> None:
        self.summary.opened += 1
        self.summary.open_s += event.took_s
        self.summary.bases["kept, time grows" if event.grew else "kept, time does not grow"] += 1
        if job.told:
            job.trace.add(Resumed(command=command_line(), codeopt=__version__, machine=self._machine))
            return
        self._start(job, event.task)
        job.trace.add(Inputs(counts=event.counts, note="; ".join(event.notes)))
        job.trace.add(
            Baseline(status=Status.OK, seconds=event.seconds, noise=event.noise, clock=event.clock, source=event.source)
        )
        job.told = True

    def _start(self, job: Job, task: Task) -> None:
        base = job.base
        about = {"problem": base.problem_id, "source": base.source, "licence": base.licence, **kept_inputs(task)}
        job.trace.add(
            RunStarted(
                command=command_line(),
                task=task.model_dump(mode="json") | about,
                options=self._options,
                machine=self._machine,
                codeopt=__version__,
                seed=self.ways.seed,
            )
        )

    def _judged(self, job: Job, event: Judged) -> None:
        candidate = job.waiting.pop(event.program.name)
        job.write(candidate, event.verdict)
        job.better += event.verdict.accepted
        self.summary.judge_s += event.took_s
        self.summary.verdict(candidate.proposal.proposer, event.verdict)

    def _end(self, job: Job, code: int, reason: str) -> None:
        job.trace.add(RunFinished(exit_code=code, reason=reason))
        job.trace.close()
        del self._jobs[job.base.name]

    def _drop(self, name: str, why: str) -> None:
        self.summary.bases["dropped"] += 1
        self.summary.dropped[_kind(why)] += 1
        self._tell(f"{name}: dropped: {why}")


def _kind(why: str) -> str:
    """A refusal without its particulars, to be counted by."""
    plain = re.sub(r"\s*\(.*", "", why.partition(":")[0] if why.startswith(("the ", "two ")) else why)
    return re.sub(r"(/[\w.-]+)+", "FILE", re.sub(r"\d+(\.\d+)?", "N", plain))[:80]

