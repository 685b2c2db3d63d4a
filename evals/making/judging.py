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


class Lanes:
    """Processes that judge, each on a core of its own; they serve one call of `judged` after the other.

    Args:
        sandbox: "auto", "docker", "bubblewrap" or "process".
        count: How many.
        pairs: Of timings, for each program.

    Raises:
        UserError: There are fewer cores, or no such sandbox works here.
    """

    def __init__(self, sandbox: str, count: int, pairs: int = PAIRS) -> None:
        cores = sorted(os.sched_getaffinity(0))
        if not 1 <= count <= len(cores):
            raise UserError(f"--lanes {count}: there are {len(cores)} cores here", f"from 1 to {len(cores)}")
        self.workers: list[Worker] = []
        try:
            for _, core in zip(range(count), reversed(cores)):
                self.workers.append(Worker(sandbox, core, pairs))
            (self.ran_in,) = {worker.ready() for worker in self.workers}
        except BaseException:
            self.close()
            raise

    def ahead(self, files: Sequence[Path], seed: int) -> None:
        """Make bases ready before the call that needs them, one in each lane; nothing else may be going on."""
        for worker, file in zip(self.workers, files):
            worker.begin(file, seed)

    def close(self) -> None:
        """End them. Idempotent."""
        for worker in self.workers:
            worker.close()


class _Taking:
    """Hands the items out, to a lane first the one whose base it has ready."""

    def __init__(self, items: Iterable[Item], workers: Sequence[Worker]) -> None:
        self._source = iter(items)
        self._ready = {worker.ahead for worker in workers} - {None}
        self._waiting: list[Item] = list(self._source) if self._ready else []
        self._lock = threading.Lock()
        self.stop = threading.Event()

    def take(self, worker: Worker) -> Item | None:
        with self._lock:
            if self.stop.is_set():
                return None
            own = [item for item in self._waiting if item.file == worker.ahead]
            free = [item for item in self._waiting if item.file not in self._ready]
            for item in (*own, *free):
                self._waiting.remove(item)
                return item
            return next(self._source, None)


def judged(
    items: Iterable[Item], *, sandbox: str = "auto", lanes: int | Lanes = 1, pairs: int = PAIRS, seed: int = 0
) -> Generator[Event, None, None]:
    """What becomes of the items, as it becomes known: an `Opened`, a `Judged` for each program and a `Closed`, or `Refused`.

    Events of one item come in their order, those of several lanes mixed. Items are taken one by one, from the lanes'
    threads; an item without programs (and `more`) is opened all the same. Closing the iterator ends the lanes.

    Args:
        sandbox: "auto", "docker", "bubblewrap" or "process".
        lanes: Bases at a time, or lanes that there are already: they have their own sandbox and pairs, and stay.
        pairs: Of timings, for each program.
        seed: Of the inputs; the same seed makes the same inputs where the machine is as fast.

    Raises:
        UserError: There are fewer cores than lanes, no such sandbox works here, or `items` raised it.
    """
    with contextlib.ExitStack() as stack:
        held = lanes if isinstance(lanes, Lanes) else stack.enter_context(contextlib.closing(Lanes(sandbox, lanes, pairs)))
        told: queue.SimpleQueue[Event | BaseException | None] = queue.SimpleQueue()
        taking = _Taking(items, held.workers)

        def run(worker: Worker) -> None:
            try:
                while (item := taking.take(worker)) is not None:
                    _item(item, worker, held.ran_in, seed, told.put, taking.stop)
                told.put(None)
            except BaseException as error:
                told.put(error)

        threads = [threading.Thread(target=run, args=(worker,), daemon=True) for worker in held.workers]
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
            taking.stop.set()
            for thread in threads:
                thread.join()  # what was begun is ended: a verdict takes seconds


def _item(item: Item, worker: Worker, ran_in: str, seed: int, tell: Callable[[Event], None], stop: threading.Event) -> None:
    """All of an item. An engine that is restarted takes the sessions with it: the base is opened again."""
    waiting, done, new = list(item.programs), 0, list[Judged]()
    known, attempt = False, 0
    while True:
        try:
            began = time.monotonic()
            opened = worker.open(item.file, seed)
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
