"""Language models as a proposer: how they are asked is a strategy's business (`codeopt.agent.strategies`)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from codeopt.agent.budget import Budget, Estimate
from codeopt.agent.models import child
from codeopt.agent.models.asker import runs_here
from codeopt.agent.models.chat import Request
from codeopt.agent.models.endpoint import Endpoint, find_endpoint
from codeopt.agent.proposers import llm_prompt
from codeopt.agent.proposers.base import ProposeContext, ProposerSettings
from codeopt.agent.proposers.llm_calls import Calls
from codeopt.agent.strategies import find_strategy
from codeopt.agent.strategies.base import REPAIRS, Kit
from codeopt.errors import UserError
from codeopt.types import Proposal

NAME = "llm"


def create(settings: ProposerSettings) -> LlmProposer:
    """The proposer for the models of the settings.

    Raises:
        UserError: No model is named, a server's address or key is not usable, or there is no such strategy.
    """
    if not settings.models:
        raise UserError("no model is named", "say --model NAME")
    return LlmProposer(settings)


class LlmProposer:
    """Asks one model or several, by one strategy.

    Attributes:
        host: Who receives the code: for the line that says so before a run.
        ended: As in `Proposer`.
    """

    name = NAME

    def __init__(self, settings: ProposerSettings) -> None:
        self.settings = settings
        made: dict[str, Calls] = {}

        def calls(model: str) -> Calls:
            if model not in made:
                made[model] = _calls(settings, model)
            return made[model]

        planner = calls(settings.planner) if settings.planner else None
        critic = calls(settings.critic) if settings.critic else None
        self.kit = Kit([calls(model) for model in dict.fromkeys(settings.models)], planner, critic, settings.seed)
        self.strategy = find_strategy(settings.strategy, self.kit)
        self.host = ", ".join(dict.fromkeys(one.host for one in self.kit.every()))

    @property
    def ended(self) -> str:
        return self.strategy.ended

    def check(self, budget: Budget, kind: str) -> None:
        """Find out before a run whether the budget can hold and the servers can be reached.

        Raises:
            UserError: A price is not known and no token budget is set; a server is away or refuses the key.
        """
        for calls in self.kit.every():
            calls.check(budget)

    def close(self) -> None:
        """End the servers of local models. Idempotent."""
        for calls in self.kit.every():
            calls.close()

    def estimate(self, context: ProposeContext) -> Estimate:
        """What the models can cost at most in this run, as if the dearest of them answered every call."""
        opening = tuple(llm_prompt.opening(context))
        request = Request("", opening, self.settings.answer_tokens, self.settings.temperature, 0)
        bound = request.prompt_bound()
        tokens = bound + request.max_tokens
        left = context.meter.remaining()
        prices = [calls.price.of(bound, request.max_tokens) if calls.price else None for calls in self.kit.every()]
        one = None if None in prices else max(price for price in prices if price is not None)
        limits = [left.tokens // tokens] if left.tokens is not None else []
        if left.dollars is not None and one:
            limits.append(int(left.dollars / one))
        if left.candidates is not None:
            limits.append(left.candidates * (1 + REPAIRS))
        calls = min(limits) if limits else None
        return Estimate(calls, one, left.dollars if one else 0.0 if one == 0 else None)

    def propose(self, context: ProposeContext) -> Iterator[Proposal]:
        """As `Proposer.propose`, by the strategy of the settings.

        Raises:
            UserError: A model cannot be asked (ModelUnavailable), or the budget cannot hold.
        """
        for calls in self.kit.every():
            calls.check_price(context.meter.budget)
        return self.strategy.propose(context)


def _calls(settings: ProposerSettings, model: str) -> Calls:
    """The calls of a model as --model names it: NAME, NAME@URL for a server of its own, gguf:FILE or hf:NAME_OR_DIR."""
    if runs_here(model):
        return Calls(replace(settings, models=(model,)), Endpoint("", child.HOST, local=True), NAME)
    name, at, url = model.partition("@http")
    endpoint = find_endpoint(f"http{url}" if at else settings.base_url)
    return Calls(replace(settings, models=(name,)), endpoint, NAME)
