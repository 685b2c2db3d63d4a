"""The winner without what does not pay: changes that its speed does not need are taken back before the holdout.

Delta debugging (Zeller and Hildebrandt 2002: ddmin, by complements) on the changes between the program and the winner,
of which those that belong together go together (`agent/changes.py`): by halves first, then by smaller parts, until no
single one can go. A text that does not pass the screen is no candidate; one that fails on the visible inputs is wrong.

A trial is raced against the winner itself, never against the last trial, so that small losses do not add up, and the
change goes only where the rest is shown to be not slower (`stats.not_slower`). Differences in comments and layout go
without a race. Trials are in the trace as candidates of "simplify" and are not charged to the budget of candidates,
which limits the search: their number and their time are limited here.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence

from codeopt.agent.changes import Change, Difference
from codeopt.agent.screen import fingerprint, screen
from codeopt.agent.search import Search, Step
from codeopt.sandbox import stats, timing
from codeopt.sandbox.race import Race
from codeopt.sandbox.subject import Subject, renew
from codeopt.sandbox.verdict import Judge
from codeopt.trace import CandidateMade, VerdictReached
from codeopt.types import Candidate, Proposal, Status, Verdict

RESERVE = 0.05  # of the time that a run may take: the search leaves so much for all trials
SHARE = 0.5  # of what it leaves, where that is more
MOST_TRIALS = 24
GLANCE = 2  # pairs of single calls


def reduced(units: Sequence[list[Change]], passes: Callable[[list[Change]], bool]) -> list[Change]:
    """The changes of some of the units, which pass, and of which no single one can be left out; all of them at worst.

    Args:
        passes: Says of the changes of some units whether they do alone; asked again about the same ones now and then.
    """
    kept, parts = list(units), 2
    while len(kept) > 1:
        for chunk in sorted(_chunks(kept, parts), key=lambda chunk: -sum(map(_size, chunk))):
            rest = [unit for unit in kept if unit not in chunk]
            if passes(_flat(rest)):
                kept, parts = rest, max(parts - 1, 2)
                break
        else:
            if parts >= len(kept):
                break
            parts = min(2 * parts, len(kept))
    return _flat(kept)


def _chunks(units: Sequence[list[Change]], parts: int) -> list[Sequence[list[Change]]]:
    """Neighbours together, in so many parts of nearly the same number."""
    ends = [len(units) * number // parts for number in range(parts + 1)]
    return [units[begin:end] for begin, end in itertools.pairwise(ends)]


def _flat(units: Sequence[list[Change]]) -> list[Change]:
    return [change for unit in units for change in unit]


def _size(unit: list[Change]) -> int:
    return sum(len(change.old.splitlines()) + len(change.new.splitlines()) + len(change.flags) for change in unit)


class Simplification:
    """Simplifies the best step of a search that has ended.

    Args:
        search: Its chain gets one step more where something was taken back.
        judge: The search's, whose rival is the winner.
        seconds: That all trials together may take.
        seed: Of the subjects.
    """

    def __init__(self, search: Search, judge: Judge, *, seconds: float, seed: int) -> None:
        assert search.best is not None
        self._search = search
        self._judge = judge
        self._winner: Step = search.best
        self._until = time.monotonic() + seconds
        self._seed = seed
        program = search.root.proposal
        self._difference = Difference(program.source, self._winner.candidate.proposal, search.task.language)
        self.changes = self._difference.changes
        self._mark = self._marked(self._winner.candidate.proposal)
        # The winner was shown to be faster than all it comes from.
        self._beaten = {self._marked(program), *(self._marked(step.candidate.proposal) for step in search.chain[:-1])}
        self._tried: dict[tuple[str, str, tuple[str, ...]], tuple[Candidate, Verdict] | None] = {}
        self._trials = 0
        self._cut = False
        self._units = self._difference.units(self._without_layout())

    @property
    def worthwhile(self) -> bool:
        """Whether there is anything to try."""
        return len(self._units) > 1 or sum(map(len, self._units)) < len(self.changes)

    def run(self) -> str:
        """Take back what does not pay; what came of it, in one line."""
        kept = reduced(self._units, self._passes)
        dropped = len(self.changes) - len(kept)
        self._winner.changes = len(self.changes)
        found = self._try(self._difference.with_only(kept)) if dropped else None
        if found is not None:
            gain = found[1].search.speedup if found[1].search else 1.0
            total = gain * self._winner.total
            self._search.chain.append(Step(*found, gain, total, changes=len(self.changes), dropped=dropped))
        told = f"{dropped} of {len(self.changes)} changes taken back"
        return f"{told}; not all were tried" if self._cut else told

    def _marked(self, proposal: Proposal) -> str:
        return fingerprint(proposal.source, self._search.task.language, proposal.flags)

    def _without_layout(self) -> list[Change]:
        """The changes without those that are in comments, layout and docstrings only."""

        def same(left_out: Sequence[Change]) -> bool:
            kept = [change for change in self.changes if change not in left_out]
            return self._marked(self._difference.with_only(kept)) == self._mark

        def layout(changes: Sequence[Change]) -> list[Change]:
            if self._late():
                return []
            if same(changes):
                return list(changes)
            half = len(changes) // 2
            return [*layout(changes[:half]), *layout(changes[half:])] if half else []

        found = layout(self.changes)
        return [change for change in self.changes if change not in found] if same(found) else list(self.changes)

    def _passes(self, kept: Sequence[Change]) -> bool:
        proposal = self._difference.with_only(kept)
        key = self._key(proposal)
        if key not in self._tried and key not in self._search.remembered.trials and self._over():
            self._cut = True
            return False
        found = self._try(proposal)
        return found is not None and found[1].accepted

    def _key(self, proposal: Proposal) -> tuple[str, str, tuple[str, ...]]:
        return self._winner.candidate.id, proposal.source, proposal.flags

    def _try(self, proposal: Proposal) -> tuple[Candidate, Verdict] | None:
        """A trial and its verdict, measured once in a run; None for what cannot pass."""
        key = self._key(proposal)
        if key not in self._tried:
            self._tried[key] = self._judged(proposal)
        return self._tried[key]

    def _judged(self, proposal: Proposal) -> tuple[Candidate, Verdict] | None:
        search, winner, mark = self._search, self._winner.candidate, self._marked(proposal)
        if mark in self._beaten or screen(proposal.source, search.root.proposal.source, search.task):
            return None
        known, verdict = search.remembered.trials.get(self._key(proposal), ("", None))
        candidate = Candidate(id=known or search.new_id(), parent=winner.id, proposal=proposal)
        if not known:
            search.trace.add(CandidateMade(candidate=candidate))
        search.view.trying(candidate)
        if verdict is None:
            same = Verdict(status=Status.OK, notes=(f"{winner.id} but for comments and layout",))
            verdict = same if mark == self._mark else self._raced(proposal)
            search.trace.add(VerdictReached(candidate=candidate.id, verdict=verdict))
        search.view.tried(candidate, verdict)
        return candidate, verdict

    def _over(self) -> bool:
        """Whether there is no time for the checks and the shortest race of another trial, or there were enough."""
        measured = self._winner.verdict.search
        region = measured.candidate_s if measured else 0.0
        checks = sum(self._judge.expect(case).wall_s for case in self._search.workload.visible) / self._winner.total
        needed = checks + 2 * stats.LOOKS[0] * region
        return self._trials >= MOST_TRIALS or time.monotonic() + needed > self._until

    def _late(self) -> bool:
        return time.monotonic() > self._until

    def _raced(self, proposal: Proposal) -> Verdict:
        """The verdict on a trial: "ok" where it is right and shown to be not slower than the winner."""
        self._trials += 1
        subject = self._search.workshop.proposed(proposal, seed=self._seed)
        try:
            race = self._race(subject)
        finally:
            self._search.workshop.forget(subject)
        verdict = self._judge.decide(race, self._search.workload)
        if verdict.search is None:
            return verdict
        decision = stats.not_slower(race.ratios(self._judge.clocks()))
        status = {
            stats.Decision.NOT_SLOWER: Status.OK,
            stats.Decision.SLOWER: Status.NOT_FASTER,
        }.get(decision, Status.UNDECIDED)
        measured = verdict.search
        evidence = f"measured {measured.speedup:.2f}x of {self._winner.candidate.id} over {measured.pairs} pairs"
        return verdict.model_copy(update={"status": status, "evidence": "" if status is Status.OK else evidence})

    def _race(self, subject: Subject) -> Race:
        """Pairs until `stats.not_slower` decides, in several sessions: where a process has its memory has a speed.

        Single calls come first: a region is long enough for the winner, and most trials lack what makes it fast.
        """
        judge, workload = self._judge, self._search.workload
        judge.prepare(subject, workload)
        race = judge.race(subject, workload.timed, pairs=GLANCE)
        if self._decided(race):
            return race
        race = judge.probe(subject, workload, stop=self._late)
        timed, renewals = judge.regions(workload), timing.layouts((judge.rival, subject)) - 1
        for pairs in (4, *stats.LOOKS):
            if self._decided(race) or self._late():
                break
            if renewals and len(race.wall) in stats.LOOKS:
                renew((judge.rival, subject))
                renewals -= 1
            judge.race(subject, timed.cases, repeat=timed.repeat, pairs=pairs, race=race, more=timed.more, stop=self._late)
        return race

    def _decided(self, race: Race) -> bool:
        if race.finding is not None:
            return True
        return stats.not_slower(race.ratios(self._judge.clocks())) is not stats.Decision.CONTINUE
