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
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

from codeopt.agent.models.asker import Asker
from codeopt.agent.models.chat import Message, Reply, Request
from codeopt.agent.proposers.llm_extract import EditError, extract
from codeopt.errors import UserError
from codeopt.evals.folder import Kept, drain
from codeopt.evals.humaneval import Problem
from codeopt.types import Record

TEMPLATE = Path(__file__).with_name("prompts") / "efficient.j2"
SEEDS_APART = 1000
"""Seeds of two problems differ at least by it: samples of a problem count up from its seed."""


class Generated(Record):
    """One sample.

    Attributes:
        task_id: "HumanEval/0".
        solution: The program in the answer; "" where there is none.
        problem, sample: Numbers.
        raw: The answer as it came.
        note: Why there is no program, or "".
        seed: That was sent.
        finish: Why the model stopped.
        tokens_in, tokens_out: As the server counts them, or (`estimated`) characters / 4.
    """

    task_id: str
    solution: str
    problem: int
    sample: int
    raw: str
    note: str
    seed: int
    finish: str
    tokens_in: int
    tokens_out: int
    estimated: bool


@dataclass(frozen=True)
class Sampling:
    """How a model is asked.

    Attributes:
        model: Its name, as the server knows it.
        samples: For each problem.
        temperature, top_p: None leaves them to the server.
        max_tokens: Of an answer.
        seed: Of the first sample of problem 0.
        template: Jinja text with `prompt` and `entry_point`.
    """

    model: str
    samples: int
    temperature: float | None
    top_p: float | None
    max_tokens: int
    seed: int
    template: str

    def messages(self, problem: Problem) -> tuple[Message, ...]:
        """The conversation for a problem. Raises UserError where the template is none."""
        try:
            made = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)
            text = made.from_string(self.template).render(prompt=problem.prompt.strip(), entry_point=problem.entry_point)
        except jinja2.TemplateError as error:
            raise UserError(f"the prompt template cannot be filled in: {error}", "it may use prompt and entry_point") from None
        return ({"role": "user", "content": text},)

    def request(self, problem: Problem, sample: int) -> Request:
        """What to ask for one sample."""
        seed = self.seed + SEEDS_APART * problem.number + sample
        return Request(self.model, self.messages(problem), self.max_tokens, self.temperature, seed, self.top_p)

    def config(self) -> dict[str, Any]:
        """What has to be the same for a run to go on."""
        digest = hashlib.sha256(self.template.encode("utf-8")).hexdigest()
        return {
            "suite": "enamel",
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
    askers: Sequence[Asker],
    folder: Path,
    tell: Callable[[Generated], None],
) -> list[Generated]:
    """Ask for every sample that the folder does not hold yet; all of them, in order.

    Several askers share the requests out one by one; a single one gets all at once and may batch them as it likes.

    Raises:
        UserError: The folder is another run's, or the model cannot be asked (any more); what arrived is kept.
        KeyboardInterrupt: Answers on their way are given up; what arrived is kept.
    """
    prompts = [{"problem": problem.number, "messages": list(sampling.messages(problem))} for problem in problems]
    kept = Kept(folder, "samples.jsonl", Generated, "sample", sampling.config(), {})
    found = kept.rows
    (folder / "prompts.jsonl").write_text("".join(json.dumps(prompt) + "\n" for prompt in prompts), "utf-8")
    missing = [
        (problem, sample)
        for problem in problems
        for sample in range(sampling.samples)
        if (problem.number, sample) not in found
    ]
    waiting: queue.SimpleQueue[Sequence[tuple[Problem, int]]] = queue.SimpleQueue()
    for piece in [missing] if len(askers) == 1 else [[one] for one in missing]:
        waiting.put(piece)
    stop = threading.Event()

    def asking(asker: Asker) -> Callable[[Sequence[tuple[Problem, int]]], None]:
        def work(piece: Sequence[tuple[Problem, int]]) -> None:
            requests = [sampling.request(problem, sample) for problem, sample in piece]
            for index, reply in asker.answers(requests):
                kept.add(finished(*piece[index], requests[index].seed, reply), tell)

        return work

    # An answer on its way may take minutes: after an interrupt nobody waits for it.
    drain(waiting, [asking(asker) for asker in askers], stop, patient=False)
    wanted = {problem.number for problem in problems}
    return [found[key] for key in sorted(found) if key[0] in wanted and key[1] < sampling.samples]


def finished(problem: Problem, sample: int, seed: int, reply: Reply) -> Generated:
    """A sample of an answer: the program in it, by the rule of `llm_extract.extract`."""
    try:
        solution, note = extract(reply.text, "python", problem.entry_point, reply.finish).code, ""
    except EditError as error:
        solution, note = "", str(error)
    return Generated(
        task_id=problem.task_id,
        solution=solution,
        problem=problem.number,
        sample=sample,
        raw=reply.text,
        note=note,
        seed=seed,
        finish=reply.finish,
        tokens_in=reply.tokens_in,
        tokens_out=reply.tokens_out,
        estimated=reply.estimated,
    )
