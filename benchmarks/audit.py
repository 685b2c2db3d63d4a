"""The audit of our own verdict: how many exploits it catches, how many honest programs it refuses.

    python benchmarks/audit.py [--sandbox docker] [--only GLOB] [--write]    (writes the table of docs/audit.md, too)
    python benchmarks/audit.py --gpu [--write]    the entries that need a GPU, in the process sandbox: audit-gpu.json
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from pathlib import Path
from typing import Any

from common import report

from codeopt.sandbox.audit import entries
from codeopt.sandbox.audit.run import Auditor, Row, counts
from codeopt.sandbox.audit.table import line, markdown, summary
from codeopt.sandbox.choose import choose

PAGE = Path(__file__).resolve().parent.parent / "docs" / "audit.md"
BEGIN, END = "<!-- table:begin -->", "<!-- table:end -->"


def by_row(rows: list[Row]) -> dict[str, str]:
    """For each kind of cheat: caught of tried."""
    tried, caught = Counter[int](), Counter[int]()
    for row in rows:
        if row.kind == "exploit" and row.outcome != "skipped":
            tried[row.row] += 1
            caught[row.row] += row.outcome == "passed"
    return {f"{number:02}": f"{caught[number]} of {count}" for number, count in sorted(tried.items())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sandbox", default="auto", help="auto, docker, docker-image or bubblewrap")
    parser.add_argument("--only", default="", help="names of entries, as comma-separated globs")
    parser.add_argument("--write", action="store_true", help="write benchmarks/results/audit.json")
    parser.add_argument("--gpu", action="store_true", help="only the entries for GPUs, as a plain process")
    chosen = parser.parse_args()
    corpus = entries.choose(entries.corpus(), "*gpu_*,*kernel_*" if chosen.gpu else chosen.only)
    sandbox = choose("process", trusted=True) if chosen.gpu else choose(chosen.sandbox, trusted=False)
    started = time.monotonic()
    rows = []
    with Auditor(sandbox) as auditor:
        for entry in corpus:
            rows.append(auditor.audit(entry))
            if rows[-1].failed:
                print(line(rows[-1]), flush=True)
    figures: dict[str, Any] = {
        **counts(rows),
        "sandbox": sandbox.name,
        "seconds": round(time.monotonic() - started),
        "missed": [row.entry for row in rows if row.outcome == "missed"],
        "refused": [row.entry for row in rows if row.outcome == "false_alarm"],
        "skipped_why": sorted({row.evidence for row in rows if row.outcome == "skipped"}),
        "rows": by_row(rows),
    }
    print(summary(rows, sandbox.name))
    report("audit-gpu" if chosen.gpu else "audit", figures, keep=chosen.write)
    if chosen.write and not chosen.gpu:
        before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n{markdown(rows)}{END}{rest.partition(END)[2]}", "utf-8")


if __name__ == "__main__":
    main()
