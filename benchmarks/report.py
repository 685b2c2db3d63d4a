"""How long the page of a large run takes to write and to open.

    python benchmarks/report.py [--candidates 500] [--write]

A run of so many candidates, each with a plan, a model's answer, an edit of a program of 200 lines and a verdict, is written
as `codeopt optimize` writes one. `seconds` is `codeopt report RUN` as a process, from its start to its end; `open_ms` is the
time from the request to the first frame after the load event in a headless Chromium (median of five each); `requests` counts
what the browser asked for beside the file itself, `complaints` what it said on its console.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from common import ROOT, report

sys.path.insert(0, str(ROOT))
from tests import browser, story_made

ROUNDS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--candidates", type=int, default=500)
    parser.add_argument("--write", action="store_true", help="write benchmarks/results/report.json")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = story_made.write(Path(folder) / "run", chosen.candidates)
        seconds, cpu = [], []
        for _ in range(ROUNDS):
            before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
            subprocess.run([sys.executable, "-m", "codeopt", "report", str(run)], capture_output=True, check=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            seconds.append(time.perf_counter() - started)
            cpu.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        page = run / "report.html"
        figures: dict[str, Any] = {
            "candidates": chosen.candidates,
            "seconds": round(median(seconds), 2),
            "cpu_s": round(median(cpu), 2),
            "megabytes": round(page.stat().st_size / 1e6, 2),
        }
        if browser.found():
            with browser.Browser() as one:
                visits = [one.open(page) for _ in range(ROUNDS)]
            figures["open_ms"] = round(1e3 * median(visit.seconds for visit in visits))
            figures["requests"] = sum(len(visit.requests) - 1 for visit in visits)
            figures["complaints"] = sum(len(visit.complaints) for visit in visits)
        else:
            print("no Chromium is installed: how it opens is not measured")
    report("report", figures, keep=chosen.write)


if __name__ == "__main__":
    main()
