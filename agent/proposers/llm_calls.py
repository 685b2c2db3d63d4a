"""Asking a model within a run's budget: every call is in the trace before it is made, and none is paid twice.

A call is announced in the trace, paid for from the budget at its upper bound, and settled when the answer is here. A
resumed run finds the answers of earlier processes in the trace.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

from codeopt.agent.budget import Budget, BudgetExhausted
from codeopt.agent.models.asker import LOCAL_TIMEOUT_S, runs_here, served_here
from codeopt.agent.models.chat import (
    CallLost,
    ChatClient,
    Message,
    ModelUnavailable,
    OutOfTime,
    Reply,
    Request,
    rough_tokens,
)
from codeopt.agent.models.endpoint import Endpoint
from codeopt.agent.models.prices import Price, find_price
from codeopt.agent.proposers.base import ProposeContext, ProposerSettings
from codeopt.errors import UserError
from codeopt.trace import Event, ProposalAnswer, ProposalIntent, TraceWriter, read_trace, scrub, secrets_of

_Key = tuple[str, int, int]
LOCAL_FORM = 1024  # tokens of a local model's answer by a schema
LOCAL_PROMPT = 8192  # tokens of a prompt that a gguf: model has room for


class NotRepeated(Exception):
    """The call was in flight when the run was killed, twice; it is not made a third time."""


@dataclass
class Bill:
    """What the calls behind one proposal took.

    Attributes:
        tokens, dollars: Paid by this process.
        cost: Tokens, also where an earlier process of the run paid for them: what is learnt from costs is learnt again.
    """

    tokens: int = 0
    dollars: float = 0.0
    cost: int = 0

    def taken(self) -> Bill:
        """All of it, which leaves nothing."""
        whole = Bill(self.tokens, self.dollars, self.cost)
        self.tokens, self.dollars, self.cost = 0, 0.0, 0
        return whole


@dataclass
class Answered:
    """The calls that a trace already holds.

    Attributes:
        answers: Prompt hash, seed and index -> its answer.
        open: Intents without an answer, by the same key.
        made: Intents, by the same key.
    """

    answers: dict[_Key, ProposalAnswer] = field(default_factory=dict)
    open: Counter[_Key] = field(default_factory=Counter)
    made: Counter[_Key] = field(default_factory=Counter)

    @classmethod
    def of(cls, events: Iterable[Event]) -> Answered:
        """Collected from the events of a trace."""
        found = cls()
        waiting: dict[str, _Key] = {}
        for event in events:
            if isinstance(event, ProposalIntent):
                key = (event.prompt_sha256, event.seed, event.index)
                waiting[event.id] = key
                found.made[key] += 1
            elif isinstance(event, ProposalAnswer) and not event.cached and event.id in waiting:
                key = waiting.pop(event.id)
                if not event.error:
                    found.answers[key] = event
        found.open.update(waiting.values())
        return found


class Calls:
    """Asks one model.

    Args:
        settings: How it is asked; the first of `settings.models` is its name.
        endpoint: Where it is; of a model on this machine, where it would be: its server is started for the first call.
        proposer: In whose name.

    Attributes:
        model: Its name.
        label: Its name and host: two servers may have models of one name.
        host: Who receives the code.
        price: Of its tokens; None where it is not known.
        waited_s, heard: Seconds that this process waited for the model, and for how many answers.
    """

    def __init__(self, settings: ProposerSettings, endpoint: Endpoint, proposer: str) -> None:
        self.settings = settings
        self.model = settings.models[0]
        self.host = endpoint.host
        self.label = f"{self.model} at {endpoint.host}"
        self.local = endpoint.local
        self.price = _price(settings, endpoint)
        self._proposer = proposer
        self._endpoint = endpoint
        self._client: ChatClient | None = None
        self._server = ExitStack()
        self._answered: Answered | None = None
        self._asked: Counter[tuple[str, int]] = Counter()
        self.waited_s, self.heard = 0.0, 0

    @property
    def usual_s(self) -> float | None:
        """Seconds of an answer, on average; None before the first one."""
        return self.waited_s / self.heard if self.heard else None

    def check(self, budget: Budget) -> None:
        """Find out before a run whether the budget can hold and the server can be reached.

        Raises:
            UserError: The price is not known and no token budget is set; the server is away or refuses the key.
        """
        self.check_price(budget)
        self._chat(None).check()

    def close(self) -> None:
        """End the server of a model on this machine, where one was started. Idempotent; the next call starts it again."""
        self._server.close()
        self._client = None

    def check_price(self, budget: Budget) -> None:
        """Raises UserError where a budget of dollars cannot hold."""
        if self.price is None and budget.tokens is None:
            raise UserError(
                f"the price of {self.model} at {self.host} is not known, so a dollar budget cannot hold",
                "give --price-in and --price-out (dollars per million tokens), or a token budget with --max-tokens",
            )

    def say(self, context: ProposeContext, line: str) -> None:
        """A note in the trace."""
        if context.trace is not None:
            context.trace.note(line)

    def secrets(self, context: ProposeContext) -> tuple[str, ...]:
        """What must not leave in a prompt."""
        known = context.trace.secrets if context.trace is not None else secrets_of(os.environ)
        return tuple(dict.fromkeys([*known, *filter(None, [self._endpoint.key])]))

    def ask(
        self, context: ProposeContext, messages: list[Message], bill: Bill, schema: Mapping[str, Any] | None = None, most: int = 0
    ) -> Reply:
        """One answer, from the trace where an earlier process of the run has heard it.

        Args:
            context: Whose meter pays and whose trace holds the call.
            messages: The conversation; secrets are taken out here.
            bill: What it took is added.
            schema: JSON schema that the answer is to have, for servers that can hold a model to one.
            most: Tokens of the answer; 0 leaves that to the settings.

        Raises:
            BudgetExhausted, OutOfTime: The call is not made any more.
            NotRepeated: It was cut off twice before.
            ModelUnavailable: The model cannot be asked (any more).
        """
        secrets = self.secrets(context)
        clean = tuple({**message, "content": scrub(message["content"], secrets)} for message in messages)
        settings = self.settings
        # A small model that is held to a form may fill it without end.
        most = most or (LOCAL_FORM if schema is not None and self.local else settings.answer_tokens)
        request = Request(self.model, clean, min(most, settings.answer_tokens), settings.temperature, context.seed, schema=schema)
        digest = hashlib.sha256(request.body().encode("utf-8", "surrogatepass")).hexdigest()
        index = self._asked[digest, context.seed]
        self._asked[digest, context.seed] += 1
        request = replace(request, seed=(context.seed + index) % 2**31)
        key = (digest, request.seed, index)
        answered = self._known(context.trace)
        if key in answered.answers:
            return self._from_trace(context, answered.answers[key])
        if answered.open[key] > 1:
            raise NotRepeated
        began = time.monotonic()
        try:
            reply = self._pay(context, request, key, answered, bill)
            self.waited_s, self.heard = self.waited_s + time.monotonic() - began, self.heard + 1
            return reply
        except (BudgetExhausted, OutOfTime):
            self._asked[digest, context.seed] -= 1  # with other limits it would be the same call
            raise

    def _pay(
        self, context: ProposeContext, request: Request, key: _Key, answered: Answered, bill: Bill
    ) -> Reply:
        """Ask the server, within the budget; a call that is lost on the way is paid and, if there is money, repeated."""
        price = self.price or Price(0.0, 0.0)
        bound = request.prompt_bound()
        lost = 0
        while True:
            chat = self._chat(context)
            tokens, dollars = bound + request.max_tokens, price.of(bound, request.max_tokens)
            held = context.meter.reserve(tokens, dollars)
            name = f"{key[0][:16]}-{key[1]}-{key[2]}-{answered.made[key]}"
            answered.made[key] += 1
            settled = (tokens, dollars)
            try:
                self._announce(context, request, key, name, settled)
                reply = self._heard(chat, request, context.meter.remaining().wall_s)
                settled = (reply.tokens_in + reply.tokens_out, price.of(reply.tokens_in, reply.tokens_out))
                self._record(context, name, reply, settled[1])
                return reply
            except CallLost as error:
                spent = (sum(rough_tokens(m["content"]) for m in request.messages), rough_tokens(error.text))
                settled = (sum(spent), price.of(*spent))
                self._record_failure(context, name, error.reason, spent, settled[1])
                lost += 1
                why = error.reason
            except ModelUnavailable as error:
                settled = (0, 0.0)
                self._record_failure(context, name, error.message, (0, 0), 0.0)
                raise
            finally:
                context.meter.settle(held, *settled)
                bill.tokens += settled[0]
                bill.dollars += settled[1]
            chat.pause(lost, why, seconds_left=context.meter.remaining().wall_s)

    def _heard(self, chat: ChatClient, request: Request, seconds: float | None) -> Reply:
        """The answer. A model on this machine that nobody listens to any more is ended: it would compute beside candidates."""
        whole = False
        try:
            reply = chat.ask(request, seconds)
            whole = reply.finish != "time"
            return reply
        finally:
            if not whole and runs_here(self.model):
                self.close()

    def _announce(
        self, context: ProposeContext, request: Request, key: _Key, name: str, most: tuple[int, float]
    ) -> None:
        if context.trace is None:
            return
        prompt = context.trace.bodies.put(request.body(), durable=True)
        context.trace.add(
            ProposalIntent(
                id=name,
                proposer=self._proposer,
                model=self.model,
                host=self.host,
                prompt_sha256=prompt,
                seed=key[1],
                index=key[2],
                parent=context.parent.id,
                tokens=most[0],
                dollars=most[1],
            )
        )

    def _record(self, context: ProposeContext, name: str, reply: Reply, dollars: float) -> None:
        if context.trace is None:
            return
        context.trace.add(
            ProposalAnswer(
                id=name,
                answer_sha256=context.trace.bodies.put(reply.text, durable=True),
                tokens_in=reply.tokens_in,
                tokens_out=reply.tokens_out,
                estimated=reply.estimated,
                dollars=dollars,
                finish=reply.finish,
            )
        )

    def _record_failure(
        self, context: ProposeContext, name: str, why: str, tokens: tuple[int, int], dollars: float
    ) -> None:
        if context.trace is not None:
            context.trace.add(
                ProposalAnswer(
                    id=name, tokens_in=tokens[0], tokens_out=tokens[1], estimated=True, dollars=dollars, error=why
                )
            )

    def _from_trace(self, context: ProposeContext, answer: ProposalAnswer) -> Reply:
        assert context.trace is not None  # only a trace holds answers
        text = context.trace.bodies.get(answer.answer_sha256)
        context.trace.add(
            answer.model_copy(update={"cached": True, "tokens_in": 0, "tokens_out": 0, "dollars": 0.0})
        )
        # Its tokens say what it took once, for whoever learns from costs; nothing is paid again.
        return Reply(text, answer.tokens_in, answer.tokens_out, answer.estimated, answer.finish)

    def _known(self, trace: TraceWriter | None) -> Answered:
        if self._answered is None:
            self._answered = Answered.of(read_trace(trace.folder)) if trace and trace.resumed else Answered()
        return self._answered

    def _chat(self, context: ProposeContext | None) -> ChatClient:
        if self._client is None:
            settings, endpoint, silence = self.settings, self._endpoint, self.settings.timeout_s
            if runs_here(self.model):
                serving = served_here(self.model, context=LOCAL_PROMPT + settings.answer_tokens)
                endpoint, silence = self._server.enter_context(serving), LOCAL_TIMEOUT_S
            self._client = ChatClient(endpoint, silence, settings.retries, settings.retry_base_s)
        if context is not None:
            self._client.say = lambda line: self.say(context, line)
        return self._client


def _price(settings: ProposerSettings, endpoint: Endpoint) -> Price | None:
    """Given prices win; local servers cost nothing; the rest is looked up."""
    if settings.price_in is not None or settings.price_out is not None:
        return Price(settings.price_in or 0.0, settings.price_out or 0.0)
    return Price(0.0, 0.0) if endpoint.local else find_price(settings.models[0])
