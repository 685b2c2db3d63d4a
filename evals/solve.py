"""Programs for many specifications at once, each by a way of `codeopt.agent.spec.ways`.

In rounds: all open questions are answered in one batch (by a GPU in this process, or by a server), then all programs are
judged, each problem's on one of the pinned cores. A model is never asked while programs are timed. Answers are kept as they
come, by what was asked: a run that was stopped asks nothing twice.
"""

from __future__ import annotations

import contextlib
import itertools
import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from codeopt.agent.models.asker import Asker
from codeopt.agent.models.chat import Request
from codeopt.agent.spec.ways import Ask, Heard, Judged, Tried, Way, Wish, find_way
from codeopt.errors import SandboxBroken, UserError
from codeopt.evals.answers import Answers, ask
from codeopt.evals.boards import Boards
from codeopt.evals.generate import Generated, Maker, Sampling
from codeopt.evals.suites import Problem

ANSWERS_APART = 50
"""Seeds of two samples of a problem differ at least by it; the answers of a sample count up from its seed."""


@dataclass
class Job:
    """One sample on its way. Once a board has judged programs of it, it stays there: what was found out does, too."""

    problem: Problem
    sample: int
    seed: int
    wish: Wish
    way: Way
    wants: Sequence[Ask] | Sequence[Tried] = ()
    known: Judged = field(default_factory=Judged)
    tried: list[Tried] = field(default_factory=list)
    tokens_in: int = 0
    done: bool = False
    note: str = ""
    board: Boards | None = None

    @property
    def key(self) -> str:
        return f"{self.problem.task_id}/{self.sample}"

    @property
    def asks(self) -> list[Ask]:
        """What it wants to have answered; none while it waits for a verdict."""
        return [one for one in self.wants if isinstance(one, Ask)]

    def go_on(self, reply: Sequence[Heard] | Judged | None) -> None:
        """Hand over what came of its last wants."""
        try:
            self.wants = next(self.way) if reply is None else self.way.send(reply)
        except StopIteration:
            self.done, self.wants = True, ()


def solving(
    askers: Sequence[Asker],
    boards: Sequence[Boards],
    sampling: Sampling,
    folder: Path,
    say: Callable[[str], None],
) -> Maker:
    """What makes samples by the way that the sampling names.

    Args:
        askers: Of the model.
        boards: Where programs are judged, ready.
        sampling: Model, way, tokens for each program, seconds of rules.
        folder: Where answers are kept.
        say: Told in a line what a round did.
    """
    answers = Answers(folder)

    def make(wanted: Sequence[tuple[Problem, int]]) -> Iterator[Generated]:
        jobs = [_job(sampling, problem, sample) for problem, sample in wanted]
        with ThreadPoolExecutor(len(boards)) as pool:
            while jobs:
                _answered(jobs, askers, sampling, answers, say)
                new = deque(job for job in jobs if job.board is None)
                places = (_at_place(jobs, new, one) for one in boards)
                list(pool.map(_judged, boards, places, itertools.repeat(sampling)))
                yield from (_finished(job, sampling) for job in jobs if job.done)
                jobs = [job for job in jobs if not job.done]

    return make


def _job(sampling: Sampling, problem: Problem, sample: int) -> Job:
    wish = Wish(sampling.suite.specification(problem), sampling.tokens)
    seed = sampling.seed_of(problem, 0) + ANSWERS_APART * sample
    job = Job(problem, sample, seed, wish, find_way(sampling.strategy)(wish))
    job.go_on(None)
    return job


def _answered(
    jobs: Sequence[Job], askers: Sequence[Asker], sampling: Sampling, answers: Answers, say: Callable[[str], None]
) -> None:
    """Answer questions until every job wants a verdict or is done."""
    while asking := [job for job in jobs if job.asks]:
        requests = {
            job.key: [
                Request(
                    sampling.model, one.messages, sampling.max_tokens, sampling.temperature, job.seed + job.wish.answers + number,
                    sampling.top_p,
                )
                for number, one in enumerate(job.asks)
            ]
            for job in asking
        }  # fmt: skip
        missing = [request for some in requests.values() for request in some if answers.of(request) is None]
        ask(missing, askers, answers)
        for job in asking:
            heard = []
            for request in requests[job.key]:
                reply = answers.of(request) or {}
                job.tokens_in += reply["tokens_in"]
                heard.append(Heard(reply["text"], reply["finish"], reply["tokens_out"]))
            job.go_on(heard)
        say(f"{sum(map(len, requests.values()))} answers for {len(asking)} programs, {len(missing)} of them new")


def _at_place(jobs: Sequence[Job], new: deque[Job], board: Boards) -> Iterator[Job]:
    """The jobs of a board, then new ones, which whichever board is free takes: some take a hundred times as long as others."""
    yield from [job for job in jobs if job.board is board]
    with contextlib.suppress(IndexError):
        while True:
            job = new.popleft()
            job.board = board
            yield job


def _judged(boards: Boards, jobs: Iterable[Job], sampling: Sampling) -> None:
    """Judge what the jobs of one process want to have judged; rules have their turn on what is done."""
    for job in jobs:
        try:
            while not job.done and not job.asks:
                tried = [one for one in job.wants if isinstance(one, Tried)]
                job.known = boards.judge(job.key, job.wish.specification, tried, job.tried, job.seed)
                job.tried += tried
                job.go_on(job.known)
            if job.done and job.known.best and (job.wish.polish if sampling.rules is None else sampling.rules):
                best = boards.polish(job.key, job.wish.specification, job.tried, job.seed, sampling.seconds)
                job.note = "rewritten by rules" if best != job.known.best else ""
                job.known = replace(job.known, best=best)
        except (UserError, SandboxBroken) as error:
            job.done, job.note = True, str(error)


def _finished(job: Job, sampling: Sampling) -> Generated:
    known = job.known
    told = {**asdict(known), "families": job.wish.families, "answers": job.wish.answers}
    told = {name: told[name] for name in ("confidence", "seconds", "distinct", "programs", "families", "answers")}
    return Generated(
        task_id=job.problem.task_id,
        sample=job.sample,
        solution=known.best,
        raw=json.dumps(told),
        note=job.note or ("" if known.best else "no answer holds a program that runs"),
        seed=job.seed,
        finish="stop",
        tokens_in=job.tokens_in,
        tokens_out=job.wish.spent,
        estimated=False,
    )
