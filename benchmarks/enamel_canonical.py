"""ENAMEL's canonical sample sets, scored by us and by the authors' own evaluator, side by side on this machine.

    pip install enam
    python benchmarks/enamel_canonical.py [--data DIR] [--ids N,N …] [--rounds 2] [--sandbox process] [--write]

Problem by problem, `--rounds` times in turn: theirs (PyPI `enam`, one process), then ours (one lane), on one and the
same core, because rented machines change their speed within seconds. Each figure is the mean over the rounds, seconds
are of one round; both make their inputs beforehand and do not count that. Exit code 1 where eff@1 or pass@1 differ by
more than 0.02.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from common import write, written

from codeopt.evals.enamel import Bench, Score
from codeopt.evals.humaneval import CASES, SEED, folder_of
from codeopt.evals.lane import Lane
from codeopt.evals.rows import summary
from codeopt.evals.samples import read
from codeopt.evals.suites import find
from codeopt.sandbox.choose import choose

SETS = ("humanevalplus-canonical", "humaneval-canonical", "enamel-references")
THEIRS = f"""
import json, sys, time
from enam.evaluate import Evaluator
csv, codes, ids = sys.argv[1:4]
ids = json.loads(ids)
out, sys.stdout = sys.stdout, sys.stderr
evaluator = Evaluator(csv, ids, n_tests={list(CASES)}, n_reps=6, hardness=[0., 3., 3., 4.], memory_giga=4.,
                      timeout_factor=2., tolerence_sec=0.01, seed={SEED})
evaluator.make_tests()
codes = {{int(key): value for key, value in json.load(open(codes)).items()}}
for line in sys.stdin:
    evaluator.subset = [int(line)]
    started = time.time()
    metrics = evaluator.evaluate(codes, k=1)
    print(json.dumps([metrics["eff@1"], metrics["pass@1"], time.time() - started]), file=out, flush=True)
"""


class Theirs:
    """The authors' evaluator, in a process of its own on one core."""

    def __init__(self, data: Path, samples: dict[int, list[str]], core: int) -> None:
        with tempfile.NamedTemporaryFile("w", suffix=".json") as codes:
            json.dump(samples, codes)
            codes.flush()
            words = [sys.executable, "-c", THEIRS, str(data / "enamel.csv"), codes.name, json.dumps(list(samples))]
            self._process = subprocess.Popen(
                words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
            os.sched_setaffinity(self._process.pid, {core})
            self.evaluate(next(iter(samples)))  # once its inputs are made, the file has been read

    def evaluate(self, number: int) -> tuple[float, float, float]:
        """eff@1, pass@1 and seconds of one problem."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(f"{number}\n")
        self._process.stdin.flush()
        efficiency, passed, seconds = json.loads(self._process.stdout.readline())
        return efficiency, passed, seconds

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()


def mean_of(values: Iterable[float]) -> float:
    """Their mean, to four places."""
    return round(statistics.fmean(values), 4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--ids", default="")
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--sandbox", default="process")
    parser.add_argument("--write", action="store_true", help="write benchmarks/results/enamel-canonical.json")
    asked = parser.parse_args()
    if subprocess.run([sys.executable, "-c", "import enam"], capture_output=True).returncode:
        sys.exit("the authors' evaluator is not installed: pip install enam")
    data = folder_of(asked.data, "enamel", "enamel.csv")
    wanted = find("enamel", data.parent).chosen([number for number in asked.ids.split(",") if number])
    figures: dict[str, Any] = {}
    differs = False
    # Cores differ by a fifth at times: one and the same for all.
    core = max(os.sched_getaffinity(0))
    for name in asked.sets.split(","):
        by_name = read(data / "samples" / f"{name}.json")
        samples = {problem.number: by_name[str(problem.number)][:1] for problem in wanted}
        lane, theirs = Lane(choose(asked.sandbox, trusted=False), core), Theirs(data, samples, core)
        scores: list[list[Score]] = [[] for _ in range(asked.rounds)]
        others, seconds = list[tuple[float, float, float]](), 0.0
        for problem in wanted:
            bench = Bench(problem, lane)
            found = []
            for one in scores:
                found.append(theirs.evaluate(problem.number))
                started = time.monotonic()
                bench.calibrate()
                one.append(bench.score(0, samples[problem.number][0]))
                seconds += time.monotonic() - started
            bench.close()
            others += found
            mean, other = statistics.fmean(one[-1].e for one in scores), statistics.fmean(row[0] for row in found)
            if abs(mean - other) > 0.25:
                reference = scores[-1][-1].reference_s
                print(f"  {problem.number}: ours {mean:.2f}, theirs {other:.2f}, reference {reference * 1e3:.3f} ms", flush=True)
        theirs.close()
        lane.close()
        ours = [summary(one, [1]) for one in scores]
        figures[name] = {
            **{key: mean_of(one[of][0] for one in ours) for key, of in (("eff1", "eff@1"), ("pass1", "pass@1"), ("eff1_capped", "eff@1_capped"))},
            **{f"theirs_{key}": mean_of(row[place] for row in others) for place, key in enumerate(("eff1", "pass1"))},
            "eff1_by_round": [round(one["eff@1"][0], 4) for one in ours],
            "seconds": round(seconds / asked.rounds, 1),
            "theirs_seconds": round(sum(row[2] for row in others) / asked.rounds, 1),
            "problems": len(wanted),
            "rounds": asked.rounds,
        }
        row = figures[name]
        differs |= max(abs(row["eff1"] - row["theirs_eff1"]), abs(row["pass1"] - row["theirs_pass1"])) > 0.02
        print(name, row, flush=True)
        if asked.write:
            figures = {**written("enamel-canonical"), **figures}
            write("enamel-canonical", figures)
    sys.exit(1 if differs else 0)


if __name__ == "__main__":
    main()
