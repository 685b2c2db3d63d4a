"""`codeopt optimize` on a specification: first a program that most answers agree on, then a faster one as for any program."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from codeopt.agent.proposers.base import ProposeContext
from codeopt.agent.proposers.llm import LlmProposer
from codeopt.agent.proposers.llm_calls import Bill
from codeopt.agent.report import Outcome
from codeopt.agent.run import Run
from codeopt.agent.search import Step
from codeopt.agent.spec.board import Board
from codeopt.agent.spec.judging import judged
from codeopt.agent.spec.reading import is_specification, read_specification
from codeopt.agent.spec.ways import Ask, Heard, Judged, Tried, Wish, find_way
from codeopt.agent.strategies.base import GivenUp
from codeopt.agent.tasks.detect import read_source
from codeopt.agent.tasks.model import Task
from codeopt.errors import UserError
from codeopt.sandbox.workload import Workload
from codeopt.trace import Consensus
from codeopt.types import Candidate, Proposal, Status, Verdict, Written

TOKENS = 4000  # that a model may generate for the first program, where nothing else limits it
SHARE = 0.5  # of the budget's time and tokens that go into it
SURE = 0.5  # confidence from which on a program is handed out as right


def wanted(task: Task, source: str | None) -> bool:
    """Whether a task is a specification: a function that has a docstring and no body."""
    if task.kind != "function" or task.language != "python" or not task.function:
        return False
    return is_specification(source if source is not None else read_source(Path(task.file)), task.function)


class SpecificationRun(Run):
    """A run that has to write its baseline first."""

    consensus: Consensus

    def go(self) -> Outcome:
        text = self.source if self.source is not None else read_source(Path(self.task.file))
        known = [event for event in self.earlier if isinstance(event, Consensus)]
        writers = [proposer for proposer in self.proposers if isinstance(proposer, LlmProposer)]
        if not writers:
            raise UserError(
                f"{self.task.function} has a docstring and no body: there is no program yet", "name a model with --model"
            )
        self.phase("specification", self.options.model.strategy)
        self.consensus = known[-1] if known else self.written(text, writers[0])
        if not known:
            self.trace.add(self.consensus)
        self.say(f"written: {in_words(self.consensus)}")
        self.original, self.source = text, self.consensus.best
        return super().go()

    def written(self, text: str, writer: LlmProposer) -> Consensus:
        """The program that most answers agree on. Raises UserError where none of the model's programs runs."""
        task, budget = self.task, self.options.budget
        specification = read_specification(text, task.function)
        wish = Wish(specification, TOKENS if budget.tokens is None else min(TOKENS, int(SHARE * budget.tokens)))
        way = find_way(self.options.model.strategy)(wish)
        root = Candidate(id="c0", parent="", proposal=Proposal(source=text, proposer="", note="as it is asked for"))
        context = ProposeContext(root, text, seed=self.options.seed, meter=self.meter, trace=self.trace)
        told = Judged()
        with Board(specification, self.options.sandbox, python=task.python, seed=self.options.seed) as board:
            try:
                wants = next(way)
                while True:
                    asks = [one for one in wants if isinstance(one, Ask)]
                    if asks:
                        wants = way.send(self._heard(writer, context, asks, wish, board))
                        continue
                    for one in wants:
                        if isinstance(one, Tried):
                            board.add(one.source, one.votes)
                    told = judged(board)
                    wants = way.send(told)
            except StopIteration:
                pass
            except GivenUp as end:
                self.say(str(end))
                told = judged(board)
            if not told.best:
                reasons = [why for why in told.failed.values() if why]
                raise UserError(
                    f"no answer holds a program for {task.function} that runs ({reasons[0] if reasons else 'no code in them'})",
                    "try another model, or more --time and --max-tokens",
                )
            found = board.found
            return Consensus(
                best=told.best,
                confidence=found.confidence,
                clusters=found.clusters,
                inputs=found.inputs,
                examples={"passed": found.examples[0], "given": found.examples[1]},
                programs=tuple(
                    Written(
                        source=entry.source,
                        votes=entry.votes,
                        agreement=entry.agreement,
                        seconds=entry.seconds,
                        chosen=entry.chosen,
                        evidence=entry.evidence,
                    )
                    for entry in found.entries
                ),
            )

    def _heard(
        self, writer: LlmProposer, context: ProposeContext, asks: Sequence[Ask], wish: Wish, board: Board
    ) -> list[Heard]:
        """Answers, one after the other; where the budget ends in between, their programs are on the board already."""
        heard: list[Heard] = []
        wall = self.options.budget.wall_s
        try:
            for ask in asks:
                if wall is not None and self.meter.spent().wall_s > SHARE * wall:
                    raise GivenUp("half of the time is used up: the best program so far is taken")
                calls = writer.kit.coder()
                reply = writer.kit.ask(context, calls, list(ask.messages), Bill())
                heard.append(Heard(reply.text, reply.finish, reply.tokens_out))
        except GivenUp:
            for one in wish.programs(heard):
                board.add(one.source)
            raise
        return heard

    def finish(
        self,
        step: Step | None,
        verdict: Verdict | None,
        code: int,
        reason: str,
        workload: Workload | None,
        *,
        more: Mapping[str, Any] | None = None,
        texts: Mapping[str, str] | None = None,
    ) -> Outcome:
        assert self.shop is not None and self.source is not None
        self.shop.original = self.original
        if step is None:
            made = Proposal(source=self.source, proposer="llm", note="written from its description")
            step = Step(Candidate(id="c0", parent="", proposal=made), Verdict(status=Status.OK), 1.0, 1.0)
        if code != 130:
            code = 0 if self.consensus.confidence >= SURE else 1
        name = Path(self.task.file).name
        check = ["codeopt", "verify", str(self.options.run / "first" / name), str(self.options.run / name), "--as", self.task.file]
        found = self.consensus
        written = found.model_dump(exclude={"t", "seq", "event", "best", "programs"}) | {"programs": len(found.programs)}
        facts = {
            "written": {**written, "in_words": in_words(found)},
            "verified": verdict is not None and verdict.accepted,
            "verify": shlex.join([*check, "--function", self.task.function]),
        }
        # The plain test file holds the original against the new file; this original does nothing.
        return super().finish(
            step, verdict, code, reason, None, more={**facts, **(more or {})}, texts={f"first/{name}": self.source, **(texts or {})}
        )


def in_words(found: Consensus) -> str:
    """What stands behind the first program, in a line."""
    votes = sum(one.votes for one in found.programs)
    examples = f"{found.examples['passed']} of {found.examples['given']} examples passed, " if found.examples["given"] else ""
    return (
        f"{examples}{found.confidence:.0%} of the answers agree on {found.inputs} inputs "
        f"({votes} programs, {found.clusters} behaviour{'s' if found.clusters != 1 else ''})"
    )
