"""The loop: a generator evolves problems and solves them, a critic and the sandbox are the discriminator.

A round is three batches of questions, each answered at once by a GPU in this process or by a server: problems, verdicts of
the critic, programs. Then programs are run: a problem is kept where different programs for it agree with each other on its
examples and on inputs that are made here (`codeopt.agent.spec.board`). What was kept is evolved further in later rounds.

Everything is kept as it comes: the draw of a round, each answer by what was asked, each problem's outcome. A run that was
stopped goes on and asks nothing twice; with more rounds it goes on, too.
"""

from __future__ import annotations

import ast
import hashlib
import itertools
import json
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codeopt.agent.models.asker import Asker
from codeopt.agent.models.chat import Message, Request
from codeopt.agent.proposers.llm_extract import EditError, extract
from codeopt.agent.screen import fingerprint
from codeopt.agent.spec.reading import standing
from codeopt.agent.spec.ways import Judged, Tried
from codeopt.errors import SandboxBroken, UserError
from codeopt.evals.answers import Answers, ask
from codeopt.evals.boards import Boards
from codeopt.evals.evolving import words
from codeopt.evals.evolving.near import Near
from codeopt.evals.evolving.problem import CPP, KEPT, Draft, Evolved, IllFormed, read_critic, read_problem
from codeopt.evals.folder import Kept

FILTERS = ("unreadable", "near_duplicate", "critic", "no_programs", "unusable", "disagree", KEPT)
"""Outcomes, in the order in which they are found out."""
AGREE = 2
"""Different programs that have to agree."""
ROUNDS_APART, PROBLEMS_APART = 1_000_000, 100
"""Seeds of two rounds, and of two problems of a round, differ at least by it."""


@dataclass(frozen=True)
class Seed:
    """A problem that others are evolved from.

    Attributes:
        name: Its task_id, or that of an evolved one.
        text: A function's head with its docstring.
    """

    name: str
    text: str

    @property
    def words(self) -> str:
        """Its docstring."""
        return ast.get_docstring(ast.parse(self.text).body[-1]) or ""  # type: ignore[arg-type]


@dataclass(frozen=True)
class Plan:
    """What a run is asked for.

    Attributes:
        suite: Where its first seeds come from.
        model, critic: Names of the generator and of the discriminator.
        operators: Names.
        seeds: Problems that are evolved in a round.
        samples: Programs of each of the two kinds for a problem.
        temperature, top_p: Of the generator; the critic is greedy.
        max_tokens: Of an answer.
        seed: Of all draws.
    """

    suite: str
    model: str
    critic: str
    operators: tuple[str, ...]
    seeds: int
    samples: int
    temperature: float
    top_p: float | None
    max_tokens: int
    seed: int

    def config(self) -> dict[str, Any]:
        """What has to be the same for a run to go on."""
        digest = hashlib.sha256(words.template_texts().encode("utf-8")).hexdigest()
        return {
            "suite": self.suite,
            "model": self.model,
            "critic": self.critic,
            "operators": list(self.operators),
            "samples": self.samples,
            "temperature": self.temperature,
            "top_p": self.top_p,
            "max_tokens": self.max_tokens,
            "seed": self.seed,
            "templates_sha256": digest,
        }


class Spent(Exception):
    """Tokens or time are spent: nothing further is begun."""


@dataclass
class Limits:
    """What may be spent; None for no limit.

    Attributes:
        tokens: That models may generate, all answers of the folder together. A question is asked only where the longest
            answer to it would fit, so it is never exceeded.
        seconds: From now on; what was begun is finished.
    """

    tokens: int | None = None
    seconds: float | None = None
    started: float = field(default_factory=time.monotonic)

    def check(self) -> None:
        """Raise Spent where the time is over."""
        if self.seconds is not None and time.monotonic() - self.started >= self.seconds:
            raise Spent(f"the time is over ({self.seconds:g} s)")


