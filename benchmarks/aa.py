"""How often luck passes for speed, and how often a true gain is seen: the search's own judgement, live.

    python benchmarks/aa.py [--identical 300] [--injected 100] [--seconds 3000] [--lanes N]

Identical pairs: the same program twice, under the sequential test that accepts candidates (probe included), for
Python functions and for C++ programs. Injected: a candidate that does 1/1.08 of the work. Each pair has sessions of
its own. One lane per core, all of them busy: the noise of a full machine. Writes results as it goes and stops at
--seconds with what it has.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from common import RESULTS, in_lanes, report

from codeopt.sandbox.process import ProcessSandbox
from codeopt.sandbox.protocol import Limits, Mount
from codeopt.sandbox.runner import codec
from codeopt.sandbox.session import Runtime
from codeopt.sandbox.subject import FunctionSpec, FunctionSubject, NativeProgram, Subject, Toolchain
from codeopt.sandbox.verdict import Judge
from codeopt.sandbox.workload import Case, Workload

PYTHON = "def f(n):\n    total = 0\n    for i in range(n):\n        total += i * i % 7\n    return n >= 0\n"
# Work in units of 1/108: the slow one does 108 of them, the fast one 100.
PYTHON_UNITS = "def f(n):\n    total = 0\n    for i in range(n * {units} // 108):\n        total += i * i % 7\n    return n >= 0\n"
CPP = """#include <cstdio>
int main() {{
    unsigned long long x = 1;
    for (long i = 0; i < {steps}L; i++) x = x * 6364136223846793005ULL + 1442695040888963407ULL;
    std::printf("%d\\n", x != 0);
}}
"""
STEPS = 108 * 300_000


class Maker:
    """Subjects of both languages, pinned to a core."""

    def __init__(self, folder: Path, core: int) -> None:
        self.runtime = Runtime(sys.executable, (Mount(folder, str(folder)),), Limits(cpus=(core,)))
        self.spec = FunctionSpec("m", "f", str(folder / "m.py"), (str(folder),))
        self.tools = Toolchain("g++", ("-O2",))

    def python(self, units: int) -> Subject:
        source = PYTHON_UNITS.format(units=units)
        return FunctionSubject(ProcessSandbox(), self.runtime, source, self.spec)

    def cpp(self, units: int) -> Subject:
        source = CPP.format(steps=STEPS * units // 108)
        return NativeProgram(ProcessSandbox(), self.runtime, source, self.tools)


def judge(make: Any, units: int, workload: Workload, seed: int) -> dict[str, Any]:
    """The verdict on one candidate against a fresh baseline, in short."""
    baseline, candidate = make(108), make(units)
    try:
        verdict = Judge(baseline, seed=seed).judge(candidate, workload)
        found = verdict.search
        return {
            "accepted": verdict.accepted,
            "status": str(verdict.status),
            "pairs": found.pairs if found else 0,
            "speedup": round(found.speedup, 4) if found else 0.0,
            "interval": [round(found.low, 4), round(found.high, 4)] if found else [],
        }
    finally:
        baseline.close()
        candidate.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--identical", type=int, default=300, help="identical pairs for each language")
    parser.add_argument("--injected", type=int, default=100, help="injected 1.08x gains for each language")
    parser.add_argument("--seconds", type=float, default=3000)
    parser.add_argument("--lanes", type=int, default=0, help="pairs at a time (default: one per core)")
    chosen = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    (folder / "m.py").write_text(PYTHON)
    call = codec.encode({"args": [150_000], "kwargs": {}})
    python_work = Workload((Case("v", "case", (call,)),), (Case("t", "case", (call,)),))
    cpp_case = Case("t", "case")
    workloads = {"python": python_work}
    if shutil.which("g++"):
        workloads["cpp"] = Workload((cpp_case,), (cpp_case,))
    started = time.monotonic()
    rows: list[dict[str, Any]] = []
    progress = RESULTS / "aa.partial.jsonl"
    mutex = threading.Lock()
    plan = [
        (number, language, kind, units)
        for number in range(max(chosen.identical, chosen.injected))
        for language in workloads
        for kind, units, wanted in (("identical", 108, chosen.identical), ("injected", 100, chosen.injected))
        if number < wanted
    ]

    def one(item: tuple[int, str, str, int], core: int) -> None:
        number, language, kind, units = item
        if time.monotonic() - started > chosen.seconds:
            return
        make = getattr(Maker(folder, core), language)
        row = {"language": language, "kind": kind, **judge(make, units, workloads[language], number)}
        with mutex, progress.open("a") as file:
            rows.append(row)
            file.write(json.dumps(rows[-1]) + "\n")

    in_lanes(plan, one, chosen.lanes)
    figures: dict[str, Any] = {}
    for kind, total, hits in (("identical", "identical_pairs", "accepted"), ("injected", "injected", "injected_accepted")):
        chosen_rows = [row for row in rows if row["kind"] == kind]
        figures[total] = len(chosen_rows)
        figures[hits] = sum(row["accepted"] for row in chosen_rows)
        for language in workloads:
            own = [row for row in chosen_rows if row["language"] == language]
            figures[f"{kind}_{language}"] = f"{sum(row['accepted'] for row in own)} of {len(own)} accepted"
        figures[f"pairs_mean_{kind}"] = round(sum(row["pairs"] for row in chosen_rows) / max(1, len(chosen_rows)), 1)
    figures["pairs_mean"] = round(sum(row["pairs"] for row in rows) / max(1, len(rows)), 1)
    figures["lanes"] = chosen.lanes or len(os.sched_getaffinity(0))
    figures["seconds"] = round(time.monotonic() - started)
    for row in rows:
        if row["accepted"] == (row["kind"] == "identical"):
            print(f"missed: {row}")
    report("aa", figures)
    progress.unlink(missing_ok=True)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
