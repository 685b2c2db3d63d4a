"""The audit on a busy machine: the exploits of time and the honest programs, again and again, one busy loop per core.

    python benchmarks/audit_load.py [--repeat 20] [--seconds 3000] [--sandbox docker] [--write]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections import Counter
from typing import Any

from common import write

from codeopt.sandbox.audit import entries
from codeopt.sandbox.audit.run import Auditor, counts
from codeopt.sandbox.audit.table import line, summary
from codeopt.sandbox.choose import choose

TIMING_ROWS = (1, 7, 10, 11, 12, 18, 20)
BUSY = "import os\nos.sched_setaffinity(0, {core})\nwhile True: pass"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=3000, help="stop after the round that passes this")
    parser.add_argument("--sandbox", default="auto", help="auto, docker, docker-image or bubblewrap")
    parser.add_argument("--write", action="store_true", help="write benchmarks/results/audit-load.json")
    chosen = parser.parse_args()
    corpus = [entry for entry in entries.corpus() if not entry.row or entry.row in TIMING_ROWS]
    cores = sorted(os.sched_getaffinity(0))
    busy = [subprocess.Popen([sys.executable, "-c", BUSY.format(core={core})]) for core in cores]
    started, rows, rounds = time.monotonic(), [], 0
    try:
        with Auditor(choose(chosen.sandbox, trusted=False)) as auditor:
            while rounds < chosen.repeat and time.monotonic() - started < chosen.seconds:
                rounds += 1
                for entry in corpus:
                    rows.append(auditor.once(entry))
                    if rows[-1].failed:
                        print(line(rows[-1]), flush=True)
            sandbox = auditor.sandbox.name
    finally:
        for process in busy:
            process.kill()
            process.wait()
    failed = Counter(row.entry for row in rows if row.failed)
    figures: dict[str, Any] = {
        **counts(rows),
        "sandbox": sandbox,
        "rounds": rounds,
        "busy_loops": len(cores),
        "seconds": round(time.monotonic() - started),
        "failed": {name: f"{count} of {rounds}" for name, count in sorted(failed.items())},
    }
    print(summary(rows, sandbox))
    for key, value in figures.items():
        print(f"{key:14} {value}")
    if chosen.write:
        write("audit-load", figures)


if __name__ == "__main__":
    main()
