"""Asking a model for programs: what was asked, what came back and what it cost, one line for each sample as it arrives.

The folder holds `config.json` (model, sampling, template), `prompts.jsonl` (the conversation for each problem) and
`samples.jsonl`, which is EvalPlus's form (`task_id`, `solution`) with more fields: `codeopt eval score` and the authors'
own evaluators read it as it is. A line that was torn off is dropped and its sample asked for again.
"""

from __future__ import annotations

import hashlib
import json
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import jinja2

from codeopt.agent.models.asker import Asker
from codeopt.agent.models.chat import Message, Reply, Request
from codeopt.agent.proposers.llm_extract import EditError
from codeopt.errors import UserError
from codeopt.evals.folder import Kept, drain
from codeopt.evals.suites import Problem, Suite
from codeopt.types import Record

SEEDS_APART = 1000
"""Seeds of two problems differ at least by it: samples of a problem count up from its seed."""


class Generated(Record):
    """One sample.

    Attributes:
        task_id: "HumanEval/0".
        sample: Its number among the problem's, from 0.
        solution: The program in the answer; "" where there is none.
        raw: The answer as it came.
        note: Why there is no program; of a search: why it ended; or "".
        seed: That was sent.
        finish: Why the model stopped.
        tokens_in, tokens_out: As the server counts them, or (`estimated`) characters / 4; a search counts all of its
            tokens as tokens_out.
        operator: What the program was to be made, where `codeopt data ask` asked; else "".
    """

    task_id: str
    sample: int
    solution: str
    raw: str
    note: str
    seed: int
    finish: str
    tokens_in: int
    tokens_out: int
    estimated: bool
    operator: str = ""


Wanted = tuple[Problem, int]
"""The sample of that number for a problem."""
Maker = Callable[[Sequence[Wanted]], Iterator[Generated]]
"""Makes samples, each handed out as it is ready, in whatever order suits. Raises UserError where no more can be made."""


@dataclass(frozen=True)
class Sampling:
    """How a model is asked.

    Attributes:
        suite: Whose problems it is asked.
        model: Its name, as the server knows it.
        samples: For each problem.
        temperature, top_p: None leaves them to the server.
        max_tokens: Of an answer.
        seed: Of the first sample of the suite's first problem.
        template: Jinja text over the suite's `values`.
        strategy: How a program is found; see `codeopt.evals.strategies`.
        seconds: That a search, or rewrite rules, may take for one program.
        tokens: That a way to a specification's program may generate.
        rules: Whether rewrite rules have the last word on it; None leaves that to the way.
    """

    suite: Suite[Any]
    model: str
    samples: int
    temperature: float | None
    top_p: float | None
    max_tokens: int
    seed: int
    template: str
    strategy: str = "answer"
    seconds: float = 0.0
    tokens: int = 0
    rules: bool | None = None

    def messages(self, problem: Problem) -> tuple[Message, ...]:
        """The conversation for a problem. Raises UserError where the template is none."""
        values = self.suite.values(problem)
        try:
            made = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)
            text = made.from_string(self.template).render(values)
        except jinja2.TemplateError as error:
            raise UserError(f"the prompt template cannot be filled in: {error}", f"it may use {', '.join(values)}") from None
        return ({"role": "user", "content": text},)

    def request(self, problem: Problem, sample: int) -> Request:
        """What to ask for one sample."""
        seed = self.seed_of(problem, sample)
        return Request(self.model, self.messages(problem), self.max_tokens, self.temperature, seed, self.top_p)

    def seed_of(self, problem: Problem, sample: int) -> int:
        """Each sample has its own."""
        return self.seed + SEEDS_APART * self._numbers[problem.task_id] + sample

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {one.task_id: number for number, one in enumerate(self.suite.problems)}

    def config(self) -> dict[str, Any]:
        """What has to be the same for a run to go on."""
        digest = hashlib.sha256(self.template.encode("utf-8")).hexdigest()
        return {
            "suite": self.suite.name,
            "strategy": self.strategy,
            "seconds": self.seconds,
            "tokens": self.tokens,
            "rules": self.rules,
            "model": self.model,
            "temperature": self.temperature,
            "top_p": self.top_p,
            "max_tokens": self.max_tokens,
            "seed": self.seed,
            "template_sha256": digest,
        }


def generate(
    problems: Sequence[Problem],
    sampling: Sampling,
    makers: Sequence[Maker],
    folder: Path,
    tell: Callable[[Generated], None],
) -> list[Generated]:
    """Make every sample that the folder does not hold yet; all of them, in order.

    Several makers share them out one by one; a single one gets all at once and may batch them as it likes.

    Raises:
        UserError: The folder is another run's, or the model cannot be asked (any more); what arrived is kept.
        KeyboardInterrupt: Answers on their way are given up; what arrived is kept.
    """
    kept = Kept(folder, "samples.jsonl", Generated, "sample", sampling.config(), {})
    found = kept.rows
    missing = [
        (problem, sample)
        for problem in problems
        for sample in range(sampling.samples)
        if (problem.task_id, sample) not in found
    ]
    waiting: queue.SimpleQueue[Sequence[Wanted]] = queue.SimpleQueue()
    for piece in [missing] if len(makers) == 1 else [[one] for one in missing]:
        waiting.put(piece)
    stop = threading.Event()

    def making(maker: Maker) -> Callable[[Sequence[Wanted]], None]:
        def work(piece: Sequence[Wanted]) -> None:
            for made in maker(piece):
                kept.add(made, tell)

        return work

    # An answer on its way may take minutes: after an interrupt nobody waits for it.
    drain(waiting, [making(maker) for maker in makers], stop, patient=False)
    return [found[problem.task_id, sample] for problem in problems for sample in range(sampling.samples)]


def keep_prompts(problems: Sequence[Problem], sampling: Sampling, folder: Path) -> None:
    """Write the conversation of each problem. Raises UserError where the template cannot be filled in."""
    prompts = [{"task_id": problem.task_id, "messages": list(sampling.messages(problem))} for problem in problems]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "prompts.jsonl").write_text("".join(json.dumps(prompt) + "\n" for prompt in prompts), "utf-8")


def answering(asker: Asker, sampling: Sampling) -> Maker:
    """Asks a model for one answer a sample."""

    def make(wanted: Sequence[Wanted]) -> Iterator[Generated]:
        requests = [sampling.request(problem, sample) for problem, sample in wanted]
        for index, reply in asker.answers(requests):
            yield finished(sampling.suite, *wanted[index], requests[index].seed, reply)

    return make


def finished(suite: Suite[Any], problem: Problem, sample: int, seed: int, reply: Reply) -> Generated:
    """A sample of an answer: the program in it, by the suite's rule."""
    try:
        solution, note = suite.program(problem, reply.text, reply.finish), ""
    except EditError as error:
        solution, note = "", str(error)
    return Generated(
        task_id=problem.task_id,
        sample=sample,
        solution=solution,
        raw=reply.text,
        note=note,
        seed=seed,
        finish=reply.finish,
        tokens_in=reply.tokens_in,
        tokens_out=reply.tokens_out,
        estimated=reply.estimated,
    )
