"""What strategies share: the models with their roles, and the way from an answer to a proposal."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from codeopt.agent.bandit import PRIOR_GAIN, Bandit
from codeopt.agent.budget import BudgetExhausted
from codeopt.agent.models.chat import Message, OutOfTime, Reply
from codeopt.agent.proposers.base import ProposeContext
from codeopt.agent.proposers.llm_calls import Bill, Calls, NotRepeated
from codeopt.agent.proposers.llm_extract import EditError, extract
from codeopt.agent.proposers.llm_splice import apply_answer
from codeopt.trace import scrub
from codeopt.types import Plan, Proposal, Status, Verdict

MAX_NONSENSE = 3
REPAIRS = 2
_REPAIRABLE = {
    Status.SCREEN_FAILED,
    Status.BUILD_FAILED,
    Status.WRONG_OUTPUT,
    Status.CRASHED,
    Status.TIMEOUT,
    Status.OUT_OF_MEMORY,
    Status.OUTPUT_LIMIT,
}


class Strategy(Protocol):
    """One way to ask models for edits.

    Attributes:
        ended: Why the last `propose` stopped, in one line; "" where it did not say.
    """

    ended: str

    def propose(self, context: ProposeContext) -> Iterator[Proposal]:
        """As `Proposer.propose`."""
        ...


class GivenUp(Exception):
    """A model is not asked again in this round; the message is the line that says why."""


class Kit:
    """The models of a run and what they have earned.

    Args:
        coders: Models that write code; a bandit chooses among them.
        planner, critic: Models of those roles; None leaves a role to the coder of the plan in question.
        seed: Of the choices.
    """

    def __init__(self, coders: Sequence[Calls], planner: Calls | None, critic: Calls | None, seed: int) -> None:
        self.coders = {calls.label: calls for calls in coders}
        self.planner = planner
        self.critic = critic
        self.seed = seed
        self.bandit = Bandit(seed)
        self._nonsense = dict.fromkeys(self.coders, 0)

    def every(self) -> Iterator[Calls]:
        """All models."""
        yield from self.coders.values()
        yield from filter(None, (self.planner, self.critic))

    def coder(self) -> Calls:
        """The model that writes the next edit."""
        able = [name for name, count in self._nonsense.items() if count < MAX_NONSENSE]
        return self.coders[able[0] if len(able) == 1 else self.bandit.choose(dict.fromkeys(able, PRIOR_GAIN))]

    def ask(
        self,
        context: ProposeContext,
        calls: Calls,
        messages: list[Message],
        bill: Bill,
        schema: Mapping[str, Any] | None = None,
        most: int = 0,
    ) -> Reply:
        """As `Calls.ask`. Raises GivenUp where the budget or the time is at its end."""
        while True:
            try:
                reply = calls.ask(context, messages, bill, schema, most)
                bill.cost += reply.tokens_in + reply.tokens_out
                return reply
            except (BudgetExhausted, OutOfTime) as end:
                if context.person is not None and context.person.extends(str(end)):
                    continue
                raise GivenUp(f"{calls.model} is not asked again: {end}") from end
            except NotRepeated:
                calls.say(context, "a call that was cut off twice is not made again")

    def proposal(
        self, context: ProposeContext, calls: Calls, reply: Reply, bill: Bill, plan: Plan | None = None
    ) -> Proposal:
        """What an answer proposes, for what is on the bill. Raises EditError where it holds no usable edit, or changes nothing."""
        source = edited(context, calls, reply)
        if source == context.source:
            raise EditError("that is what the file holds already")
        paid = bill.taken()
        return Proposal(
            source=source,
            proposer="llm",
            note=scrub(plan.title if plan else note_of(reply.text), calls.secrets(context)),
            rule=calls.model,
            tokens=paid.tokens,
            dollars=paid.dollars,
            plan=plan.id if plan else "",
            family=plan.family if plan else "",
        )

    def useless(self, context: ProposeContext, calls: Calls, error: EditError) -> Calls:
        """Note an answer without a usable edit, and say which model to go on with.

        Raises:
            GivenUp: There were too many in a row, of all models.
        """
        self._nonsense[calls.label] += 1
        calls.say(context, f"an answer of {calls.model} is not usable: {error}")
        if self._nonsense[calls.label] < MAX_NONSENSE:
            return calls
        line = f"{calls.model} is given up: {MAX_NONSENSE} useless answers in a row"
        if all(count >= MAX_NONSENSE for count in self._nonsense.values()):
            self._nonsense = dict.fromkeys(self.coders, 0)  # the next parent is another matter
            raise GivenUp(line)
        calls.say(context, line)
        return self.coder()

    @contextmanager
    def judged(self, context: ProposeContext, calls: Calls, cost: int) -> Iterator[None]:
        """Around the yield of a proposal: what the verdict says about it is earned by its model.

        Args:
            cost: Tokens that it took.
        """
        self._nonsense[calls.label] = 0
        tried = len(context.history)
        try:
            yield
        finally:  # the search may end the iterator here, after a clear gain
            self.bandit.learn(calls.label, gain_of(context.history[tried:]), max(1, cost))


def gain_of(history: Sequence[tuple[Proposal, Verdict]]) -> float:
    """The log-speedup over its parent of the newest attempt; 0 where it was not accepted."""
    verdict = history[-1][1] if history else None
    return max(0.0, math.log(verdict.search.speedup)) if verdict and verdict.accepted and verdict.search else 0.0


def edited(context: ProposeContext, calls: Calls, reply: Reply) -> str:
    """The whole new file. Raises EditError."""
    secrets = calls.secrets(context)
    hidden = [secret for secret in secrets if secret in context.source]
    marked = bool(hidden) and "***" not in context.source
    text = reply.text.replace("***", hidden[0]) if marked and len(hidden) == 1 else reply.text
    answer = extract(text, context.language, context.function, reply.finish)
    source = apply_answer(context.source, answer, context.language, context.function)
    if marked and "***" in source:
        raise EditError("leave the lines that hold *** alone: answer with SEARCH/REPLACE blocks")
    if any(secret in source and secret not in context.source for secret in secrets):
        raise EditError("the code holds a key that the original does not hold")
    return source


def can_be_repaired(verdict: Verdict) -> bool:
    """Whether the evidence of a failure helps to mend it."""
    return verdict.status in _REPAIRABLE


def failures_in_a_row(history: Iterable[tuple[Proposal, Verdict]]) -> int:
    """How many of the newest attempts are a model's and failed in a way that can be repaired."""
    count = 0
    for proposal, verdict in reversed(list(history)):
        if proposal.proposer != "llm" or not can_be_repaired(verdict):
            break
        count += 1
    return count


def note_of(answer: str) -> str:
    """The first sentence of an answer's words, outside of code and reasoning."""
    for line in answer.rpartition("</think>")[2].split("\n"):
        words = line.strip().lstrip("#*-> ").strip()
        if words.startswith(("```", "~~~", "<<<<<<<")):
            break
        if words and not words.startswith("<"):
            return words[:200]
    return "a change without words"
