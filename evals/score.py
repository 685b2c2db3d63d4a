"""Scoring a set of samples: lanes, a folder that a stopped run goes on from, and the figures of the whole.

The folder holds `config.json` (what is scored, and where), `rows.jsonl` (a line for each scored sample, written as it
ends) and `summary.json`. A line that was torn off is dropped, and its sample scored again.
"""

from __future__ import annotations

import hashlib
import json
import os
import queue
import statistics
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codeopt.errors import UserError
from codeopt.evals import metrics
from codeopt.evals.enamel import Bench, Lane, Score
from codeopt.evals.folder import Kept, drain
from codeopt.evals.humaneval import Problem
from codeopt.machine import fingerprint
from codeopt.sandbox.choose import choose

SHORT_S = 1e-4
"""References below it are also reported apart: a constant cost in every timing moves their scores most."""


@dataclass(frozen=True)
class Plan:
    """What is to be scored.

    Attributes:
        problems: In this order.
        samples: Programs by number of the problem.
        sandbox: Kind of sandbox.
        lanes: Problems at a time, each lane on a core of its own.
        folder: Where the results are kept.
        source: The samples' file.
    """

    problems: Sequence[Problem]
    samples: dict[int, list[str]]
    sandbox: str
    lanes: int
    folder: Path
    source: Path

    def config(self) -> dict[str, Any]:
        """What has to be the same for a run to go on."""
        digest = hashlib.sha256(json.dumps(self.samples, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()
        return {"suite": "enamel", "samples": str(self.source), "samples_sha256": digest, "sandbox": self.sandbox}


def score(plan: Plan, tell: Callable[[Score], None], warn: Callable[[str], None]) -> list[Score]:
    """Score what the folder does not hold yet; all scores of the plan's problems, by problem and sample.

    Args:
        tell: Called with each new score.
        warn: Called with a line for each problem that cannot be scored here.

    Raises:
        UserError: The folder is another run's, there are fewer cores than lanes, or no such sandbox works here.
    """
    cores = sorted(os.sched_getaffinity(0))
    if not 1 <= plan.lanes <= len(cores):
        raise UserError(f"--lanes {plan.lanes}: there are {len(cores)} cores here", f"from 1 to {len(cores)}")
    sandboxes = [choose(plan.sandbox, trusted=False) for _ in range(plan.lanes)]
    kept = Kept(plan.folder, "rows.jsonl", Score, "score", plan.config(), {"machine": fingerprint()})
    rows = kept.rows
    waiting: queue.SimpleQueue[Problem] = queue.SimpleQueue()
    for problem in plan.problems:
        if any((problem.number, number) not in rows for number in range(len(plan.samples.get(problem.number, ())))):
            waiting.put(problem)
    stop = threading.Event()
    lanes = [Lane(sandbox, core) for sandbox, core in zip(sandboxes, reversed(cores))]

    def scoring(lane: Lane) -> Callable[[Problem], None]:
        return lambda problem: _problem(problem, plan, lane, rows, lambda found: kept.add(found, tell), warn, stop)

    try:
        drain(waiting, [scoring(lane) for lane in lanes], stop, patient=True)
    finally:
        for lane in lanes:
            lane.close()
    wanted = {problem.number for problem in plan.problems}
    return [rows[key] for key in sorted(rows) if key[0] in wanted]


def _problem(
    problem: Problem,
    plan: Plan,
    lane: Lane,
    rows: dict[tuple[int, int], Score],
    keep: Callable[[Score], None],
    warn: Callable[[str], None],
    stop: threading.Event,
) -> None:
    """All samples of a problem that have no row yet, after the reference was timed."""
    bench = None
    try:
        bench = Bench(problem, lane)
        bench.calibrate()
        for number, source in enumerate(plan.samples[problem.number]):
            if stop.is_set():
                return
            if (problem.number, number) not in rows:
                keep(bench.score(number, source))
    except UserError as error:
        warn(f"not scored: {error}")
    finally:
        if bench is not None:
            bench.close()


def at_k(k: int) -> dict[str, Callable[[Sequence[Score]], float]]:
    """The figures of one problem's samples for a k, by name. They raise ValueError for fewer samples than k."""
    return {
        f"pass@{k}": lambda group: metrics.pass_at_k(len(group), sum(one.passed for one in group), k),
        f"eff@{k}": lambda group: metrics.eff_at_k([one.e for one in group], k),
        f"eff@{k}_capped": lambda group: metrics.eff_at_k([one.e_capped for one in group], k),
    }


def summary(scores: Sequence[Score], ks: Sequence[int]) -> dict[str, Any]:
    """The figures of a set of samples, each with its 95 % interval over problems.

    Returns:
        problems, samples, pass@k and eff@k (raw, and with each level capped at 1), efficiency_given_pass, and eff@1 of
        the problems whose reference needs at least `SHORT_S`, and of those below it.
    """
    by_problem: dict[int, list[Score]] = {}
    for one in scores:
        by_problem.setdefault(one.problem, []).append(one)
    least = min(map(len, by_problem.values()), default=0)
    figures: dict[str, Any] = {"problems": len(by_problem), "samples": len(scores)}
    for k in sorted(k for k in set(ks) if k <= least):
        for name, figure in at_k(k).items():
            figures[name] = _with_interval([figure(group) for group in by_problem.values()])
    passed = [statistics.fmean(given) for group in by_problem.values() if (given := [one.e for one in group if one.passed])]
    if passed:
        figures["efficiency_given_pass"] = _with_interval(passed)
    for name, short in (("longer", False), ("short", True)):
        part = [group for group in by_problem.values() if (group[0].reference_s < SHORT_S) == short]
        if part:
            figures[f"eff@1_{name}"] = _with_interval([metrics.eff_at_k([one.e for one in group], 1) for group in part])
            figures[f"problems_{name}"] = len(part)
    return figures


def _with_interval(values: Sequence[float]) -> list[float]:
    low, high = metrics.interval(values)
    return [round(number, 4) for number in (statistics.fmean(values), low, high)]
