"""What the models of a run were asked, what that cost, and what came of it: counted from its trace, resumed runs included."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from codeopt.trace import CandidateMade, Event, Planned, ProposalAnswer, ProposalIntent, VerdictReached


@dataclass
class Account:
    """One model's.

    Attributes:
        model: Its name.
        calls, lost: Calls, and those without an answer (which may have cost something).
        tokens_in, tokens_out, dollars: What they took. A call that nothing followed counts as its upper bound, as tokens out.
        plans: That it made.
        candidates, accepted: That it wrote, and those of them that were faster than what they had to beat.
        tokens_per_accepted, dollars_per_accepted: All of it over the accepted ones; None where there is none.
    """

    model: str
    calls: int = 0
    lost: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    dollars: float = 0.0
    plans: int = 0
    candidates: int = 0
    accepted: int = 0
    tokens_per_accepted: float | None = None
    dollars_per_accepted: float | None = None


def accounts(events: Iterable[Event]) -> list[dict[str, Any]]:
    """Each model's account, in the order of their first calls; plain data."""
    found: dict[str, Account] = {}
    waiting: dict[str, ProposalIntent] = {}
    wrote: dict[str, str] = {}  # candidate -> model
    accepted: set[str] = set()
    for event in events:
        if isinstance(event, ProposalIntent):
            found.setdefault(event.model, Account(event.model)).calls += 1
            waiting[event.id] = event
        elif isinstance(event, ProposalAnswer) and not event.cached and event.id in waiting:
            account = found[waiting.pop(event.id).model]
            account.lost += bool(event.error)
            account.tokens_in += event.tokens_in
            account.tokens_out += event.tokens_out
            account.dollars += event.dollars
        elif isinstance(event, Planned) and event.plan.model in found:
            found[event.plan.model].plans += 1
        elif isinstance(event, CandidateMade) and event.candidate.proposal.rule in found:
            wrote[event.candidate.id] = event.candidate.proposal.rule
            found[event.candidate.proposal.rule].candidates += 1
        elif isinstance(event, VerdictReached) and event.verdict.search is not None and event.verdict.accepted:
            accepted.add(event.candidate)
    for intent in waiting.values():
        account = found[intent.model]
        account.lost += 1
        account.tokens_out += intent.tokens
        account.dollars += intent.dollars
    for name in accepted & wrote.keys():
        found[wrote[name]].accepted += 1
    for account in found.values():
        if account.accepted:
            account.tokens_per_accepted = (account.tokens_in + account.tokens_out) / account.accepted
            account.dollars_per_accepted = account.dollars / account.accepted
    return [asdict(account) for account in found.values()]
