"""The search: climb from the baseline in rounds; each step is a candidate that the sequential test accepted.

A round asks every proposer for edits of the best program so far and judges them as they come, against that best.
A clear gain is adopted at once and a new round begins; small gains wait for the end of the round, so that the
largest goes first. What failed on a parent is not measured again on its descendants (same rule, same place in
words), and no equivalent program is measured twice. Every verdict is in the trace before the next candidate, and a
resumed run takes remembered verdicts from there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from codeopt.agent.budget import BudgetExhausted, Meter
from codeopt.agent.proposers.base import ProposeContext, Proposer
from codeopt.agent.screen import fingerprint, screen
from codeopt.agent.tasks.model import Task
from codeopt.agent.workshop import Workshop
from codeopt.errors import UserError
from codeopt.sandbox.subject import Subject
from codeopt.sandbox.verdict import Judge
from codeopt.sandbox.workload import Workload
from codeopt.trace import Best, CandidateMade, TraceWriter, VerdictReached
from codeopt.types import Candidate, Profile, Proposal, Status, Verdict

CLEAR_GAIN = 1.5
MOST_ROUNDS = 25


class View(Protocol):
    """Who watches a run: a terminal, a log, nobody."""

    def phase(self, name: str, detail: str = "") -> None: ...
    def trying(self, candidate: Candidate) -> None: ...
    def tried(self, candidate: Candidate, verdict: Verdict) -> None: ...
    def best(self, candidate: Candidate, speedup: float) -> None: ...
    def note(self, text: str) -> None: ...


@dataclass
class Step:
    """An accepted candidate; `gain` is its factor over its parent, `total` over the baseline (estimates)."""

    candidate: Candidate
    verdict: Verdict
    gain: float
    total: float


@dataclass
class Remembered:
    """What an earlier process of this run already found out, by fingerprint of the candidate."""

    ids: dict[str, str] = field(default_factory=dict)
    verdicts: dict[tuple[str, str], Verdict] = field(default_factory=dict)  # (parent id, fingerprint)
    children: dict[str, set[str]] = field(default_factory=dict)  # parent id -> ids of what was made of it
    last_id: int = 0


class Search:
    """One search on one task. `chain` grows as steps are accepted; the last one is the best so far."""

    def __init__(
        self,
        workshop: Workshop,
        judge: Judge,
        workload: Workload,
        proposers: list[Proposer],
        meter: Meter,
        trace: TraceWriter,
        view: View,
        *,
        profile: Callable[[str], Profile | None],
        facts: Mapping[str, object],
        remembered: Remembered | None = None,
        deadline: Callable[[], bool] = lambda: False,
        seed: int = 0,
    ) -> None:
        self.workshop = workshop
        self.task: Task = workshop.task
        self.judge = judge
        self.workload = workload
        self.proposers = proposers
        self.meter = meter
        self.trace = trace
        self.view = view
        self.remembered = remembered or Remembered()
        self.chain: list[Step] = []
        self.saved = 0
        self.ended = ""  # why the last proposer had no more to propose
        self.statuses: list[str] = []
        self._profile = profile
        self._facts = facts
        self._deadline = deadline
        self._seed = seed
        self._count = self.remembered.last_id
        self._baseline = workshop.baseline_source()
        self._seen = {fingerprint(self._baseline, self.task.language)}
        self._hopeless: set[tuple[str, str]] = set()
        self._admitted: set[str] = set()
        self.root = Candidate(id="c0", parent="", proposal=Proposal(source=self._baseline, proposer="", note="as it is"))

    @property
    def best(self) -> Step | None:
        return self.chain[-1] if self.chain else None

    def stopped(self) -> bool:
        """Whether a budget or the time kept for the holdout ends the search."""
        return bool(self.meter.exhausted()) or self._deadline()

    def _out_of_time(self) -> bool:
        """Whether even a measurement that has begun must end: what is kept for the holdout does not count here."""
        wall = self.meter.remaining().wall_s
        return wall is not None and wall <= 0

    def _over(self, parent: Candidate) -> bool:
        """Whether nothing more may be made of `parent`. What an earlier process made and paid for is taken up first."""
        owed = self.remembered.children.get(parent.id, set()) - self._admitted
        return self._deadline() or (self.stopped() and not owed)

    def run(self) -> None:
        """Search until nothing more pays or a budget is spent."""
        for _ in range(MOST_ROUNDS):
            if self._over(self.best.candidate if self.best else self.root) or not self._round():
                return

    def _round(self) -> bool:
        """One round; whether it accepted a step."""
        parent = self.best.candidate if self.best else self.root
        waiting: list[tuple[Candidate, Verdict, Subject]] = []
        adopted = False
        try:
            for candidate in self._candidates(parent):
                if self._deadline():
                    break
                verdict, subject = self._evaluate(candidate)
                if not verdict.accepted or verdict.search is None or subject is None:
                    continue
                waiting.append((candidate, verdict, subject))
                if verdict.search.speedup >= CLEAR_GAIN:
                    break
        finally:
            waiting.sort(key=lambda item: item[1].search.speedup if item[1].search else 0)
            if waiting:
                self._adopt(*waiting.pop())
                adopted = True
            for _, _, subject in waiting:
                self.workshop.forget(subject)
        return adopted

    def _candidates(self, parent: Candidate) -> Iterator[Candidate]:
        """New candidates from every proposer, screened and without duplicates."""
        profile = self._profile(parent.proposal.source)
        for proposer in tuple(self.proposers):
            if self._over(parent):
                return
            history: list[tuple[Proposal, Verdict]] = []
            self._history = history
            context = ProposeContext(
                parent=parent,
                source=parent.proposal.source,
                language=self.task.language,
                function=self.task.function,
                file_name=self.task.file.rpartition("/")[2],
                profile=profile,
                history=history,
                seed=self._seed,
                meter=self.meter,
                trace=self.trace,
                **self._facts,  # type: ignore[arg-type]
            )
            try:
                for proposal in proposer.propose(context):
                    candidate = self._admit(parent, proposal)
                    if candidate is not None:
                        yield candidate
                    if self._over(parent):
                        return
                self.ended = proposer.ended
            except BudgetExhausted as reason:
                self._say(str(reason))
            except UserError as error:
                # A model that fails in the middle costs the run nothing that it already has.
                if not self.chain and len(self.proposers) == 1:
                    raise
                self._say(str(error))
                self.proposers = [other for other in self.proposers if other is not proposer]

    def _say(self, text: str) -> None:
        self.view.note(text)
        self.trace.note(text)

    def _admit(self, parent: Candidate, proposal: Proposal) -> Candidate | None:
        """The candidate that a proposal makes, unless it was tried, is hopeless or does not pass the screen."""
        key = (proposal.rule, _place_free(proposal.note))
        if proposal.proposer == "rules" and key in self._hopeless:
            self.saved += 1
            return None
        mark = fingerprint(proposal.source, self.task.language, proposal.flags)
        known = self.remembered.ids.get(mark)
        if known is None and self.stopped():
            return None
        if mark in self._seen:
            self.saved += 1
            verdict = Verdict(status=Status.SCREEN_FAILED, evidence="the same program was tried before")
            self._history.append((proposal, verdict))
            return None
        self._seen.add(mark)
        if known is None:
            self._count += 1
        candidate = Candidate(id=known or f"c{self._count}", parent=parent.id, proposal=proposal)
        self._admitted.add(candidate.id)
        if known is None:
            self.trace.add(CandidateMade(candidate=candidate))
            self.meter.charge_candidate()
        reason = screen(proposal.source, self._baseline, self.task)
        if reason:
            judged = (parent.id, mark) in self.remembered.verdicts
            self._record(candidate, Verdict(status=Status.SCREEN_FAILED, evidence=reason), again=judged)
            return None
        return candidate

    def _evaluate(self, candidate: Candidate) -> tuple[Verdict, Subject | None]:
        """The verdict on a candidate against its parent, and its live subject where it was accepted."""
        mark = fingerprint(candidate.proposal.source, self.task.language, candidate.proposal.flags)
        known = self.remembered.verdicts.get((candidate.parent, mark))
        self.view.trying(candidate)
        subject = self.workshop.proposed(candidate.proposal, seed=self._seed)
        if known is not None:
            self._record(candidate, known, again=True)
            return known, subject if known.accepted else None
        verdict = self.judge.judge(subject, self.workload, stop=self._out_of_time)
        self._record(candidate, verdict)
        if verdict.accepted:
            return verdict, subject
        self.workshop.forget(subject)
        return verdict, None

    def _record(self, candidate: Candidate, verdict: Verdict, again: bool = False) -> None:
        if not again:
            self.trace.add(VerdictReached(candidate=candidate.id, verdict=verdict))
            self.trace.add(self.meter.event())
        if not verdict.accepted and verdict.status is not Status.UNDECIDED:
            self._hopeless.add((candidate.proposal.rule, _place_free(candidate.proposal.note)))
        self.statuses.append(str(verdict.status))
        self._history.append((candidate.proposal, verdict))
        self.view.tried(candidate, verdict)

    def _adopt(self, candidate: Candidate, verdict: Verdict, subject: Subject) -> None:
        """Make a candidate the best: the next ones race against it."""
        assert verdict.search is not None
        gain = verdict.search.speedup
        total = gain * (self.best.total if self.best else 1.0)
        self.chain.append(Step(candidate, verdict, gain, total))
        self.trace.add(Best(candidate=candidate.id, measurement=verdict.search))
        self.view.best(candidate, total)
        if self.judge.rival is not self.judge.baseline:
            self.workshop.forget(self.judge.rival)
        self.judge.rival = subject
        repeat = self.judge.calibrate(self.workload.timed[0])
        if repeat != self.workload.repeat:
            from dataclasses import replace

            self.workload = replace(self.workload, repeat=max(repeat, self.workload.repeat))


def _place_free(note: str) -> str:
    """A proposal's note without line numbers, which move when the file changes."""
    return re.sub(r"\d+", "#", note)
