"""Self-refinement (Madaan et al. 2023), with measurements as the feedback: propose, measure, repair, go further.

A fresh prompt shows the code, its hot lines, what was tried, and what has paid already. A change that the sandbox rejects
goes back with the evidence, at most twice; an answer that holds no usable edit goes back once with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from codeopt.agent.models.chat import Message
from codeopt.agent.proposers import llm_prompt
from codeopt.agent.proposers.base import ProposeContext
from codeopt.agent.proposers.llm_calls import Bill
from codeopt.agent.proposers.llm_extract import EditError
from codeopt.agent.strategies.base import REPAIRS, GivenUp, Kit, failures_in_a_row
from codeopt.types import Proposal


class Refine:
    """Works on one parent until it is told to stop, out of budget, or hears only nonsense."""

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        self.ended = ""

    def propose(self, context: ProposeContext) -> Iterator[Proposal]:
        """As `Proposer.propose`."""
        kit = self.kit
        seen = {proposal.source for proposal, _ in context.history}
        self.ended = ""
        bill, follow = Bill(), list[Message]()
        calls = kit.coder()
        try:
            while True:
                reply = kit.ask(context, calls, [*_task(context), *follow], bill)
                try:
                    proposal = kit.proposal(context, calls, reply, bill)
                    if proposal.source in seen:
                        raise EditError("that is what you proposed before")
                except EditError as error:
                    asked, calls = calls, kit.useless(context, calls, error)
                    once = not follow and calls is asked
                    follow = llm_prompt.again(reply.text[-12_000:], str(error)) if once else []
                    continue
                follow = []
                seen.add(proposal.source)
                with kit.judged(context, calls, reply.tokens_in + reply.tokens_out):
                    yield proposal
                if failures_in_a_row(context.history) % (REPAIRS + 1) == 0:
                    calls = kit.coder()  # a repair stays with the model that has to mend its own
        except GivenUp as end:
            self.ended = str(end)
            calls.say(context, self.ended)


def _task(context: ProposeContext) -> list[Message]:
    """A fresh prompt, or one that repairs the newest attempt: of a row of failures every third starts afresh."""
    if failures_in_a_row(context.history) % (REPAIRS + 1) == 0:
        return llm_prompt.opening(context)
    earlier = replace(context, history=context.history[:-1])
    return [*llm_prompt.opening(earlier), *llm_prompt.repair(context, *context.history[-1])]


def create(kit: Kit) -> Refine:
    """The strategy."""
    return Refine(kit)
