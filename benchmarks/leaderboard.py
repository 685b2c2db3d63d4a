"""The leaderboard: scored runs of `codeopt eval`, by suite, as benchmarks/results/leaderboard.json and docs/leaderboard.md.

    python benchmarks/leaderboard.py NAME=FOLDER … [--write]

Each FOLDER is a scored run (or one of `codeopt eval SUITE`), NAME what it is called. Runs that were added before stay;
one of the same name and suite is replaced. Only whole runs are taken: every problem of the suite that can be scored.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from common import RESULTS, write

from codeopt.evals import compare
from codeopt.evals.rows import summary
from codeopt.evals.suites import row_of

KS = (1, 5, 10, 20)
PAGE = RESULTS.parent.parent / "docs" / "leaderboard.md"
HEAD = """# Leaderboard

Made by `benchmarks/leaderboard.py` from runs of `codeopt eval`; each figure with its 95 % bootstrap interval over
problems ([what they mean](suites.md)). The machine that scored a run, its sandbox and its lanes stand beside it.
"""


def entry(folder: Path) -> dict[str, Any]:
    """A run's figures, and where they come from."""
    run = compare.read(folder)
    config = run.config
    return {
        "suite": config["suite"],
        "kind": run.row.kind,
        "machine": f"{config['machine']['cpu']}, {config['machine']['cores']} cores, {config['ran_in']}, {config['lanes']} lanes",
        **summary(run.rows, KS),
    }


def page(entries: dict[str, dict[str, Any]]) -> str:
    """The Markdown of all suites, the best run first."""
    text = HEAD
    for suite in dict.fromkeys(one["suite"] for one in entries.values()):
        runs = {name: one for name, one in entries.items() if one["suite"] == suite}
        kind = row_of(next(iter(runs.values()))["kind"])
        columns = kind.columns(KS)
        best = sorted(runs.items(), key=lambda one: -one[1][kind.headline][0])
        lines = [
            [name, str(one["problems"]), str(one["samples"]), *(compare.cell(one.get(column)) for column in columns), one["machine"]]
            for name, one in best
        ]
        text += f"\n## {suite}\n\n{compare.markdown(['run', 'problems', 'samples', *columns, 'scored on'], lines)}\n"
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="*", metavar="NAME=FOLDER")
    parser.add_argument("--write", action="store_true", help="write the result file and docs/leaderboard.md")
    asked = parser.parse_args()
    file = RESULTS / "leaderboard.json"
    entries: dict[str, dict[str, Any]] = json.loads(file.read_text("utf-8"))["figures"] if file.is_file() else {}
    for word in asked.runs:
        name, found, folder = word.partition("=")
        if not found:
            sys.exit(f"{word}: NAME=FOLDER is wanted")
        entries[name] = entry(Path(folder))
    print(page(entries))
    if asked.write:
        write("leaderboard", entries)
        PAGE.write_text(page(entries), "utf-8")


if __name__ == "__main__":
    main()
