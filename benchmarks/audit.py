"""The audit of our own verdict: how many exploits it catches, how many honest programs it refuses.

    python benchmarks/audit.py [--sandbox docker] [--only GLOB] [--write]    (writes the table of docs/audit.md, too)
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from pathlib import Path
from typing import Any

from common import write

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
    chosen = parser.parse_args()
    corpus = entries.choose(entries.corpus(), chosen.only)
    started = time.monotonic()
    rows = []
    with Auditor(choose(chosen.sandbox, trusted=False)) as auditor:
        for entry in corpus:
            rows.append(auditor.audit(entry))
            if rows[-1].failed:
                print(line(rows[-1]), flush=True)
        sandbox = auditor.sandbox.name
    figures: dict[str, Any] = {
        **counts(rows),
        "sandbox": sandbox,
        "seconds": round(time.monotonic() - started),
        "missed": [row.entry for row in rows if row.outcome == "missed"],
        "refused": [row.entry for row in rows if row.outcome == "false_alarm"],
        "skipped_why": sorted({row.evidence for row in rows if row.outcome == "skipped"}),
        "rows": by_row(rows),
    }
    print(summary(rows, sandbox))
    for key, value in figures.items():
        print(f"{key:14} {value}")
    if chosen.write:
        write("audit", figures)
        before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n{markdown(rows)}{END}{rest.partition(END)[2]}", "utf-8")


if __name__ == "__main__":
    main()
