"""How many problems a minute `codeopt eval score` gets through with more lanes, and what that does to the clock.

    python benchmarks/lanes.py [--data DIR] [--lanes 1,2,4,8,16] [--limit N] [--sandbox process] [--write]

Scores ENAMEL's own references as samples, every problem on each number of lanes, one pinned core a lane. Both sides of
each score are timed in the same lane, so what a busy machine adds shows as `slower` (the references' time against one
lane's, geometric mean) and, if it does harm, in eff@1.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from common import report

from codeopt.evals.enamel import Score
from codeopt.evals.humaneval import folder_of
from codeopt.evals.rows import by_task, summary
from codeopt.evals.score import Plan, score
from codeopt.evals.suites import find


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--lanes", default="1,2,4,8,16")
    parser.add_argument("--limit", type=int, default=0, help="only the first N problems")
    parser.add_argument("--sandbox", default="process")
    parser.add_argument("--write", action="store_true", help="write benchmarks/results/lanes.json")
    asked = parser.parse_args()
    data = folder_of(asked.data, "enamel", "enamel.csv").parent
    suite = find("enamel", data)
    chosen = suite.chosen([])[: asked.limit or None]
    programs = {problem.task_id: [problem.reference] for problem in chosen}
    cores = len(os.sched_getaffinity(0))
    figures: dict[str, Any] = {"problems": len(chosen), "sandbox": asked.sandbox, "cores": cores}
    alone: dict[str, float] = {}
    for lanes in (number for number in map(int, asked.lanes.split(",")) if number <= cores):
        with tempfile.TemporaryDirectory() as folder:
            plan = Plan(suite, chosen, programs, asked.sandbox, lanes, Path(folder) / "out", Path("references"))
            started = time.monotonic()
            found = score(plan, lambda row: None, print)
            seconds = time.monotonic() - started
        times = {name: group[0].reference_s for name, group in by_task([row for row in found if isinstance(row, Score)]).items()}
        alone = alone or times
        shared = [name for name in times if name in alone]
        figures[f"lanes_{lanes}"] = {
            "problems_per_minute": round(60 * len(found) / seconds, 1),
            "slower": round(math.exp(statistics.fmean(math.log(times[name] / alone[name]) for name in shared)), 3),
            "eff1": summary(found, [1])["eff@1"][0],
            "pass1": summary(found, [1])["pass@1"][0],
        }
        print(f"{lanes} lanes", figures[f"lanes_{lanes}"], flush=True)
    report("lanes", figures, keep=asked.write)


if __name__ == "__main__":
    main()
