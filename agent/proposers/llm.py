"""A language model as a proposer: a plain propose, measure, repair loop over an OpenAI-compatible server.

A fresh prompt shows the code, its hot lines, and what was tried. A change that the sandbox rejects goes back with the
evidence, at most twice; an answer that holds no usable edit goes back once with the reason. Every call is announced in
the trace before it is made, paid for from the budget at its upper bound, and settled when the answer is here.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from codeopt.agent.budget import Budget, BudgetExhausted, Estimate
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
from codeopt.agent.models.endpoint import Endpoint, find_endpoint
from codeopt.agent.models.prices import Price, find_price
from codeopt.agent.proposers import llm_prompt
from codeopt.agent.proposers.base import ProposeContext, ProposerSettings
from codeopt.agent.proposers.llm_extract import EditError, extract
from codeopt.agent.proposers.llm_splice import apply_answer
from codeopt.errors import UserError
from codeopt.trace import Event, ProposalAnswer, ProposalIntent, TraceWriter, read_trace, scrub, secrets_of
from codeopt.types import Proposal, Status, Verdict

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
_Key = tuple[str, int, int]


class _NotRepeated(Exception):
    """The call was in flight when the run was killed, twice; it is not made a third time."""


@dataclass
class _Bill:
    """What the calls behind one proposal took."""

    tokens: int = 0
    dollars: float = 0.0


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


def create(settings: ProposerSettings) -> LlmProposer:
    """The proposer for `settings.model`.

    Raises:
        UserError: No model is named, or the server's address or key is not usable.
    """
    if not settings.model:
        raise UserError("no model is named", "say --model NAME")
    return LlmProposer(settings, find_endpoint(settings.base_url))


class LlmProposer:
    """Asks one model.

    Attributes:
        host: Who receives the code: for the line that says so before a run.
        price: Of its tokens; None where it is not known.
        ended: As in `Proposer`.
    """

    name = "llm"

    def __init__(self, settings: ProposerSettings, endpoint: Endpoint) -> None:
        self.settings = settings
        self.host = endpoint.host
        self.local = endpoint.local
        self.price = _price(settings, endpoint)
        self._endpoint = endpoint
        self._client: ChatClient | None = None
        self._answered: Answered | None = None
        self._asked: Counter[tuple[str, int]] = Counter()
        self.ended = ""

    def check(self, budget: Budget) -> None:
        """Find out before a run whether the budget can hold and the server can be reached.

        Raises:
            UserError: The price is not known and no token budget is set; the server is away or refuses the key.
        """
        self._check_price(budget)
        self._chat(None).check()

    def estimate(self, context: ProposeContext) -> Estimate:
        """What the model can cost at most in this run."""
        settings = self.settings
        opening = tuple(llm_prompt.opening(context))
        request = Request(settings.model, opening, settings.answer_tokens, settings.temperature, 0)
        tokens = request.prompt_bound() + request.max_tokens
        left = context.meter.remaining()
        one = self.price.of(request.prompt_bound(), request.max_tokens) if self.price else None
        limits = [left.tokens // tokens] if left.tokens is not None else []
        if left.dollars is not None and one:
            limits.append(int(left.dollars / one))
        if left.candidates is not None:
            limits.append(left.candidates * (1 + REPAIRS))
        calls = min(limits) if limits else None
        return Estimate(calls, one, left.dollars if one else 0.0 if one == 0 else None)

    def propose(self, context: ProposeContext) -> Iterator[Proposal]:
        """Proposals until the budget refuses a call or the model answers nonsense MAX_NONSENSE times in a row.

        Raises:
            UserError: The model cannot be asked (ModelUnavailable), or the budget cannot hold.
        """
        self._check_price(context.meter.budget)
        seen = {context.source, *(proposal.source for proposal, _ in context.history)}
        self.ended = ""
        nonsense, bill = 0, _Bill()
        follow: list[Message] = []
        while True:
            try:
                reply, cached = self._ask(context, [*self._task(context), *follow], bill)
            except (BudgetExhausted, OutOfTime) as end:
                self.ended = f"{self.settings.model} is not asked again: {end}"
                self._say(context, self.ended)
                return
            except _NotRepeated:
                self._say(context, "a call that was cut off twice is not made again")
                continue
            try:
                source = self._edit(context, reply)
                if source in seen and cached:
                    continue
                if source in seen:
                    raise EditError("that is what the file holds already, or what you proposed before")
            except EditError as error:
                nonsense += 1
                self._say(context, f"an answer of {self.settings.model} is not usable: {error}")
                if nonsense >= MAX_NONSENSE:
                    self.ended = f"{self.settings.model} is given up: {nonsense} useless answers in a row"
                    self._say(context, self.ended)
                    return
                follow = [] if follow else llm_prompt.again(reply.text[-12_000:], str(error))
                continue
            nonsense, follow = 0, []
            seen.add(source)
            yield Proposal(
                source=source,
                proposer=self.name,
                note=scrub(_note(reply.text), self._secrets(context)),
                rule=self.settings.model,
                tokens=bill.tokens,
                dollars=bill.dollars,
            )
            bill = _Bill()

    def _task(self, context: ProposeContext) -> list[Message]:
        """A fresh prompt, or one that repairs the newest attempt: of a row of failures every third starts afresh."""
        failed = failures_in_a_row(context.history, self.name)
        if failed % (REPAIRS + 1) == 0:
            return llm_prompt.opening(context)
        earlier = replace(context, history=context.history[:-1])
        return [*llm_prompt.opening(earlier), *llm_prompt.repair(context, *context.history[-1])]

    def _edit(self, context: ProposeContext, reply: Reply) -> str:
        hidden = [secret for secret in self._secrets(context) if secret in context.source]
        marked = bool(hidden) and "***" not in context.source
        text = reply.text.replace("***", hidden[0]) if marked and len(hidden) == 1 else reply.text
        answer = extract(text, context.language, context.function, reply.finish)
        source = apply_answer(context.source, answer, context.language, context.function)
        if marked and "***" in source:
            raise EditError("leave the lines that hold *** alone: answer with SEARCH/REPLACE blocks")
        if any(secret in source and secret not in context.source for secret in self._secrets(context)):
            raise EditError("the code holds a key that the original does not hold")
        return source

    def _secrets(self, context: ProposeContext) -> tuple[str, ...]:
        """What must not leave in a prompt."""
        known = context.trace.secrets if context.trace is not None else secrets_of(os.environ)
        return tuple(dict.fromkeys([*known, *filter(None, [self._endpoint.key])]))

    def _ask(self, context: ProposeContext, messages: list[Message], bill: _Bill) -> tuple[Reply, bool]:
        """One answer, and whether it came from the trace instead of the server."""
        secrets = self._secrets(context)
        clean = tuple({**message, "content": scrub(message["content"], secrets)} for message in messages)
        settings = self.settings
        request = Request(settings.model, clean, settings.answer_tokens, settings.temperature, context.seed)
        digest = hashlib.sha256(request.body().encode("utf-8", "surrogatepass")).hexdigest()
        index = self._asked[digest, context.seed]
        self._asked[digest, context.seed] += 1
        request = replace(request, seed=(context.seed + index) % 2**31)
        key = (digest, request.seed, index)
        answered = self._known(context.trace)
        if key in answered.answers:
            return self._from_trace(context, answered.answers[key]), True
        if answered.open[key] > 1:
            raise _NotRepeated
        return self._pay(context, request, key, answered, bill), False

    def _pay(
        self, context: ProposeContext, request: Request, key: _Key, answered: Answered, bill: _Bill
    ) -> Reply:
        """Ask the server, within the budget; a call that is lost on the way is paid and, if there is money, repeated."""
        chat = self._chat(context)
        price = self.price or Price(0.0, 0.0)
        bound = request.prompt_bound()
        lost = 0
        while True:
            tokens, dollars = bound + request.max_tokens, price.of(bound, request.max_tokens)
            held = context.meter.reserve(tokens, dollars)
            name = f"{key[0][:16]}-{key[1]}-{key[2]}-{answered.made[key]}"
            answered.made[key] += 1
            settled = (tokens, dollars)
            try:
                self._announce(context, request, key, name, settled)
                reply = chat.ask(request, context.meter.remaining().wall_s)
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

    def _announce(
        self, context: ProposeContext, request: Request, key: _Key, name: str, most: tuple[int, float]
    ) -> None:
        if context.trace is None:
            return
        prompt = context.trace.bodies.put(request.body(), durable=True)
        context.trace.add(
            ProposalIntent(
                id=name,
                proposer=self.name,
                model=self.settings.model,
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
        return Reply(text, 0, 0, answer.estimated, answer.finish)

    def _known(self, trace: TraceWriter | None) -> Answered:
        if self._answered is None:
            self._answered = Answered.of(read_trace(trace.folder)) if trace and trace.resumed else Answered()
        return self._answered

    def _chat(self, context: ProposeContext | None) -> ChatClient:
        if self._client is None:
            settings = self.settings
            self._client = ChatClient(
                self._endpoint, settings.timeout_s, settings.retries, settings.retry_base_s
            )
        if context is not None:
            self._client.say = lambda line: self._say(context, line)
        return self._client

    def _check_price(self, budget: Budget) -> None:
        if self.price is None and budget.tokens is None:
            raise UserError(
                f"the price of {self.settings.model} at {self.host} is not known, so a dollar budget cannot hold",
                "give --price-in and --price-out (dollars per million tokens), or a token budget with --max-tokens",
            )

    def _say(self, context: ProposeContext, line: str) -> None:
        if context.trace is not None:
            context.trace.note(line)


def failures_in_a_row(history: Iterable[tuple[Proposal, Verdict]], proposer: str) -> int:
    """How many of the newest attempts are that proposer's and failed in a way that can be repaired."""
    count = 0
    for proposal, verdict in reversed(list(history)):
        if proposal.proposer != proposer or verdict.status not in _REPAIRABLE:
            break
        count += 1
    return count


def _price(settings: ProposerSettings, endpoint: Endpoint) -> Price | None:
    """Given prices win; local servers cost nothing; the rest is looked up."""
    if settings.price_in is not None or settings.price_out is not None:
        return Price(settings.price_in or 0.0, settings.price_out or 0.0)
    return Price(0.0, 0.0) if endpoint.local else find_price(settings.model)


def _note(answer: str) -> str:
    """The first sentence of an answer's words, outside of code and reasoning."""
    for line in answer.rpartition("</think>")[2].split("\n"):
        words = line.strip().lstrip("#*-> ").strip()
        if words.startswith(("```", "~~~", "<<<<<<<")):
            break
        if words and not words.startswith("<"):
            return words[:200]
    return "a change without words"
