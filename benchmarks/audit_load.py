"""The audit on a busy machine: the exploits of time and the honest programs, again and again, one busy loop per core.

    python benchmarks/audit_load.py [--repeat 20] [--seconds 3000] [--sandbox docker] [--write] [--add]

One lane for each core, with an engine of its own that shares that core with a busy loop. Every verdict counts; none is
asked for again.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import queue
import subprocess
import sys
import time
from collections import Counter
from typing import Any

from common import RESULTS, report, write

from codeopt.sandbox.audit import entries
from codeopt.sandbox.audit.run import Auditor, Row, counts
from codeopt.sandbox.audit.table import line, summary
from codeopt.sandbox.audit.tasks import TASKS
from codeopt.sandbox.choose import choose

TIMING_ROWS = (1, 7, 10, 11, 12, 18, 20)
EVERY_S = 30.0  # the figures so far are written, should the machine be taken away
BUSY = "while True: pass"


def lane(core: int, sandbox: str, waiting: Any, rows: Any, deadline: float) -> None:
    """Judge entries by their names until there are no more or the time is up; then None."""
    os.sched_setaffinity(0, {core})
    corpus = {entry.name: entry for entry in entries.corpus()}
    busy = subprocess.Popen([sys.executable, "-c", BUSY])
    try:
        with Auditor(choose(sandbox, trusted=False)) as auditor:
            while time.time() < deadline:
                try:
                    rows.put(auditor.once(corpus[waiting.get(timeout=3)]))
                except queue.Empty:
                    break
    finally:
        busy.kill()
        busy.wait()
        rows.put(None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=3000, help="judge nothing more after that time")
    parser.add_argument("--sandbox", default="auto", help="auto, docker, docker-image, bubblewrap or process")
    parser.add_argument("--write", action="store_true", help="write benchmarks/results/audit-load.json")
    parser.add_argument("--add", action="store_true", help="go on from that file's figures")
    chosen = parser.parse_args()
    kind = choose(chosen.sandbox, trusted=False)
    sandbox = kind.name
    kind.close()
    # Those of the GPU have a benchmark of their own: a card is not shared by lanes.
    usual = [entry for entry in entries.corpus() if "gpu" not in entry.needs | TASKS[entry.task].needs]
    corpus = [entry for entry in usual if not entry.row or entry.row in TIMING_ROWS]
    cores = sorted(os.sched_getaffinity(0))
    spawn = multiprocessing.get_context("spawn")
    waiting, answers = spawn.Queue(), spawn.Queue()
    before = json.loads((RESULTS / "audit-load.json").read_text("utf-8"))["figures"] if chosen.add else {}
    if chosen.add and (before["sandbox"], before["busy_loops"]) != (sandbox, len(cores)):
        parser.error("--add: audit-load.json is of another sandbox or machine")
    for number in range(chosen.repeat):
        for entry in corpus:
            if number >= before.get("judged", {}).get(entry.name, 0):
                waiting.put(entry.name)
    started = time.monotonic()
    deadline = time.time() + chosen.seconds
    lanes = [spawn.Process(target=lane, args=(core, sandbox, waiting, answers, deadline)) for core in cores]
    for each in lanes:
        each.start()
    rows: list[Row] = []


    def figures() -> dict[str, Any]:
        judged = Counter(row.entry for row in rows)
        failed = Counter(row.entry for row in rows if row.failed)
        judged.update(before.get("judged", {}))
        failed.update(before.get("failed", {}))
        added = {
            **counts(rows),
            "verdicts": len(rows),
            "seconds": round(time.monotonic() - started),
        }
        return {
            **{key: value + before.get(key, 0) for key, value in added.items()},
            "sandbox": sandbox,
            "rounds": min(judged[entry.name] for entry in corpus),
            "busy_loops": len(cores),
            "failed": dict(sorted(failed.items())),
            "judged": {entry.name: judged[entry.name] for entry in corpus},
        }

    left, written = len(lanes), time.monotonic()
    while left:
        row = answers.get()
        if row is None:
            left -= 1
            continue
        rows.append(row)
        if row.failed:
            print(line(row), flush=True)
        if chosen.write and time.monotonic() - written > EVERY_S:
            written = time.monotonic()
            write("audit-load", figures())
    waiting.cancel_join_thread()
    for each in lanes:
        each.join()
    print(summary(rows, sandbox))
    report("audit-load", figures(), keep=chosen.write, quiet=("judged",))


if __name__ == "__main__":
    main()
