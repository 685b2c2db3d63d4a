"""The expert in the loop: what a person says between rounds of plan search, and what the search is to make of it.

What is said is in the trace before it counts, and a resumed run takes it from there at the end of the same rounds. A limit
that is reached in the middle of a round is asked about once; only limits change there and then, all else waits for the end
of the round, so that it comes at the same point again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, runtime_checkable

from codeopt.agent.budget import Budget, Meter, changed
from codeopt.agent.plan.observe import CATEGORIES
from codeopt.errors import UserError
from codeopt.trace import Event, Intervention, Planned, TraceWriter
from codeopt.types import Candidate, Observation, Plan

FAMILY = "person"
MOST_TEXT = 4000
_LAST = ("go", "accept")  # words that end a conversation


@runtime_checkable
class Asks(Protocol):
    """Somebody who can be asked."""

    def ask(self, person: Person, why: str) -> bool:
        """Hand to `person.say` what they say, up to "go" or "accept".

        Args:
            person: Has the plans of the round.
            why: The limit that is reached; "" where a round is over.

        Returns:
            Whether they can be asked again.
        """
        ...


class Person:
    """What a person has said so far.

    Args:
        asks: Asks them; None where nobody is there and the trace alone speaks.
        meter: Whose limits they may change, and whose clock stands while they think.
        trace: Where what they say is kept.
        earlier: What earlier processes of the run wrote.

    Attributes:
        hints: For all models, from now on.
        unwanted: Titles of plans that are not to be made, nor any like them.
        plans: Their own plans that were not tried yet, in words.
        accepted: The search is to end with the best so far.
        made: All plans by id; those of the trace are there before they are made again.
        observations: By id.
        fresh: Ids of the plans of the present round.
        root: The program as it was; the search says so.
    """

    root: Candidate

    def __init__(self, asks: Asks | None, meter: Meter, trace: TraceWriter, earlier: Iterable[Event]) -> None:
        self.hints: list[str] = []
        self.unwanted: list[str] = []
        self.plans: list[str] = []
        self.accepted = False
        self.made: dict[str, Plan] = {}
        self.observations: dict[str, Observation] = {}
        self.fresh: list[str] = []
        self.meter = meter
        self._asks = asks
        self._trace = trace
        self._round = 1
        self._declined = False
        self._families: list[frozenset[str]] = []
        self._waiting: list[tuple[str, str]] = []
        self._asked: set[Budget] = set()
        self._said: defaultdict[int, list[tuple[str, str]]] = defaultdict(list)
        for event in earlier:
            if isinstance(event, Intervention):
                self._said[event.round].append((event.command, event.text))
            elif isinstance(event, Planned):
                self.made[event.plan.id] = event.plan
        self._known = max(map(_number, self.made), default=0)

    # --- what the search tells and asks ---------------------------------------------------------------------

    def observed(self, observations: Sequence[Observation]) -> None:
        """Observations were made."""
        self.observations |= {one.id: one for one in observations}

    def planned(self, plan: Plan) -> None:
        """A plan was made and criticised."""
        self.made[plan.id] = plan
        self.fresh.append(plan.id)

    def forbids(self, family: str) -> bool:
        """Whether plans of that family are not to be made: a forbidden category rules out its pairs as well."""
        return any(parts <= set(family.split("+")) for parts in self._families)

    def round_over(self) -> bool:
        """Where plans were made since the last time, ask what is next; whether a hint or a plan came of it."""
        if not self.fresh:
            return False
        said = self._said.pop(self._round, [])
        self._waiting += said
        self.accepted = self.accepted or ("accept", "") in said
        passed = any(command in _LAST for command, _ in said) or _number(self.fresh[-1]) < self._known
        if self._asks is not None and not passed:
            if not self._declined:  # to raise a limit: then that was the last word on this round
                self._ask(self._asks, "")
            if not self.accepted:
                self._trace.add(Intervention(round=self._round, command="go"))
        said, self._waiting = self._waiting, []
        for command, text in said:
            if command == "hint":
                self.hints.append(text)
            elif command == "plan":
                self.plans.append(text)
            elif command == "forbid":
                self._forbid(text)
        self.fresh = []
        self._declined = False
        self._round += 1
        return any(command in ("hint", "plan") for command, _ in said)

    def extends(self, why: str) -> bool:
        """Whether a limit that is reached is raised; asked once for the same limits."""
        before = self.meter.budget
        if self._asks is None or self.accepted or before in self._asked:
            return False
        self._asked.add(before)
        self._ask(self._asks, why)
        self._declined = self.accepted or self.meter.budget == before
        return not self._declined

    def left(self, time_left: Callable[[], float]) -> Callable[[], float]:
        """Seconds that a search has yet, of those that `time_left` says: none once the best is accepted."""

        def left() -> float:
            if not self.accepted and time_left() <= 0:
                self.extends(f"the time budget of {self.meter.budget.wall_s:g} s is used up")
            return 0.0 if self.accepted else time_left()

        return left

    def _ask(self, asks: Asks, why: str) -> None:
        with self.meter.paused():
            if not asks.ask(self, why):
                self._asks = None

    # --- what the person says -------------------------------------------------------------------------------

    def say(self, command: str, text: str = "") -> None:
        """Take a word of theirs: "hint", "plan", "forbid", "budget" or "accept".

        Raises:
            UserError: It cannot be meant; nothing has changed.
        """
        limits = self.meter.budget
        if command == "budget":
            limits = changed(limits, text)
        elif command == "forbid":
            self._meant(text)
        elif command in ("hint", "plan") and not 0 < len(text) <= MOST_TEXT:
            raise UserError(f"a {command} has 1 to {MOST_TEXT} characters", f"{command} TEXT")
        self._trace.add(Intervention(round=self._round, command=command, text=text))
        self.meter.budget = limits
        if command == "accept":
            self.accepted = True
        else:
            self._waiting.append((command, text))

    def _meant(self, text: str) -> str | frozenset[str]:
        """What is not wanted: the title of a plan, or the categories of a family. Raises UserError for neither."""
        if text in self.made:
            return self.made[text].title
        parts = frozenset(part.strip().lower() for part in text.split("+"))
        if not parts <= set(CATEGORIES):
            raise UserError(f"{text!r} is no plan and no family", f"name a plan (p1), or one of {', '.join(CATEGORIES)}")
        return parts

    def _forbid(self, text: str) -> None:
        meant = self._meant(text)
        if isinstance(meant, str):
            self.unwanted.append(meant)
        else:
            self._families.append(meant)


def person_of(view: object, meter: Meter, trace: TraceWriter, earlier: Sequence[Event]) -> Person | None:
    """Who is asked in a run, or spoke in an earlier process of it; None for nobody."""
    asks = view if isinstance(view, Asks) else None
    spoke = any(isinstance(event, Intervention) for event in earlier)
    return Person(asks, meter, trace, earlier) if asks or spoke else None


def _number(plan: str) -> int:
    return int(plan[1:])
