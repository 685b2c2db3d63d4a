"""The trace of a run as a story: candidates as a tree, the best over time and cost, what was decided and on what.

A damaged line is counted and passed over, and a run that goes on or was killed has a story too: it ends where the trace does.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codeopt.errors import UserError
from codeopt.trace import (
    Baseline,
    Best,
    Bodies,
    CandidateMade,
    Consensus,
    Damage,
    Event,
    Exemplars,
    Inputs,
    Interrupted,
    Intervention,
    Note,
    Observed,
    Phase,
    Planned,
    ProposalAnswer,
    ProposalIntent,
    Resumed,
    RunFinished,
    RunStarted,
    VerdictReached,
    salvage,
)
from codeopt.types import (
    BASELINE,
    Candidate,
    Exemplar,
    Measurement,
    Observation,
    Plan,
    Profile,
    Proposal,
    Verdict,
)

RESULT = "result.json"


@dataclass(eq=False)
class Node:
    """A candidate and what became of it.

    Attributes:
        number: Its place in the run, from 0 for the baseline.
        verdict: The search's; None where the run ended before it.
        held: The holdout's, where it got there.
        at_s: Seconds of the run when it was made.
        total: How much faster than the baseline, from the gains of those that were the best before it; None where it never was.
    """

    number: int
    candidate: Candidate
    verdict: Verdict | None = None
    held: Verdict | None = None
    at_s: float = 0.0
    total: float | None = None
    children: list[Node] = field(default_factory=list)

    @property
    def id(self) -> str:
        return self.candidate.id


@dataclass(frozen=True)
class Moment:
    """A new best, and what the run had spent when it came."""

    id: str
    total: float
    at_s: float
    candidates: int
    tokens: int
    dollars: float


@dataclass
class Call:
    """A question to a model; `at_s` as for a candidate."""

    intent: ProposalIntent
    at_s: float
    answer: ProposalAnswer | None = None


@dataclass
class Story:
    """Everything that the page of a run says.

    Attributes:
        events: As they were read.
        phases: (seconds, phase, detail).
        damaged: Lines that are no events, as (number, why).
        summary: What `result.json` holds; {} where there is none (yet).
        spent_s: Seconds from the start to the last event, without those between two processes of a resumed run.
    """

    folder: Path
    started: RunStarted
    events: list[Event] = field(default_factory=list)
    nodes: dict[str, Node] = field(default_factory=dict)
    source: str = ""
    baseline: Baseline | None = None
    inputs: Inputs | None = None
    consensus: Consensus | None = None
    exemplars: tuple[Exemplar, ...] = ()
    observations: dict[str, Observation] = field(default_factory=dict)
    plans: dict[str, Plan] = field(default_factory=dict)
    bests: list[Moment] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    phases: list[tuple[float, str, str]] = field(default_factory=list)
    notes: list[tuple[float, Note]] = field(default_factory=list)
    person: list[tuple[float, Intervention]] = field(default_factory=list)
    resumed: list[Resumed] = field(default_factory=list)
    ended: RunFinished | Interrupted | None = None
    damaged: list[tuple[int, str]] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)
    spent_s: float = 0.0
    tokens: int = 0
    dollars: float = 0.0

    @property
    def root(self) -> Node:
        return self.nodes[BASELINE]

    def said(self, name: str) -> str:
        """A field of the task, as text."""
        value = self.started.task.get(name)
        return value if isinstance(value, str) else ""

    @property
    def file(self) -> str:
        """Name of the program's file."""
        return self.said("file").rpartition("/")[2]

    @property
    def winner(self) -> Node | None:
        """What the run hands back: what passed the holdout; in a run without a decision the best so far; else nothing."""
        accepted = [node for node in self.nodes.values() if node.held is not None and node.held.accepted]
        if accepted:
            return accepted[-1]
        if isinstance(self.ended, RunFinished) and self.ended.exit_code not in (2, 130):
            return None
        open_ones = [self.nodes[moment.id] for moment in self.bests if self.nodes[moment.id].held is None]
        return open_ones[-1] if open_ones else None

    @property
    def measured(self) -> Measurement | None:
        """The holdout's measurement of the winner; None where nothing was verified."""
        node = self.winner
        return node.held.holdout if node is not None and node.held is not None and node.held.accepted else None

    def lineage(self, node: Node) -> list[Node]:
        """The node and what it was made from, oldest first, without the baseline."""
        found: list[Node] = []
        here: Node | None = node
        while here is not None and here.id != BASELINE and here not in found:
            found.insert(0, here)
            here = self.nodes.get(here.candidate.parent)
        return found

    def profile_of(self, node: Node) -> Profile | None:
        """The profile that the run took of a candidate; None where it took none."""
        name = hashlib.sha256(node.candidate.proposal.source.encode("utf-8", "surrogateescape")).hexdigest()
        try:
            return Profile.model_validate_json((self.folder / "profiles" / f"{name}.json").read_bytes())
        except (OSError, ValueError):
            return None

    def answer_of(self, call: Call) -> str:
        """The text that a model answered; why there is none where it is not there."""
        if call.answer is None:
            return "(no answer came)"
        if not call.answer.answer_sha256:
            return f"({call.answer.error or 'no answer'})"
        try:
            return Bodies(self.folder / "bodies").get(call.answer.answer_sha256)
        except (UserError, OSError, UnicodeDecodeError):
            return "(its text is not in the run's folder any more)"


