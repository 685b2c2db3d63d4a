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

from codeopt.agent.models.chat import CallLost, ChatClient, Message, ModelUnavailable, Reply, Request
from codeopt.agent.proposers.llm_extract import EditError, extract
from codeopt.errors import UserError
from codeopt.evals.humaneval import Problem
from codeopt.types import Record

TEMPLATE = Path(__file__).with_name("prompts") / "efficient.j2"
LOST_TRIES = 3
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

    def config(self, source: str) -> dict[str, Any]:
        """What has to be the same for a run to go on. `source`: the model, as the user names it."""
        digest = hashlib.sha256(self.template.encode("utf-8")).hexdigest()
        return {
            "suite": "enamel",
            "model": source,
            "temperature": self.temperature,
            "top_p": self.top_p,
            "max_tokens": self.max_tokens,
            "seed": self.seed,
            "template_sha256": digest,
        }


def generate(
    problems: Sequence[Problem],
    sampling: Sampling,
    source: str,
    clients: Sequence[ChatClient],
    folder: Path,
    tell: Callable[[Generated], None],
) -> list[Generated]:
    """Ask for every sample that the folder does not hold yet, one request a client at a time; all of them, in order.

    Raises:
        UserError: The folder is another run's, or the model cannot be asked (any more); what arrived is kept.
        KeyboardInterrupt: Answers on their way are given up; what arrived is kept.
    """
    prompts = [{"problem": problem.number, "messages": list(sampling.messages(problem))} for problem in problems]
    found = _open(folder, sampling.config(source))
    (folder / "prompts.jsonl").write_text("".join(json.dumps(prompt) + "\n" for prompt in prompts), "utf-8")
    waiting: queue.SimpleQueue[tuple[Problem, int]] = queue.SimpleQueue()
    for problem in problems:
        for sample in range(sampling.samples):
            if (problem.number, sample) not in found:
                waiting.put((problem, sample))
    mutex, stop, broken = threading.Lock(), threading.Event(), list[BaseException]()

    def work(client: ChatClient) -> None:
        try:
            while not stop.is_set():
                problem, sample = waiting.get_nowait()
                made = _sample(client, sampling, problem, sample)
                with mutex, open(folder / "samples.jsonl", "a", encoding="utf-8") as out:
                    out.write(made.model_dump_json() + "\n")
                    found[problem.number, sample] = made
                    tell(made)
        except queue.Empty:
            return
        except BaseException as error:
            broken.append(error)
            stop.set()

    threads = [threading.Thread(target=work, args=(client,), daemon=True) for client in clients]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
    except KeyboardInterrupt:
        stop.set()
        raise
    if broken:
        raise broken[0]
    wanted = {problem.number for problem in problems}
    return [found[key] for key in sorted(found) if key[0] in wanted and key[1] < sampling.samples]


def _sample(client: ChatClient, sampling: Sampling, problem: Problem, sample: int) -> Generated:
    request = sampling.request(problem, sample)
    for attempt in range(1, LOST_TRIES + 1):
        try:
            reply = client.ask(request)
            break
        except CallLost as lost:
            if attempt == LOST_TRIES:
                raise ModelUnavailable(f"{lost.reason}, {attempt} times in a row", "try later: the same command goes on") from None
    return finished(problem, sample, request.seed, reply)


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


def _open(folder: Path, config: dict[str, Any]) -> dict[tuple[int, int], Generated]:
    """The folder's samples so far. Raises UserError where it is another run's."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "config.json"
    if file.is_file():
        before = json.loads(file.read_text("utf-8"))
        differs = [key for key in config if before.get(key) != config[key]]
        if differs:
            raise UserError(f"{folder} holds another run ({', '.join(differs)} differ)", "give another --out")
    else:
        file.write_text(json.dumps(config, indent=1) + "\n", "utf-8")
    kept = folder / "samples.jsonl"
    found: dict[tuple[int, int], Generated] = {}
    if kept.is_file():
        whole = [line for line in kept.read_text("utf-8").splitlines(keepends=True) if line.endswith("\n")]
        kept.write_text("".join(whole), "utf-8")
        for line in whole:
            try:
                made = Generated.model_validate_json(line)
            except ValueError:
                raise UserError(f"{kept} holds a line that is no sample", "give another --out") from None
            found[made.problem, made.sample] = made
    return found
