"""Repeated sampling (Brown et al. 2024, "Large Language Monkeys"): the same question again and again, and no feedback.

What other strategies are compared with at equal tokens.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from codeopt.agent.proposers import llm_prompt
from codeopt.agent.proposers.base import ProposeContext
from codeopt.agent.proposers.llm_calls import Bill
from codeopt.agent.proposers.llm_extract import EditError
from codeopt.agent.strategies.base import GivenUp, Kit
from codeopt.types import Proposal


class Sample:
    """Answers to one prompt, with another seed each; a copy of an earlier one is left to the search to find out."""

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        self.ended = ""

    def propose(self, context: ProposeContext) -> Iterator[Proposal]:
        """As `Proposer.propose`."""
        kit = self.kit
        self.ended = ""
        asked = llm_prompt.opening(replace(context, history=()))
        bill = Bill()
        calls = kit.coder()
        try:
            while True:
                reply = kit.ask(context, calls, asked, bill)
                try:
                    proposal = kit.proposal(context, calls, reply, bill)
                except EditError as error:
                    calls = kit.useless(context, calls, error)
                    continue
                with kit.judged(context, calls, reply.tokens_in + reply.tokens_out):
                    yield proposal
                calls = kit.coder()
        except GivenUp as end:
            self.ended = str(end)
            calls.say(context, self.ended)


def create(kit: Kit) -> Sample:
    """The strategy."""
    return Sample(kit)
