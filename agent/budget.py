"""What a run may spend, and what it has spent. Limits are hard: a model call is paid for before it is made."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from codeopt.errors import UserError
from codeopt.trace import (
    BudgetSpent,
    CandidateMade,
    Event,
    ProposalAnswer,
    ProposalIntent,
    Resumed,
    RunStarted,
)
from codeopt.types import SIMPLIFY, Candidate


@dataclass(frozen=True)
class Budget:
    """The limits of a run; None is no limit.

    Attributes:
        wall_s: Seconds of wall-clock, of this process.
        dollars: What models may cost.
        tokens: Tokens in and out.
        candidates: Candidates that the search may judge; the baseline and the trials of a simplification do not count.
    """

    wall_s: float | None = 300.0
    dollars: float | None = 1.0
    tokens: int | None = None
    candidates: int | None = None


LIMITS = {"time": "wall_s", "dollars": "dollars", "tokens": "tokens", "candidates": "candidates"}
"""What a person calls the limits."""


def changed(budget: Budget, text: str) -> Budget:
    """The limits after words such as `time=+60 dollars=2`: a sign changes a limit by so much, none sets it.

    Raises:
        UserError: The words say something else.
    """
    if not text.split():
        raise UserError("which limit?", "budget time=+60 dollars=2 tokens=20000 candidates=+5")
    limits: dict[str, Any] = dict(vars(budget))
    for word in text.split():
        name, _, amount = word.partition("=")
        if name not in LIMITS:
            raise UserError(f"no limit {name!r}", f"one of {', '.join(LIMITS)}, as in time=+60")
        try:
            value = int(amount) if name in ("tokens", "candidates") else float(amount)
        except ValueError:
            value = math.nan
        before = limits[LIMITS[name]]
        if amount[:1] in ("+", "-"):
            if before is None:
                raise UserError(f"there is no limit of {name} to change", f"set one: {name}=NUMBER")
            value += before
        if not 0 <= value < math.inf:
            raise UserError(f"{word!r} sets no limit of {name}", f"{name}=NUMBER sets it, {name}=+NUMBER adds to it")
        limits[LIMITS[name]] = value
    return Budget(**limits)


@dataclass(frozen=True)
class Spent:
    """Amounts of the things that a Budget limits."""

    wall_s: float = 0.0
    dollars: float = 0.0
    tokens: int = 0
    candidates: int = 0


@dataclass(frozen=True)
class Reservation:
    """An amount that is set aside for one model call until it is settled."""

    tokens: int
    dollars: float


@dataclass(frozen=True)
class Estimate:
    """What a run can cost at most, before it starts.

    Attributes:
        calls: Model calls of that size that the budget pays for in full; None where nothing limits them.
        dollars: Upper bound of the price of one call; None where the model's price is not known.
        limit: Upper bound of the price of the run; None where nothing limits it.
    """

    calls: int | None
    dollars: float | None
    limit: float | None

    def __str__(self) -> str:
        one = "a price that is not known" if self.dollars is None else f"${self.dollars:.4f}"
        many = "any number of calls" if self.calls is None else f"{self.calls} call(s)"
        total = "" if self.limit is None else f", ${self.limit:.2f} in all"
        return f"at most {one} a call, {many}{total}"


class BudgetExhausted(Exception):
    """The next step would exceed the budget. Not an error: the run ends with the best so far."""


@dataclass
class Meter:
    """Counts what a run spends. Safe from several threads.

    Wall-clock is monotonic and counts from the making of the meter: time before a resume is not charged again.

    Args:
        budget: The limits; a person may change them while the run goes on.
    """

    budget: Budget
    _start: float = field(default_factory=time.monotonic)
    _paused: float | None = None
    _dollars: float = 0.0
    _tokens: int = 0
    _candidates: int = 0
    _held: list[Reservation] = field(default_factory=list)
    _mutex: threading.RLock = field(default_factory=threading.RLock)
    earlier_s: float = 0.0

    @classmethod
    def restored(cls, budget: Budget, events: Iterable[Event]) -> Meter:
        """A meter that goes on from a trace.

        Answers count as what they cost, an intent that nothing answered as its reserved upper bound. `earlier_s`
        is the time that earlier processes of the run were alive, which is shown and not charged.
        """
        meter = cls(budget)
        open_calls: dict[str, Reservation] = {}
        first = last = None
        for event in events:
            if isinstance(event, (RunStarted, Resumed)):
                meter.earlier_s += (last or 0.0) - (first or 0.0)
                first = event.t
            last = event.t
            if isinstance(event, ProposalIntent):
                open_calls[event.id] = Reservation(event.tokens, event.dollars)
            elif isinstance(event, ProposalAnswer) and not event.cached:
                open_calls.pop(event.id, None)
                meter.charge(event.tokens_in + event.tokens_out, event.dollars)
            elif isinstance(event, CandidateMade) and not _free(event.candidate):
                meter.charge_candidate()
        meter.earlier_s += (last or 0.0) - (first or 0.0)
        for held in open_calls.values():
            meter.charge(held.tokens, held.dollars)
        return meter

    def spent(self) -> Spent:
        """What is spent so far, without what is only reserved."""
        with self._mutex:
            now = time.monotonic() if self._paused is None else self._paused
            return Spent(now - self._start, self._dollars, self._tokens, self._candidates)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Time that nobody is charged for: a person thinks, or the run has not begun."""
        self._paused = time.monotonic()
        try:
            yield
        finally:
            self._start += time.monotonic() - self._paused
            self._paused = None

    def remaining(self) -> Budget:
        """What is left, never below zero; None where there is no limit. Reserved amounts are not left."""
        spent = self.spent()
        with self._mutex:
            held_tokens = sum(held.tokens for held in self._held)
            held_dollars = sum(held.dollars for held in self._held)
        limit = self.budget
        return Budget(
            None if limit.wall_s is None else max(0.0, limit.wall_s - spent.wall_s),
            None if limit.dollars is None else max(0.0, limit.dollars - spent.dollars - held_dollars),
            None if limit.tokens is None else max(0, limit.tokens - spent.tokens - held_tokens),
            None if limit.candidates is None else max(0, limit.candidates - spent.candidates),
        )

    def exhausted(self) -> str:
        """Why the run must end now, in words; "" while it may go on.

        A budget of no dollars or no tokens does not end a run that asks no model.
        """
        spent, limit = self.spent(), self.budget
        if limit.wall_s is not None and spent.wall_s >= limit.wall_s:
            return f"the time budget of {limit.wall_s:g} s is used up"
        if limit.candidates is not None and spent.candidates >= limit.candidates:
            return f"the budget of {limit.candidates} candidates is used up"
        if limit.tokens and spent.tokens >= limit.tokens:
            return f"the budget of {limit.tokens} tokens is used up"
        if limit.dollars and spent.dollars >= limit.dollars:
            return f"the budget of ${limit.dollars:g} is used up"
        return ""

    def reserve(self, tokens: int, dollars: float) -> Reservation:
        """Set an upper bound aside before a model call.

        Raises:
            BudgetExhausted: The call could exceed a limit, so it must not be made.
        """
        with self._mutex:
            reason = self.exhausted()
            if reason:
                raise BudgetExhausted(reason)
            left = self.remaining()
            if left.tokens is not None and tokens > left.tokens:
                raise BudgetExhausted(f"the next call may take {tokens} tokens and {left.tokens} are left")
            if left.dollars is not None and dollars > left.dollars:
                raise BudgetExhausted(f"the next call may cost ${dollars:.4f} and ${left.dollars:.4f} is left")
            held = Reservation(tokens, dollars)
            self._held.append(held)
        return held

    def settle(self, held: Reservation, tokens: int, dollars: float) -> None:
        """Replace a reservation by what the call really took."""
        with self._mutex:
            self._held.remove(held)
            self.charge(tokens, dollars)

    def charge(self, tokens: int, dollars: float) -> None:
        """Count tokens and dollars that are spent, whatever the limits say."""
        with self._mutex:
            self._tokens += tokens
            self._dollars += dollars

    def charge_candidate(self) -> None:
        """Count one candidate."""
        with self._mutex:
            self._candidates += 1

    def event(self) -> BudgetSpent:
        """What is spent, as an event for the trace."""
        spent = self.spent()
        return BudgetSpent(
            wall_s=spent.wall_s, dollars=spent.dollars, tokens=spent.tokens, candidates=spent.candidates
        )


def _free(candidate: Candidate) -> bool:
    """Whether it is none of those that a search judges."""
    return candidate.id == "c0" or candidate.proposal.proposer == SIMPLIFY
