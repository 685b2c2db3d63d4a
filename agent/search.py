"""The search: climb from the baseline in rounds; each step is a candidate that the sequential test accepted.

A round asks the proposers for edits of the best program so far and races them against that best. A clear gain is
adopted at once and a new round begins. A candidate whose first pairs show less waits, its race begun, until the
others of its proposer had their first pairs; then the most promising go on. So large gains come first, and small
ones are measured on a program that they have already made fast. (A proposer that learns from verdicts gets each
verdict at once.) A parent on which nothing more pays is left for another one: the best candidate of each family of
plans that was accepted and not adopted is kept as an elder. What failed on a parent is not measured again on its
descendants (same rule, same place in words) until they are much faster, and no equivalent program is measured twice
(see `codeopt.agent.novelty`). Every verdict is in the trace before the next candidate, and a resumed run takes
remembered verdicts from there.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from codeopt.agent.bandit import Bandit
from codeopt.agent.budget import BudgetExhausted, Meter
from codeopt.agent.novelty import EDIT, SYNTAX, Novelty, marks
from codeopt.agent.plan.person import Person
from codeopt.agent.proposers.base import Combines, ProposeContext, Proposer, place_free
from codeopt.agent.screen import fingerprint, screen
from codeopt.agent.tasks.model import Task
from codeopt.errors import UserError
from codeopt.sandbox.interpreter import Interpreter
from codeopt.sandbox.verdict import PROBE_HOPE
from codeopt.sandbox.workload import Case, Workload
from codeopt.trace import Best, CandidateMade, TraceWriter, VerdictReached
from codeopt.types import BASELINE, Candidate, Profile, Proposal, Status, Verdict

CLEAR_GAIN = 1.5
WORTH = math.log(1.1)
MOST_ROUNDS = 25
MOST_OPEN = 8  # races that wait; each holds a sandbox session


class View(Protocol):
    """Who watches a run: a terminal, a log, nobody."""

    def phase(self, name: str, detail: str = "") -> None: ...
    def trying(self, candidate: Candidate) -> None: ...
    def tried(self, candidate: Candidate, verdict: Verdict) -> None: ...
    def best(self, candidate: Candidate, speedup: float) -> None: ...
    def note(self, text: str) -> None: ...


class Quiet:
    """A view that shows nothing."""

    def phase(self, name: str, detail: str = "") -> None: ...
    def trying(self, candidate: Candidate) -> None: ...
    def tried(self, candidate: Candidate, verdict: Verdict) -> None: ...
    def best(self, candidate: Candidate, speedup: float) -> None: ...
    def note(self, text: str) -> None: ...


class Shop(Protocol):
    """What makes subjects of candidates."""

    @property
    def task(self) -> Task: ...
    @property
    def interpreter(self) -> Interpreter: ...
    def baseline_source(self) -> str: ...
    def proposed(self, proposal: Proposal, seed: int = 0) -> Any: ...
    def forget(self, subject: Any) -> None: ...


class Referee(Protocol):
    """What judges them: `codeopt.sandbox.verdict.Judge`, or one with the same methods for another kind of subject."""

    baseline: Any
    rival: Any

    def machine_code(self, candidate: Any, workload: Workload) -> str: ...
    def probe(self, candidate: Any, workload: Workload, *, stop: Callable[[], bool] = ...) -> Any: ...
    def judge(
        self, candidate: Any, workload: Workload, *, probe: Any = None, stop: Callable[[], bool] = ...
    ) -> Verdict: ...
    def promise(self, race: Any) -> float: ...
    def estimate(self, race: Any) -> float: ...
    def decide(self, race: Any, workload: Workload) -> Verdict: ...
    def calibrate(self, case: Case) -> int: ...


@dataclass
class Step:
    """An accepted candidate; `gain` is its factor over its parent, `total` over the baseline (estimates).

    `changes` of it were tried one by one by a simplification, which left out `dropped` of them; 0 where there was none.
    """

    candidate: Candidate
    verdict: Verdict
    gain: float
    total: float
    changes: int = 0
    dropped: int = 0


_Accepted = tuple[Candidate, Verdict, Any]


@dataclass
class _Open:
    """A candidate whose race has begun and waits."""

    candidate: Candidate
    subject: Any
    race: Any
    estimate: float


@dataclass
class Remembered:
    """What an earlier process of this run already found out, by fingerprint of the candidate."""

    ids: dict[str, str] = field(default_factory=dict)
    verdicts: dict[tuple[str, str], Verdict] = field(default_factory=dict)  # (parent id, fingerprint)
    children: dict[str, set[str]] = field(default_factory=dict)  # parent id -> ids of what was made of it
    # Of simplifications: (parent id, text, flags) -> id and verdict.
    trials: dict[tuple[str, str, tuple[str, ...]], tuple[str, Verdict | None]] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)  # id -> hash of the machine code
    last_id: int = 0


class Search:
    """One search on one task. `chain` grows as steps are accepted; the last one is the best so far."""

    def __init__(
        self,
        workshop: Shop,
        judge: Referee,
        workload: Workload,
        proposers: list[Proposer],
        meter: Meter,
        trace: TraceWriter,
        view: View,
        *,
        profile: Callable[[str], Profile | None],
        facts: Mapping[str, object],
        remembered: Remembered | None = None,
        time_left: Callable[[], float] = lambda: math.inf,
        seed: int = 0,
        person: Person | None = None,
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
        self.elders: dict[str, Step] = {}  # by family of plans
        self.held_out = self.refused = 0  # winners on visible inputs that met hidden ones, and failed there
        self.ended = ""  # why the last proposer had no more to propose
        self.statuses: list[str] = []
        self._profile = functools.cache(profile)  # the estimate and the first round ask for the same
        self._facts = facts
        self._time_left = time_left
        self._seed = seed
        self.person = person
        self._count = self.remembered.last_id
        self._baseline = workshop.baseline_source()
        # Of these proposers the same rule and note mean the same edit; a model may say anything twice.
        self._same_in_words = {proposer.name for proposer in proposers if isinstance(proposer, Combines)}
        self._history: list[tuple[Proposal, Verdict]] = []
        self._hopeless: dict[tuple[str, str], float] = {}  # (rule, note) -> total gain below which it stays so
        self._admitted: set[str] = set()
        self._parents, self._order = Bandit(seed), Bandit(seed)
        self._spent: set[str] = set()  # parents on which nothing more pays
        self.root = Candidate(id=BASELINE, parent="", proposal=Proposal(source=self._baseline, proposer="", note="as it is"))
        self.novelty = Novelty()
        self.novelty.add(BASELINE, marks(self.root.proposal, self.task))
        if person is not None:
            person.root = self.root

    @property
    def best(self) -> Step | None:
        return self.chain[-1] if self.chain else None

    def new_id(self) -> str:
        """A name for the next candidate."""
        self._count += 1
        return f"c{self._count}"

    def stopped(self) -> bool:
        """Whether a budget or the time kept for the holdout ends the search."""
        return bool(self.meter.exhausted()) or self._deadline()

    def _deadline(self) -> bool:
        return self._time_left() <= 0

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
        self.novelty.built(self.root, self.judge.machine_code(self.judge.baseline, self.workload), ())
        for _ in range(MOST_ROUNDS):
            parents = self._open_parents()
            if not parents:
                return
            parent, total = parents[self._parents.choose({name: math.log(of) for name, (_, of) in parents.items()})]
            if self._over(parent):
                return
            if not self._round(parent, total):
                self._parents.learn(parent.id, 0.0, 1.0)
                self._spent.add(parent.id)
            elif self.person is not None and not self._deadline():
                self.person.round_over()

    def _open_parents(self) -> dict[str, tuple[Candidate, float]]:
        """What may be changed next, by id: the best so far and the elders, with how much faster than the baseline they are."""
        best = (self.best.candidate, self.best.total) if self.best else (self.root, 1.0)
        every = [best, *((step.candidate, step.total) for step in self.elders.values())]
        return {one.id: (one, total) for one, total in every if one.id not in self._spent}

    def _in_order(self) -> list[Proposer]:
        """The proposers: at first as they were named, then by what they have gained per candidate."""
        if not self._order.arms:
            return list(self.proposers)
        scores = {proposer.name: self._order.score(proposer.name) for proposer in self.proposers}
        if self.person is not None and self.person.plans:
            scores["llm"] = math.inf  # the person's own plan is tried next
        return sorted(self.proposers, key=lambda proposer: -scores[proposer.name])

    def _round(self, parent: Candidate, total: float) -> bool:
        """One round; whether it accepted a step."""
        profile = self._profile(parent.proposal.source)
        for proposer in self._in_order():
            if self._over(parent):
                return False
            self._history = []
            judged = len(self.statuses)
            context = self._context(parent, total, profile)
            accepted: list[_Accepted] = []
            waiting: list[_Open] = []
            try:
                self._ask(proposer, context, accepted, waiting)
                self._settle(proposer, context, accepted, waiting)
            finally:
                accepted.sort(key=_speedup)
                best = accepted.pop() if accepted else None
                self._order.learn(proposer.name, math.log(_speedup(best)) if best else 0.0, max(1, len(self.statuses) - judged))
                for item in accepted:
                    self._keep(*item)
                if best:
                    self._parents.learn(parent.id, math.log(_speedup(best)), 1.0)
                    self._adopt(*best)
            if best:
                return True
        return False

    def first_context(self) -> ProposeContext:
        """What proposers are told first."""
        return self._context(self.root, 1.0, self._profile(self.root.proposal.source))

    def _context(self, parent: Candidate, total: float, profile: Profile | None) -> ProposeContext:
        return ProposeContext(
            parent=parent,
            source=parent.proposal.source,
            language=self.task.language,
            function=self.task.function,
            file_name=self.task.file.rpartition("/")[2],
            profile=profile,
            history=self._history,
            seed=self._seed,
            gained=total,
            meter=self.meter,
            trace=self.trace,
            hints=self.person.hints if self.person is not None else (),
            person=self.person,
            **self._facts,  # type: ignore[arg-type]
        )

    def _ask(
        self, proposer: Proposer, context: ProposeContext, accepted: list[_Accepted], waiting: list[_Open]
    ) -> None:
        """Judge what a proposer makes of a parent, up to a clear gain; what is left open goes into `waiting`.

        The second half of the time is for the races that wait, where one of them shows something.
        """
        half = self._time_left() / 2
        patient = isinstance(proposer, Combines)
        for candidate in self._candidates(proposer, context):
            if self._deadline():
                return
            verdict, subject = self._evaluate(candidate, waiting if patient else None)
            if verdict is not None and verdict.accepted and verdict.search is not None and subject is not None:
                accepted.append((candidate, verdict, subject))
                if verdict.search.speedup >= CLEAR_GAIN:
                    return
            if self._time_left() < half and any(item.estimate > WORTH for item in waiting):
                return

    def _settle(
        self, proposer: Proposer, context: ProposeContext, accepted: list[_Accepted], waiting: list[_Open]
    ) -> None:
        """Let waiting races go on until one is won that no other promises to beat.

        All that promise something are tried as one edit first, then each, the most promising first.
        """
        waiting.sort(key=lambda item: item.estimate)
        clear = any(_speedup(item) >= CLEAR_GAIN for item in accepted)
        try:
            hopeful = [item.candidate.proposal for item in reversed(waiting) if item.estimate > PROBE_HOPE]
            if isinstance(proposer, Combines) and not clear and not self._deadline():
                together = proposer.combine(context, hopeful)
                candidate = self._admit(context.parent, together) if together else None
                if candidate is not None:
                    verdict, subject = self._evaluate(candidate, None)
                    if verdict is not None and verdict.accepted and subject is not None:
                        accepted.append((candidate, verdict, subject))
            while waiting and not self._deadline():
                if any(_speedup(item) >= math.exp(waiting[-1].estimate) for item in accepted):
                    return
                item = waiting.pop()
                verdict = self.judge.judge(item.subject, self.workload, probe=item.race, stop=self._out_of_time)
                self._record(item.candidate, verdict)
                if verdict.accepted:
                    accepted.append((item.candidate, verdict, item.subject))
                else:
                    self.workshop.forget(item.subject)
        finally:
            for item in waiting:
                self._drop(item)

    def _drop(self, item: _Open) -> None:
        """Close a race that has not been decided; its edit may come again on the next parent."""
        verdict = self.judge.decide(item.race, self.workload)
        self._record(item.candidate, verdict, hopeless=False)
        self.workshop.forget(item.subject)

    def _candidates(self, proposer: Proposer, context: ProposeContext) -> Iterator[Candidate]:
        """New candidates from a proposer, screened and without duplicates."""
        try:
            for proposal in proposer.propose(context):
                candidate = self._admit(context.parent, proposal)
                if candidate is not None:
                    yield candidate
                if self._over(context.parent):
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
        key = (proposal.rule, place_free(proposal.note))
        total = self.best.total if self.best else 1.0
        if proposal.proposer in self._same_in_words and total < self._hopeless.get(key, 0.0):
            self.novelty.saved[EDIT] += 1
            return None
        found = marks(proposal, self.task)
        mark = found[SYNTAX]
        known = self.remembered.ids.get(mark)
        if known is None and self.stopped():
            return None
        # What an earlier process made a candidate of stays one, though it may not have looked as closely.
        twin = self.novelty.twin(found if known is None else {SYNTAX: mark})
        if twin:
            self._history.append((proposal, Verdict(status=Status.SCREEN_FAILED, evidence=twin)))
            self.trace.note(f"not measured: {proposal.note}: {twin}")
            return None
        candidate = Candidate(id=known or self.new_id(), parent=parent.id, proposal=proposal)
        self.novelty.add(candidate.id, found)
        self._admitted.add(candidate.id)
        if known is None:
            self.trace.add(CandidateMade(candidate=candidate))
            self.meter.charge_candidate()
        reason = screen(proposal.source, self._baseline, self.task, self.workshop.interpreter)
        if reason:
            judged = (parent.id, mark) in self.remembered.verdicts
            self._record(candidate, Verdict(status=Status.SCREEN_FAILED, evidence=reason), again=judged)
            return None
        return candidate

    def _evaluate(
        self, candidate: Candidate, waiting: list[_Open] | None
    ) -> tuple[Verdict | None, Any]:
        """The verdict on a candidate against its parent, and its live subject where it was accepted.

        No verdict yet where its race went into `waiting`.
        """
        mark = fingerprint(candidate.proposal.source, self.task.language, candidate.proposal.flags)
        known = self.remembered.verdicts.get((candidate.parent, mark))
        self.view.trying(candidate)
        subject = self.workshop.proposed(candidate.proposal, seed=self._seed)
        code = self.judge.machine_code(subject, self.workload) if known is None else self.remembered.codes.get(candidate.id, "")
        inherited = self.novelty.built(candidate, code, (BASELINE, *(step.candidate.id for step in self.chain)))
        verdict = known or inherited
        if verdict is not None:
            self._record(candidate, verdict, again=known is not None, hopeless=verdict.status is not Status.UNDECIDED)
            if verdict.accepted and inherited is None:
                return verdict, subject
            self.workshop.forget(subject)
            return verdict, None
        race = self.judge.probe(subject, self.workload, stop=self._out_of_time)
        if waiting is not None and self.judge.promise(race) > PROBE_HOPE:
            estimate = self.judge.estimate(race)
            if estimate < math.log(CLEAR_GAIN):
                waiting.append(_Open(candidate, subject, race, estimate))
                if len(waiting) > MOST_OPEN:
                    least = min(waiting, key=lambda item: item.estimate)
                    waiting.remove(least)
                    self._drop(least)
                return None, None
        verdict = self.judge.judge(subject, self.workload, probe=race, stop=self._out_of_time)
        self._record(candidate, verdict)
        if verdict.accepted:
            return verdict, subject
        self.workshop.forget(subject)
        return verdict, None

    def _record(self, candidate: Candidate, verdict: Verdict, again: bool = False, hopeless: bool = True) -> None:
        self.novelty.judged(candidate, verdict)
        if not again:
            code = self.novelty.code(candidate.id)
            self.trace.add(VerdictReached(candidate=candidate.id, verdict=verdict, machine_code=code))
            self.trace.add(self.meter.event())
        if not verdict.accepted and hopeless:
            # What is wrong stays wrong. What was too small to see may show once the rest is faster (Amdahl).
            slow = verdict.status in (Status.NOT_FASTER, Status.UNDECIDED)
            total = self.best.total if self.best else 1.0
            key = (candidate.proposal.rule, place_free(candidate.proposal.note))
            self._hopeless[key] = total * CLEAR_GAIN if slow else math.inf
        self.statuses.append(str(verdict.status))
        self._history.append((candidate.proposal, verdict))
        self.view.tried(candidate, verdict)

    def _keep(self, candidate: Candidate, verdict: Verdict, subject: Any) -> None:
        """Let an accepted candidate that another one beat be an elder, where it follows a plan."""
        gain, family = _speedup((candidate, verdict, subject)), candidate.proposal.family
        total = gain * (self.best.total if self.best else 1.0)
        if family and (family not in self.elders or self.elders[family].total < total):
            self.elders[family] = Step(candidate, verdict, gain, total)
        self.workshop.forget(subject)

    def _adopt(self, candidate: Candidate, verdict: Verdict, subject: Any) -> None:
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
            self.workload = replace(self.workload, repeat=max(repeat, self.workload.repeat))


def _speedup(item: _Accepted) -> float:
    return item[1].search.speedup if item[1].search else 0.0
