"""PlanSearch (Wang et al. 2024, "Planning In Natural Language Improves LLM Search For Code Generation") for performance.

A planner looks at the profiled program and makes observations, each tied to lines or rows; those with no evidence are left
out. All subsets up to size two are ranked by how much they can gain together (Amdahl, or what a roofline leaves), and the
best pairs are asked what follows from both. A subset becomes a plan with pseudo-code, a critic reads it once (its
counterexample becomes a visible input), a coder writes the edit, and repairs it at most twice with the sandbox's evidence.
Which family of plans comes next is drawn by its measured gain per token. Depth comes from measured winners only: the
search starts anew on them, with their profile. A person may be asked after each round: after the plans of a look, after
plans of their own, after a step that was adopted. A full tree of the paper's kind takes thousands of calls; this one takes
two to look, and three a plan. Where few answers fit into the time (a small model on a few cores), an edit without a plan comes
first, and nothing is derived or criticised: one to look, two a plan.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from codeopt.agent.bandit import PRIOR_GAIN, Bandit
from codeopt.agent.models.asker import runs_here
from codeopt.agent.models.chat import Message, rough_tokens
from codeopt.agent.plan import words
from codeopt.agent.plan.observe import UNKNOWN, family_of, observed, schema, subsets, together
from codeopt.agent.plan.person import FAMILY, Person
from codeopt.agent.proposers import llm_prompt
from codeopt.agent.proposers.base import ProposeContext
from codeopt.agent.proposers.llm_calls import Bill, Calls
from codeopt.agent.proposers.llm_extract import EditError
from codeopt.agent.strategies.base import REPAIRS, GivenUp, Kit, can_be_repaired, gain_of
from codeopt.agent.strategies.refine import Refine
from codeopt.trace import Observed, Planned, scrub
from codeopt.types import Observation, Plan, Proposal

LOOKS = 3  # how often a planner looks at one parent
MOST_PLANS = 6  # of one look
MOST_TITLE = 200  # characters of a person's plan; the rest is its idea
WORDS = ("title", "idea", "pseudo_code", "critique", "counterexample")  # of a plan
PAIRS = 3  # that are asked what follows from both
BAD_PATCHES = 2  # after which a model is asked for whole functions
PLAIN_TOKENS = 500  # of an edit without a plan, and twice the program's
FEW = 12  # answers in the time that is left: with fewer, plans do with less
REACHED = 0.3  # share of its bound's logarithm that an untried plan is expected to gain


class PlanSearch:
    """Plans before it edits. What it has learnt about families and models it takes along from parent to parent."""

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        self.ended = ""
        self.families = Bandit(kit.seed + 1)
        self._observations = self._plans = 0
        self._bad_patches: dict[str, int] = {}

    def propose(self, context: ProposeContext) -> Iterator[Proposal]:
        """As `Proposer.propose`."""
        self.ended = ""
        bill = Bill()
        known: list[Observation] = []
        titles: list[str] = []
        calls = self.kit.planner or self.kit.coder()
        person = context.person
        looks = LOOKS
        if self._hurried(context, calls):
            yield from self._plain(context, bill)
        while looks and not (person and person.accepted):
            looks -= 1
            try:
                if person and person.plans:
                    yield from self._follow_person(context, person, titles, bill)
                elif seen := self._observe(context, calls, known, bill):
                    known += seen
                    yield from self._follow(context, seen, titles, bill)
                else:
                    looks = 0
                    calls.say(context, f"{calls.model} makes no new observation with evidence: it is asked for edits without plans")
                    plain = Refine(self.kit)
                    yield from plain.propose(context)
                    self.ended = plain.ended
            except GivenUp as end:
                self.ended = str(end)
                calls.say(context, self.ended)
                looks = 0
            if person and person.round_over():
                looks = LOOKS

    def _hurried(self, context: ProposeContext, calls: Calls) -> bool:
        """Whether few answers fit into the time that is left; of a model on this machine that is expected."""
        left = context.meter.remaining().wall_s
        if left is None or context.person is not None:
            return False
        return runs_here(calls.model) if calls.usual_s is None else left < FEW * calls.usual_s

    def _plain(self, context: ProposeContext, bill: Bill) -> Iterator[Proposal]:
        """One edit without a plan, so that little time has something to show; no long answer takes all of it."""
        coder = self.kit.coder()
        try:
            most = PLAIN_TOKENS + 2 * rough_tokens(context.source)
            reply = self.kit.ask(context, coder, llm_prompt.opening(context), bill, most=most)
            proposal = self.kit.proposal(context, coder, reply, bill)
        except GivenUp:
            return  # the next question says it again
        except EditError as error:
            coder.say(context, f"an answer of {coder.model} is not usable: {error}")
            return
        with self.kit.judged(context, coder, reply.tokens_in + reply.tokens_out):
            yield proposal

    # --- observations -------------------------------------------------------------------------------------

    def _observe(self, context: ProposeContext, calls: Calls, known: Sequence[Observation], bill: Bill) -> list[Observation]:
        """New observations, and what follows from the best pairs of them."""
        reply = self.kit.ask(context, calls, words.observe(context, known), bill, schema(derived=False))
        first, left_out = observed(reply.text, context, self._observations + 1, known)
        self._observations += len(first)
        pairs = [some for some in subsets(context, first) if len(some) == 2][:PAIRS]
        derived: list[Observation] = []
        if pairs and not self._hurried(context, calls):
            numbers = [tuple(first.index(one) + 1 for one in pair) for pair in pairs]
            reply = self.kit.ask(context, calls, words.derive(context, first, numbers), bill, schema(derived=True))
            derived, more = observed(reply.text, context, self._observations + 1, first, derived=True)
            self._observations += len(derived)
            left_out += more
        if context.person is not None:
            context.person.observed((*first, *derived))
        if context.trace is not None:
            found = tuple(one.model_copy(update={"claim": self._clean(context, calls, one.claim)}) for one in (*first, *derived))
            context.trace.add(Observed(parent=context.parent.id, observations=found, left_out=left_out))
        return first + derived

    # --- plans --------------------------------------------------------------------------------------------

    def _follow(
        self, context: ProposeContext, seen: Sequence[Observation], titles: list[str], bill: Bill
    ) -> Iterator[Proposal]:
        """Plans from one look, and their edits; what the critic sees no gain in comes last."""
        person = context.person
        open_ = [some for some in subsets(context, seen) if person is None or not person.forbids(family_of(some))]
        doubted: list[tuple[Calls, Plan, Bill]] = []
        for _ in range(MOST_PLANS):
            if not open_:
                break
            chosen = self._choose(context, open_)
            open_.remove(chosen)
            coder = self.kit.coder()
            plan = self._planned(context, coder, chosen, titles, bill)
            if plan is None:
                continue
            spent = bill.taken()
            titles.append(plan.title)
            if plan.doubt == words.NO_GAIN:
                doubted.append((coder, plan, spent))
            else:
                yield from self._attempts(context, coder, plan, spent)
        for coder, plan, spent in sorted(doubted, key=lambda item: -(item[1].bound or UNKNOWN)):
            yield from self._attempts(context, coder, plan, spent)

    def _follow_person(self, context: ProposeContext, person: Person, titles: list[str], bill: Bill) -> Iterator[Proposal]:
        """The person's own plans, and their edits: a critic reads them as well, and its doubt makes none of them wait."""
        while person.plans:
            coder, text = self.kit.coder(), person.plans[0]
            self._plans += 1
            plan = Plan(id=f"p{self._plans}", parent=context.parent.id, family=FAMILY, title=text[:MOST_TITLE], idea=text[MOST_TITLE:])
            plan = self._criticised(context, coder, self.kit.critic or coder, plan, bill)
            del person.plans[0]
            titles.append(plan.title)
            yield from self._attempts(context, coder, plan, bill.taken())

    def _choose(self, context: ProposeContext, open_: Sequence[tuple[Observation, ...]]) -> tuple[Observation, ...]:
        """The next subset: the best-bounded of a family that is drawn by what it has gained."""
        best: dict[str, tuple[Observation, ...]] = {}
        for some in open_:
            best.setdefault(family_of(some), some)
        priors = {
            name: max(PRIOR_GAIN / 10, REACHED * math.log(together(context, some) or UNKNOWN)) for name, some in best.items()
        }
        return best[self.families.choose(priors)]

    def _planned(
        self, context: ProposeContext, coder: Calls, chosen: Sequence[Observation], titles: Sequence[str], bill: Bill
    ) -> Plan | None:
        """A plan and what its critic says; None where the planner's answer is none."""
        planner, critic = self.kit.planner or coder, self.kit.critic or coder
        reply = self.kit.ask(context, planner, words.plan(context, chosen, titles), bill, words.PLAN_FORM)
        fields = words.read_plan(reply.text)
        if fields is None:
            planner.say(context, f"an answer of {planner.model} holds no plan")
            return None
        self._plans += 1
        plan = Plan(
            id=f"p{self._plans}",
            parent=context.parent.id,
            family=family_of(chosen),
            uses=tuple(one.id for one in chosen),
            bound=together(context, chosen),
            model=planner.model,
            **fields,
        )
        return self._criticised(context, planner, critic, plan, bill)

    def _criticised(self, context: ProposeContext, planner: Calls, critic: Calls, plan: Plan, bill: Bill) -> Plan:
        """A plan with what its critic says, where there is time for one."""
        if not self._hurried(context, critic):
            reply = self.kit.ask(context, critic, words.critique(context, plan), bill, words.CRITIQUE_FORM)
            plan = plan.model_copy(update=words.read_critique(reply.text))
        if plan.counterexample:
            plan = plan.model_copy(update={"probed": context.probe(plan.counterexample)})
        if context.trace is not None:
            shown = {name: self._clean(context, planner, getattr(plan, name)) for name in WORDS}
            context.trace.add(Planned(plan=plan.model_copy(update=shown)))
        if context.person is not None:
            context.person.planned(plan)
        return plan

    # --- edits --------------------------------------------------------------------------------------------

    def _attempts(self, context: ProposeContext, coder: Calls, plan: Plan, bill: Bill) -> Iterator[Proposal]:
        """The edit of a plan, and its repairs; what they gain is the family's."""
        first, cost = len(context.history), bill.cost
        try:
            follow: list[Message] = []
            for _ in range(1 + REPAIRS):
                messages = [*self._task(context, coder, plan, len(context.history) > first), *follow]
                reply = self.kit.ask(context, coder, messages, bill)
                cost += reply.tokens_in + reply.tokens_out
                try:
                    proposal = self.kit.proposal(context, coder, reply, bill, plan)
                except EditError as error:
                    self._bad_patches[coder.label] = self._bad_patches.get(coder.label, 0) + ("SEARCH" in str(error))
                    if self.kit.useless(context, coder, error) is not coder or follow:
                        return
                    follow = llm_prompt.again(reply.text[-12_000:], str(error))
                    continue
                follow = []
                with self.kit.judged(context, coder, reply.tokens_in + reply.tokens_out):
                    yield proposal
                if not (len(context.history) > first and can_be_repaired(context.history[-1][1])):
                    return
        finally:  # also where the search ends the iterator, after a clear gain
            gain = max((gain_of([tried]) for tried in list(context.history)[first:]), default=0.0)
            self.families.learn(plan.family, gain, max(1, cost))

    def _task(self, context: ProposeContext, coder: Calls, plan: Plan, again: bool) -> list[Message]:
        """The plan as a task, or the repair of its newest attempt."""
        whole = coder.local or self._bad_patches.get(coder.label, 0) >= BAD_PATCHES
        if not again:
            return words.edit(context, plan, whole)
        earlier = replace(context, history=context.history[:-1])
        return [*words.edit(earlier, plan, whole), *llm_prompt.repair(context, *context.history[-1])]

    def _clean(self, context: ProposeContext, calls: Calls, text: str) -> str:
        return scrub(text, calls.secrets(context))


def create(kit: Kit) -> PlanSearch:
    """The strategy."""
    return PlanSearch(kit)