def read(folder: Path) -> Story:
    """The story of a run.

    Raises:
        UserError: There is no trace, a newer codeopt wrote it, or it does not even begin.
    """
    story: Story | None = None
    damaged: list[tuple[int, str]] = []
    reader: _Reader | None = None
    for number, _, event in salvage(folder):
        if isinstance(event, Damage):
            damaged.append((number, f"{event.kind}: {event.why}"))
        elif reader is not None:
            reader.add(event)
        elif isinstance(event, RunStarted):
            story = Story(folder, event)
            reader = _Reader(story)
            reader.add(event)
    if story is None or reader is None:
        raise UserError(f"{folder} holds no started run", "give the folder that codeopt optimize printed")
    story.damaged = damaged
    story.summary = _summary(folder)
    story.nodes[BASELINE] = Node(0, Candidate(id=BASELINE, parent="", proposal=Proposal(source=story.source, proposer="", note="as it is")))
    nodes = reader.made
    for node in nodes:
        # A parent that the trace has not is a damaged line; nothing is a child of what came after it.
        parent = story.nodes.get(node.candidate.parent, story.root)
        parent.children.append(node)
        story.nodes[node.id] = node
    story.bests = [moment for moment in story.bests if moment.id in story.nodes]
    for moment in story.bests:
        story.nodes[moment.id].total = moment.total
    return story


class _Reader:
    """Takes one event after the other into a story."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.made: list[Node] = []
        self._known: dict[str, Node] = {}
        self._calls: dict[str, Call] = {}
        self._phase = ""
        self._last_t = story.started.t
        self._totals: dict[str, float] = {}
        self._best = 1.0

    def add(self, event: Event) -> None:
        story = self.story
        story.events.append(event)
        if not isinstance(event, Resumed):
            story.spent_s += max(0.0, event.t - self._last_t)
        self._last_t = event.t
        match event:
            case Resumed():
                story.resumed.append(event)
                story.ended = None
                self._phase, self._best = "", 1.0
            case Baseline():
                story.baseline = event
                story.source = event.source or story.source
            case Inputs():
                story.inputs = event
            case Consensus():
                story.consensus = event
            case Exemplars():
                story.exemplars = event.exemplars
            case Observed():
                story.observations |= {one.id: one for one in event.observations}
            case Planned():
                story.plans[event.plan.id] = event.plan
            case ProposalIntent():
                self._calls[event.id] = call = Call(event, story.spent_s)
                story.calls.append(call)
            case ProposalAnswer():
                self._answered(event)
            case CandidateMade():
                if event.candidate.id not in self._known and event.candidate.id != BASELINE:
                    node = Node(len(self.made) + 1, event.candidate, at_s=story.spent_s)
                    self._known[node.id] = node
                    self.made.append(node)
            case VerdictReached():
                self._judged(event)
            case Best():
                self._bettered(event)
            case Phase():
                self._phase = event.phase
                story.phases.append((story.spent_s, event.phase, event.detail))
            case Note():
                story.notes.append((story.spent_s, event))
            case Intervention():
                story.person.append((story.spent_s, event))
            case Interrupted() | RunFinished():
                if not (isinstance(event, RunFinished) and event.exit_code == 130 and story.ended is not None):
                    story.ended = event
            case _:
                pass

    def _answered(self, event: ProposalAnswer) -> None:
        call = self._calls.get(event.id)
        if call is None or event.cached:
            return
        call.answer = event
        self.story.tokens += event.tokens_in + event.tokens_out
        self.story.dollars += event.dollars if math.isfinite(event.dollars) else 0.0

    def _judged(self, event: VerdictReached) -> None:
        node = self._known.get(event.candidate)
        if node is None:
            return
        if event.verdict.holdout is not None or self._phase == "holdout":
            node.held = event.verdict
            # Runs of one step (imported ones) have one verdict for both.
            if node.verdict is None:
                node.verdict = event.verdict
        else:
            node.verdict = event.verdict

    def _bettered(self, event: Best) -> None:
        """A resumed run climbs anew over what it remembers: that is no news."""
        name = event.candidate
        if event.holdout:
            return
        if name in self._totals:
            self._best = self._totals[name]
            return
        gain = event.measurement.speedup
        self._best *= gain if math.isfinite(gain) and gain > 0 else 1.0
        self._totals[name] = self._best
        story = self.story
        story.bests.append(Moment(name, self._best, story.spent_s, len(self.made), story.tokens, story.dollars))


def _summary(folder: Path) -> dict[str, Any]:
    """What `result.json` says; {} where it is not there or not whole."""
    try:
        found = json.loads((folder / RESULT).read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
