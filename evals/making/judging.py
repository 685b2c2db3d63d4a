"""The engine: programs held against a base, many bases at a time, each lane a process on a core of its own.

A verdict here is that of `codeopt verify` with a small fixed number of pairs: correctness on all inputs first, then the
measured ratio with its interval, above 1 or below. A program that is slower than its base is a pair, too, read the
other way round.
"""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codeopt.agent.tasks.model import Task
from codeopt.errors import EngineRestarted, UserError
from codeopt.evals.making.worker import Worker
from codeopt.types import Counts, Verdict

PAIRS = 12
RESTARTS = 3
"""Of a sandbox's engine, in the middle of one item."""


@dataclass(frozen=True)
class Program:
    """What is held against a base.

    Attributes:
        source: Its whole text.
        flags: Compiler flags of its own.
        name: For whoever made it; the engine does not read it.
    """

    source: str
    flags: tuple[str, ...] = ()
    name: str = ""


More = Callable[[Sequence["Judged"]], Sequence[Program]]


@dataclass(frozen=True)
class Item:
    """A base and its programs.

    Attributes:
        name: Of the item.
        file: The base; a `codeopt.toml` (and cases) beside it says what there is to say.
        programs: Held against it in this order.
        more: Asked for further programs when all have been judged, with the newest verdicts, until it gives none. Called
            from a lane's thread.
    """

    name: str
    file: Path
    programs: tuple[Program, ...]
    more: More | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Opened:
    """A base is ready.

    Attributes:
        item: Whose base it is.
        task: What it was detected as.
        source: Its text.
        counts: Inputs that programs are checked on, without the hidden ones.
        notes: How the inputs came to be.
        seconds, noise, clock: Median and coefficient of variation of one timed region, and the clock that decides.
        grew: The regions are inputs from a generator, and the base took longer the larger they were.
        ran_in: Kind of sandbox.
        took_s: Seconds of the lane for it.
    """

    item: Item
    task: Task
    source: str
    counts: Counts
    notes: tuple[str, ...]
    seconds: float
    noise: float
    clock: str
    grew: bool
    ran_in: str
    took_s: float


@dataclass(frozen=True)
class Judged:
    """A verdict on program `number` (from 0) of an item, and the seconds of the lane for it."""

    item: Item
    number: int
    program: Program
    verdict: Verdict
    took_s: float


@dataclass(frozen=True)
class Refused:
    """The base cannot be used here."""

    item: Item
    why: str


@dataclass(frozen=True)
class Closed:
    """All programs of an item have their verdict."""

    item: Item


Event = Opened | Judged | Refused | Closed


def judged(
    items: Iterable[Item], *, sandbox: str = "auto", lanes: int = 1, pairs: int = PAIRS, seed: int = 0
) -> Generator[Event, None, None]:
    """What becomes of the items, as it becomes known: an `Opened`, a `Judged` for each program and a `Closed`, or `Refused`.

    Events of one item come in their order, those of several lanes mixed. Items are taken one by one, from the lanes'
    threads; an item without programs (and `more`) is opened all the same. Closing the iterator ends the lanes.

    Args:
        sandbox: "auto", "docker", "bubblewrap" or "process".
        lanes: Bases at a time.
        pairs: Of timings, for each program.
        seed: Of the inputs; the same seed makes the same inputs where the machine is as fast.

    Raises:
        UserError: There are fewer cores than lanes, no such sandbox works here, or `items` raised it.
    """
    cores = sorted(os.sched_getaffinity(0))
    if not 1 <= lanes <= len(cores):
        raise UserError(f"--lanes {lanes}: there are {len(cores)} cores here", f"from 1 to {len(cores)}")
    with contextlib.ExitStack() as stack:
        workers = []
        for _, core in zip(range(lanes), reversed(cores)):
            workers.append(Worker(sandbox, core, pairs, seed))
            stack.callback(workers[-1].close)
        named = [(worker, worker.ready()) for worker in workers]
        told: queue.SimpleQueue[Event | BaseException | None] = queue.SimpleQueue()
        stop, source, taking = threading.Event(), iter(items), threading.Lock()

        def take() -> Item | None:
            with taking:
                return None if stop.is_set() else next(source, None)

        def run(worker: Worker, ran_in: str) -> None:
            try:
                while (item := take()) is not None:
                    _item(item, worker, ran_in, told.put, stop)
                told.put(None)
            except BaseException as error:
                told.put(error)

        threads = [threading.Thread(target=run, args=pair, daemon=True) for pair in named]
        for thread in threads:
            thread.start()
        left = len(threads)
        try:
            while left:
                event = told.get()
                if event is None:
                    left -= 1
                elif isinstance(event, BaseException):
                    raise event
                else:
                    yield event
        finally:
            stop.set()
            for thread in threads:
                thread.join()  # what was begun is ended: a verdict takes seconds


def _item(item: Item, worker: Worker, ran_in: str, tell: Callable[[Event], None], stop: threading.Event) -> None:
    """All of an item. An engine that is restarted takes the sessions with it: the base is opened again."""
    waiting, done, new = list(item.programs), 0, list[Judged]()
    known, attempt = False, 0
    while True:
        try:
            began = time.monotonic()
            opened = worker.open(item.file)
            if not known:
                tell(_opened(item, opened, ran_in, time.monotonic() - began))
                known = True
            while not stop.is_set():
                if not waiting:
                    waiting = list(item.more(new)) if item.more is not None else []
                    new = []
                    if not waiting:
                        return tell(Closed(item))
                began = time.monotonic()
                verdict = worker.judge(done, waiting[0].source, waiting[0].flags)
                found = Judged(item, done, waiting.pop(0), verdict, time.monotonic() - began)
                done += 1
                new.append(found)
                tell(found)
            return
        except UserError as error:
            return tell(Refused(item, str(error)))
        except EngineRestarted:
            attempt += 1
            if attempt > RESTARTS:
                raise


def _opened(item: Item, found: dict[str, Any], ran_in: str, took_s: float) -> Opened:
    task, counts = Task.model_validate(found["task"]), Counts.model_validate(found["counts"])
    return Opened(
        item=item,
        task=task,
        source=str(found["source"]),
        counts=counts,
        notes=tuple(map(str, found["notes"])),
        seconds=float(found["seconds"]),
        noise=float(found["noise"]),
        clock=str(found["clock"]),
        grew=bool(found["grew"]),
        ran_in=ran_in,
        took_s=took_s,
    )