@dataclass
class Item:
    """One problem on its way."""

    number: int
    operator: str
    parents: tuple[Seed, ...]
    draft: Draft | None = None
    clarity: int = 0
    programs: list[str] = field(default_factory=list)
    outcome: str = ""
    why: str = ""
    late: bool = False
    found: Judged = field(default_factory=Judged)

    @property
    def open(self) -> bool:
        """No filter has taken it out, and all that was asked about it is answered."""
        return not self.outcome and not self.late

    def out(self, outcome: str, why: str) -> None:
        """A filter takes it out."""
        self.outcome, self.why = outcome, " ".join(why.split())[:300]


class Evolution:
    """A run's folder, opened to go on.

    Args:
        plan: What is asked for.
        folder: Made where it is not there.
        seeds: The first problems, in a fixed order.
        askers: Of a model, ready, by its name; called only where something has to be asked.
        boards: Where programs are judged, ready, one a lane; None leaves that to a later run of the same command.
        near: Knows the problems of benchmarks; the seeds and the new ones are added.
        limits: What may be spent.
        say: Told in a line what a round did.

    Raises:
        UserError: The folder is another run's.
    """

    def __init__(
        self,
        plan: Plan,
        folder: Path,
        seeds: Sequence[Seed],
        *,
        askers: Callable[[str], Sequence[Asker]],
        boards: Callable[[], AbstractContextManager[Sequence[Boards]]] | None,
        near: Near,
        limits: Limits,
        say: Callable[[str], None],
    ) -> None:
        self._plan, self._folder, self._seeds = plan, folder, list(seeds)
        self._askers, self._boards, self._near, self._limits, self._say = askers, boards, near, limits, say
        self._kept = Kept(folder, "problems.jsonl", Evolved, "problem", plan.config(), {})
        self.answers = Answers(folder, asked=True)
        for text in words.shown():
            near.add("the question's own example", text)
        for seed in seeds:
            near.add(seed.name, seed.words)
        for row in self.problems:
            if row.description and row.outcome != "near_duplicate":
                near.add(row.name, row.description)

    @property
    def problems(self) -> list[Evolved]:
        """What became of all problems so far, in order."""
        return [self._kept.rows[key] for key in sorted(self._kept.rows)]

    def run(self, rounds: int) -> str:
        """Evolve for so many rounds in all; why it ended."""
        for number in range(1, rounds + 1):
            try:
                self._round(number)
            except Spent as spent:
                return str(spent)
        return f"{rounds} rounds"

    def _round(self, number: int) -> None:
        items = [item for item in self._drawn(number) if (_task(number), item.number) not in self._kept.rows]
        if items:
            self._say(f"round {number}: {len(items)} problems to evolve")
            self._evolve(number, items)
            self._criticise(number, items)
            self._solve(number, items)
            self._judge(number, items)
        late = sum(item.late for item in items)
        if late:
            raise Spent(f"the tokens are spent: {late} problems of round {number} have no answer yet")
        # What nobody judged yet is a seed as well: the sandbox may be another machine's.
        self._seeds += [Seed(self._name(number, item), item.draft.text) for item in items if item.draft and not item.outcome and item.draft.function]
        kept = [row for row in self.problems if row.task_id == _task(number) and row.outcome == KEPT and row.function]
        self._seeds += [Seed(row.name, row.draft().text) for row in kept]

    # --- what is asked --------------------------------------------------------------------------------------

    def _drawn(self, number: int) -> list[Item]:
        """The round's problems with their operators: as they were drawn once, or drawn now."""
        file = self._folder / f"round-{number:03}.json"
        if not file.is_file():
            drawn = [(operator, [(seed.name, seed.text) for seed in seeds]) for operator, seeds in self._draw(number)]
            part = file.with_suffix(".part")
            part.write_text(json.dumps(drawn) + "\n", "utf-8")
            os.replace(part, file)
        found = json.loads(file.read_text("utf-8"))
        return [Item(at, operator, tuple(Seed(*seed) for seed in seeds)) for at, (operator, seeds) in enumerate(found)]

    def _draw(self, number: int) -> list[tuple[str, list[Seed]]]:
        """(operator, its seeds), each seed once before any comes twice, operators in turn."""
        dice = random.Random(f"{self._plan.seed} {number}")

        def endless() -> Iterator[Seed]:
            while True:
                yield from dice.sample(self._seeds, len(self._seeds))

        seeds = endless()
        operators = itertools.cycle(dice.sample(self._plan.operators, len(self._plan.operators)))
        chosen = [next(operators) for _ in range(self._plan.seeds)]
        return [(one, list(itertools.islice(seeds, words.parents_of(one)))) for one in chosen]

    def _evolve(self, number: int, items: Sequence[Item]) -> None:
        questions = [(words.problem([seed.text for seed in item.parents], item.operator), self._seed(number, item)) for item in items]
        for item, answer in self._asked("problems", items, self._plan.model, questions):
            try:
                item.draft = read_problem(answer["text"], item.operator)
            except IllFormed as reason:
                item.out("unreadable", str(reason))
                continue
            twin = self._near.find(item.draft.description)
            if twin:
                item.out("near_duplicate", f"repeats {twin}")
            else:
                self._near.add(self._name(number, item), item.draft.description)

    def _criticise(self, number: int, items: Sequence[Item]) -> None:
        asking = [item for item in items if item.open]
        questions = [(words.critic(item.draft), self._seed(number, item) + 1) for item in asking if item.draft]
        for item, answer in self._asked("verdicts", asking, self._plan.critic, questions, 0.0):
            item.clarity, why = read_critic(answer["text"])
            if why:
                item.out("critic", why)

    def _solve(self, number: int, items: Sequence[Item]) -> None:
        kinds = [fast for fast in (False, True) for _ in range(self._plan.samples)]
        asking = [item for item in items if item.open for _ in kinds]
        questions = [
            (words.solve(item.draft, kinds[at % len(kinds)]), self._seed(number, item) + 2 + at % len(kinds))
            for at, item in enumerate(asking)
            if item.draft
        ]
        for item, answer in self._asked("programs", asking, self._plan.model, questions):
            item.programs += _program(item.draft, answer)
        for item in items:
            if item.open and len(_distinct(item)) < AGREE:
                item.out("no_programs", f"{len(_distinct(item))} different programs in {len(kinds)} answers")

    def _asked(
        self,
        what: str,
        items: Sequence[Item],
        model: str,
        questions: Sequence[tuple[tuple[Message, ...], int]],
        temperature: float | None = None,
    ) -> list[tuple[Item, dict[str, Any]]]:
        """Items with the answers to their questions, in order; one for whose question no tokens are left is late.

        Raises:
            Spent: The time is over.
            UserError: The model cannot be asked; what was answered is kept.
        """
        plan = self._plan
        warmth = plan.temperature if temperature is None else temperature
        requests = [Request(model, messages, plan.max_tokens, warmth, seed, plan.top_p if warmth else None) for messages, seed in questions]
        missing = [request for request in requests if self.answers.of(request) is None]
        before = self.answers.total("tokens_out")
        if self._limits.tokens is not None:
            missing = missing[: max(0, self._limits.tokens - before) // plan.max_tokens]
        if missing:
            self._limits.check()
            ask(missing, self._askers(model), self.answers)
            self._say(f"  {len(requests)} {what}, {len(missing)} of them new: {self.answers.total('tokens_out') - before} tokens")
        found = []
        for item, request in zip(items, requests, strict=True):
            answer = self.answers.of(request)
            item.late |= answer is None
            if answer is not None:
                found.append((item, answer))
        return found

    def _seed(self, number: int, item: Item) -> int:
        return self._plan.seed + ROUNDS_APART * number + PROBLEMS_APART * item.number

    # --- what is run ----------------------------------------------------------------------------------------

    def _judge(self, number: int, items: Sequence[Item]) -> None:
        for item in items:
            if item.outcome:
                self._keep(number, item)
        waiting = [item for item in items if item.open]
        if not waiting or self._boards is None:
            return
        self._limits.check()
        with self._boards() as boards:
            places = [waiting[at :: len(boards)] for at in range(len(boards))]
            with ThreadPoolExecutor(len(boards)) as pool:
                list(pool.map(lambda board, some: self._judged(number, board, some), boards, places))
        told = Counter(item.outcome for item in items)
        self._say("  " + ", ".join(f"{told[name]} {name}" for name in FILTERS if told[name]))
        self._limits.check()

    def _judged(self, number: int, boards: Boards, items: Sequence[Item]) -> None:
        for item in items:
            try:
                self._limits.check()
            except Spent:
                return
            assert item.draft is not None
            try:
                tried = [Tried(program) for program in item.programs]
                item.found = boards.judge(f"{number}/{item.number}", item.draft.specification, tried, [], self._plan.seed)
            except (UserError, SandboxBroken) as error:
                item.out("unusable", str(error))
            else:
                _agreed(item)
            self._keep(number, item)

    def _keep(self, number: int, item: Item) -> None:
        draft, found = item.draft, item.found
        right = set(found.right)
        shown: dict[str, Any] = {}
        if draft is not None:
            clean = draft.with_examples(found.held) if item.outcome == KEPT else draft
            shown = {name: getattr(clean, name) for name in ("language", "description", "function", "head", "examples", "inputs")}
            shown["wrong_examples"] = len(draft.examples) - len(clean.examples)
        row = Evolved(
            task_id=_task(number),
            sample=item.number,
            name=self._name(number, item),
            operator=item.operator,
            parents=tuple(seed.name for seed in item.parents),
            outcome=item.outcome,
            why=item.why,
            clarity=item.clarity,
            programs=tuple(program for program in _distinct(item) if program in right) if item.outcome == KEPT else (),
            tried=len(_distinct(item)),
            confidence=found.confidence,
            model=self._plan.model,
            critic=self._plan.critic,
            **shown,
        )
        self._kept.add(row, lambda one: None)

    @staticmethod
    def _name(number: int, item: Item) -> str:
        mark = f"-{item.draft.mark()}" if item.draft else ""
        return f"evolved-{number}-{item.number}{mark}"


def _task(number: int) -> str:
    return f"round-{number:03}"


def _program(draft: Draft | None, answer: Mapping[str, Any]) -> list[str]:
    """The program in an answer, or none."""
    assert draft is not None
    try:
        code = extract(answer["text"], draft.language, draft.function, answer["finish"]).code
    except EditError:
        return []
    if not code.strip():
        return []
    return [code if draft.language == CPP else standing(code, draft.specification)]


def _distinct(item: Item) -> list[str]:
    """The programs, of equal ones the first: those that a board keeps apart."""
    language = item.draft.language if item.draft else "python"
    found: dict[str, str] = {}
    for program in item.programs:
        found.setdefault(fingerprint(program, language), program)
    return list(found.values())


def _agreed(item: Item) -> None:
    """Whether enough programs agree with each other, and with most of the examples."""
    found, draft = item.found, item.draft
    assert draft is not None
    held = found.held[: len(draft.examples)]
    if not found.best:
        item.out("disagree", "no program runs: " + next(iter(found.failed.values()), ""))
    elif len(found.right) < AGREE:
        item.out("disagree", f"{len(found.right)} of {len(_distinct(item))} different programs agree, on {found.inputs} inputs")
    elif not found.inputs:
        item.out("unusable", "no inputs could be made")
    elif 2 * sum(held) < len(draft.examples) or not any(held):
        item.out("disagree", f"the programs give {sum(held)} of {len(draft.examples)} examples")
    else:
        item.out(KEPT, "")


def funnel(problems: Sequence[Evolved]) -> dict[str, int]:
    """How many problems each filter took out, in the order of the filters, and how many were kept."""
    counts = Counter(row.outcome for row in problems)
    return {"evolved": len(problems), **{name: counts[name] for name in FILTERS}}
