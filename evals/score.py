"""Scoring a set of samples: lanes, a folder that a stopped run goes on from, and the figures of the whole.

The folder holds `config.json` (what is scored, and where), `rows.jsonl` (a line for each scored sample, written as it
ends), `rows.parquet` (the same rows, written when all has ended) and `summary.json`. A line that was torn off is
dropped, and its sample scored again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codeopt.errors import EngineRestarted, UserError
from codeopt.evals import parquet
from codeopt.evals.folder import Kept, drain
from codeopt.evals.rows import Row
from codeopt.evals.suites import Problem, Suite
from codeopt.evals.worker import Worker
from codeopt.machine import fingerprint

RESTARTS = 3
"""Of a sandbox's engine, in the middle of one problem."""


@dataclass(frozen=True)
class Plan:
    """What is to be scored.

    Attributes:
        suite: Whose problems they are.
        problems: In this order.
        samples: Programs by task_id.
        sandbox: Kind of sandbox.
        lanes: Problems at a time, each lane in a process of its own, its candidates on a core of their own; kernels on a GPU of
            their own.
        folder: Where the results are kept.
        source: The samples' file.
    """

    suite: Suite[Any]
    problems: Sequence[Problem]
    samples: dict[str, list[str]]
    sandbox: str
    lanes: int
    folder: Path
    source: Path

    def config(self) -> dict[str, Any]:
        """What has to be the same for a run to go on."""
        digest = hashlib.sha256(json.dumps(self.samples, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()
        return {"suite": self.suite.name, "kind": self.suite.row.kind, "samples": str(self.source), "samples_sha256": digest, "sandbox": self.sandbox}


def score(plan: Plan, tell: Callable[[Row], None], warn: Callable[[str], None]) -> list[Row]:
    """Score what the folder does not hold yet; all scores of the plan's problems, by problem and sample.

    Args:
        tell: Called with each new score.
        warn: Called with a line for each problem that cannot be scored here, and where no Parquet file can be written.

    Raises:
        UserError: The folder is another run's, there are fewer cores than lanes, or no such sandbox works here.
    """
    cores = sorted(os.sched_getaffinity(0))
    if not 1 <= plan.lanes <= len(cores):
        raise UserError(f"--lanes {plan.lanes}: there are {len(cores)} cores here", f"from 1 to {len(cores)}")
    devices = lane_devices(plan.suite, plan.lanes)
    with contextlib.ExitStack() as stack:
        workers = []
        for number, core in zip(range(plan.lanes), reversed(cores)):
            workers.append(Worker(plan.suite, plan.sandbox, core, devices[number] if devices else ""))
            stack.callback(workers[-1].close)
        (ran_in,) = {worker.ready() for worker in workers}
        about = {"lanes": plan.lanes, "ran_in": ran_in, "machine": fingerprint()}
        kept = Kept(plan.folder, "rows.jsonl", plan.suite.row, "score", plan.config(), about)
        rows = kept.rows
        waiting: queue.SimpleQueue[Problem] = queue.SimpleQueue()
        for problem in plan.problems:
            if any((problem.task_id, number) not in rows for number in range(len(plan.samples.get(problem.task_id, ())))):
                waiting.put(problem)
        stop = threading.Event()

        def scoring(worker: Worker) -> Callable[[Problem], None]:
            return lambda problem: _problem(problem, plan, worker, rows, lambda found: kept.add(found, tell), warn, stop)

        try:
            drain(waiting, [scoring(worker) for worker in workers], stop, patient=True)
        finally:
            config = json.loads((plan.folder / "config.json").read_text("utf-8"))
            # After an interrupt, too: the file never says less than the lines.
            if not parquet.write(plan.folder / parquet.NAME, plan.suite.row, list(rows.values()), config):
                warn(parquet.MISSING)
    return [rows[key] for problem in plan.problems for key in sorted(rows) if key[0] == problem.task_id]


def lane_devices(suite: Suite[Any], lanes: int) -> list[str]:
    """A GPU for each lane where a suite's problems are kernels and there are some. Raises UserError where there are too few."""
    if suite.row.kind != "kernel":
        return []
    from codeopt.sandbox.kernels import device

    return device.for_lanes(lanes, device.visible())


def _problem(
    problem: Problem,
    plan: Plan,
    worker: Worker,
    rows: dict[tuple[str, int], Row],
    keep: Callable[[Row], None],
    warn: Callable[[str], None],
    stop: threading.Event,
) -> None:
    """All samples of a problem that have no row yet, after the reference was timed.

    An engine that is restarted in the middle takes the sessions with it: the problem is begun again where it was.
    """
    for attempt in range(RESTARTS + 1):
        try:
            worker.open(problem)
            for number, source in enumerate(plan.samples[problem.task_id]):
                if stop.is_set():
                    return
                if (problem.task_id, number) not in rows:
                    keep(worker.score(number, source))
            return
        except UserError as error:
            warn(f"not scored: {error}")
            return
        except EngineRestarted as error:
            if attempt == RESTARTS:
                raise
            warn(f"{problem.task_id}: {error}: going on")
