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

from pydantic import ValidationError

from codeopt.errors import UserError
from codeopt.evals import metrics
from codeopt.evals.enamel import Bench, Lane, Score
from codeopt.evals.humaneval import Problem
from codeopt.machine import fingerprint
from codeopt.sandbox.choose import choose
from codeopt.sandbox.protocol import Sandbox

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
    rows = _open(plan)
    waiting: queue.SimpleQueue[Problem] = queue.SimpleQueue()
    for problem in plan.problems:
        if any((problem.number, number) not in rows for number in range(len(plan.samples.get(problem.number, ())))):
            waiting.put(problem)
    mutex, stop, broken = threading.Lock(), threading.Event(), list[BaseException]()

    def keep(found: Score) -> None:
        with mutex, open(plan.folder / "rows.jsonl", "a", encoding="utf-8") as out:
            out.write(found.model_dump_json() + "\n")
            rows[found.problem, found.sample] = found
            tell(found)

    def work(core: int, sandbox: Sandbox) -> None:
        lane = Lane(sandbox, core)
        try:
            while not stop.is_set():
                _problem(waiting.get_nowait(), plan, lane, rows, keep, warn, stop)
        except queue.Empty:
            return
        except BaseException as error:
            broken.append(error)
            stop.set()
        finally:
            lane.close()

    threads = [threading.Thread(target=work, args=pair) for pair in zip(reversed(cores), sandboxes)]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
    except KeyboardInterrupt:
        stop.set()
        for thread in threads:
            thread.join()
        raise
    if broken:
        raise broken[0]
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


def _open(plan: Plan) -> dict[tuple[int, int], Score]:
    """The folder's rows so far. Raises UserError where it is another run's."""
    plan.folder.mkdir(parents=True, exist_ok=True)
    file, config = plan.folder / "config.json", plan.config()
    if file.is_file():
        before = json.loads(file.read_text("utf-8"))
        differs = [key for key in config if before.get(key) != config[key]]
        if differs:
            raise UserError(f"{plan.folder} holds another run ({', '.join(differs)} differ)", "give another --out")
    else:
        file.write_text(json.dumps({**config, "machine": fingerprint()}, indent=1) + "\n", "utf-8")
    rows: dict[tuple[int, int], Score] = {}
    kept = plan.folder / "rows.jsonl"
    if kept.is_file():
        whole = [line for line in kept.read_text("utf-8").splitlines(keepends=True) if line.endswith("\n")]
        kept.write_text("".join(whole), "utf-8")
        for line in whole:
            try:
                row = Score.model_validate_json(line)
            except ValidationError as error:
                raise UserError(f"{kept} holds a line that is no score", "give another --out") from error
            rows[row.problem, row.sample] = row
    return rows


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
        passes = [metrics.pass_at_k(len(group), sum(one.passed for one in group), k) for group in by_problem.values()]
        figures[f"pass@{k}"] = _with_interval(passes)
        figures[f"eff@{k}"] = _with_interval([metrics.eff_at_k([one.e for one in group], k) for group in by_problem.values()])
        capped = [metrics.eff_at_k([one.e_capped for one in group], k) for group in by_problem.values()]
        figures[f"eff@{k}_capped"] = _with_interval(capped)
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
