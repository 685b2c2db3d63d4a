"""ENAMEL's canonical sample sets, scored by us and by the authors' own evaluator, side by side on this machine.

    pip install enam
    python benchmarks/enamel_canonical.py [--data DIR] [--ids N,N …] [--sandbox process] [--write]

For each set first theirs (PyPI `enam`, one process), then ours (one lane); both make their inputs anew and do not count
that. Exit code 1 where eff@1 or pass@1 differ by more than 0.02.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from common import write

from codeopt.evals.enamel import Bench
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
csv, codes, ids, out = sys.argv[1:5]
ids = json.loads(ids)
evaluator = Evaluator(csv, ids, n_tests={list(CASES)}, n_reps=6, hardness=[0., 3., 3., 4.], memory_giga=4.,
                      timeout_factor=2., tolerence_sec=0.01, seed={SEED})
evaluator.make_tests()
codes = {{int(key): value for key, value in json.load(open(codes)).items()}}
started = time.time()
metrics = evaluator.evaluate(codes, k=1, save_name=out)
json.dump({{**metrics, "seconds": time.time() - started}}, open(out + ".json", "w"))
"""


def theirs(data: Path, samples: dict[int, list[str]], ids: list[int], folder: Path) -> dict[str, float]:
    """eff@1, pass@1 and seconds by the authors' evaluator, in a process of its own."""
    codes = folder / "codes.json"
    codes.write_text(json.dumps({number: samples[number] for number in ids}), "utf-8")
    csv, out = data / "enamel.csv", folder / "theirs"
    words = [sys.executable, "-c", THEIRS, str(csv), str(codes), json.dumps(ids), str(out)]
    subprocess.run(words, check=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    found: dict[str, float] = json.loads((folder / "theirs.json").read_text())
    effs = json.loads((folder / "theirs~effs.json").read_text())
    found["by_problem"] = {int(key): value for key, value in effs.items()}  # type: ignore[assignment]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--ids", default="")
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--sandbox", default="process")
    parser.add_argument("--write", action="store_true", help="write benchmarks/results/enamel-canonical.json")
    asked = parser.parse_args()
    if subprocess.run([sys.executable, "-c", "import enam"], capture_output=True).returncode:
        sys.exit("the authors' evaluator is not installed: pip install enam")
    data = folder_of(asked.data, "enamel", "enamel.csv")
    wanted = find("enamel", data.parent).chosen([number for number in asked.ids.split(",") if number])
    figures: dict[str, Any] = {}
    differs = False
    for name in asked.sets.split(","):
        by_name = read(data / "samples" / f"{name}.json")
        samples = {problem.number: by_name[str(problem.number)] for problem in wanted}
        with tempfile.TemporaryDirectory() as folder:
            others = theirs(data, samples, [problem.number for problem in wanted], Path(folder))
        # Cores differ by a fifth at times: one and the same for all.
        lane, scores, seconds = Lane(choose(asked.sandbox, trusted=False), max(os.sched_getaffinity(0))), [], 0.0
        for problem in wanted:
            bench = Bench(problem, lane)
            started = time.monotonic()
            bench.calibrate()
            scores.append(bench.score(0, samples[problem.number][0]))
            seconds += time.monotonic() - started
            bench.close()
            one, other = scores[-1], others["by_problem"][problem.number][0]  # type: ignore[index]
            if max(abs(a - b) for a, b in zip(one.levels[1:], other[1:])) > 0.3:
                print(f"  {problem.number}: ours {[round(f, 2) for f in one.levels]}, theirs {[round(f, 2) for f in other]}, "
                      f"reference {one.reference_s * 1e3:.3f} ms, {one.status} {one.evidence[:60]!r}", flush=True)
        lane.close()
        ours = summary(scores, [1])
        figures[name] = {
            "eff1": ours["eff@1"][0],
            "pass1": ours["pass@1"][0],
            "eff1_capped": ours["eff@1_capped"][0],
            "theirs_eff1": round(others["eff@1"], 4),
            "theirs_pass1": round(others["pass@1"], 4),
            "seconds": round(seconds, 1),
            "theirs_seconds": round(others["seconds"], 1),
            "problems": len(wanted),
        }
        row = figures[name]
        differs |= max(abs(row["eff1"] - row["theirs_eff1"]), abs(row["pass1"] - row["theirs_pass1"])) > 0.02
        print(name, row, flush=True)
        if asked.write:
            write("enamel-canonical", figures)
    sys.exit(1 if differs else 0)


if __name__ == "__main__":
    main()
