"""The 164 canonical solutions of HumanEval, optimised by rules alone on inputs that ENAMEL's generators make.

    python benchmarks/humaneval_rules.py [--data DIR] [--work DIR] [--ids N …] [--limit N] [--lanes N] [--write]

Each problem is one `codeopt optimize` on one core, as a person would type it. Every accepted program is then checked
apart from codeopt's own verdict (humaneval_check.py): against the canonical solution's answers and by ENAMEL's
checker against ENAMEL's reference, on ENAMEL's own inputs and on fresh ones. Finished problems are kept in --work,
so that the benchmark can be stopped and started again. Exit code 1 when a wrong program was accepted.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from common import in_lanes, write
from rich.console import Console
from rich.table import Table

from codeopt.errors import UserError
from codeopt.evals.humaneval import Problem, checker_file, generator_file, generator_source, problems

CHECK = Path(__file__).with_name("humaneval_check.py")
CHECK_S = 60.0


def prepare(problem: Problem, folder: Path) -> list[str]:
    """Write the problem's files; returns the arguments of `codeopt optimize`.

    Raises:
        UserError: The problem has no generator.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        "solution.py": problem.canonical,
        "reference.py": problem.reference,
        "generator.py": generator_source(problem),
        "make.py": generator_file(problem),
        "checker.py": checker_file(problem),
    }
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")
    meta = {"number": problem.number, "entry_point": problem.entry_point, "levels": problem.levels}
    (folder / "problem.json").write_text(json.dumps(meta), "utf-8")
    return [str(folder / "solution.py"), "--function", problem.entry_point, "--inputs", f"{folder / 'make.py'}:make"]


def optimize(problem: Problem, core: int, folder: Path, seconds: float) -> dict[str, Any]:
    """One run and its independent check; the row that is kept."""
    started = time.monotonic()
    row: dict[str, Any] = {"task": problem.task_id, "verified": False}
    try:
        arguments = prepare(problem, folder)
    except UserError as error:
        return {**row, "refused": str(error), "seconds": 0.0}
    run = folder / f"run-{time.time_ns()}"
    command = [sys.executable, "-m", "codeopt", "optimize", *arguments]
    command += ["--json", "--time", f"{seconds:g}", "--sandbox", "process", "--run", str(run)]
    done = subprocess.run(
        command, capture_output=True, text=True, preexec_fn=lambda: os.sched_setaffinity(0, {core})
    )
    row["seconds"] = round(time.monotonic() - started, 2)
    try:
        summary = json.loads(done.stdout)
    except ValueError:
        last = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        return {**row, "refused": last[0].removeprefix("codeopt: ")}
    row.update(reason=summary["reason"], candidates=summary["candidates"], verified=summary["verified"])
    if summary["verified"]:
        row["speedup"] = summary["measurement"]["speedup"]
        row["at_least"] = summary["measurement"]["at_least"]
        row["rules"] = [step["rule"] for step in summary["steps"]]
        row["check"] = check(folder, Path(summary["files"]["new"]), core)
    return row


def check(folder: Path, winner: Path, core: int) -> dict[str, Any]:
    """What the independent check says of an accepted program. A check that gives no answer is a failure."""
    try:
        done = subprocess.run(
            [sys.executable, "-I", str(CHECK), str(folder), str(winner), str(CHECK_S)],
            capture_output=True,
            text=True,
            timeout=3 * CHECK_S,
            cwd=folder,
            preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        )
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return found
    except subprocess.TimeoutExpired:
        return {"cases": 0, "wrong": ["the check did not end"]}
    except (ValueError, IndexError):
        return {"cases": 0, "wrong": [f"the check broke: {done.stderr.strip()[-300:]}"]}


def run_all(chosen: list[Problem], work: Path, lanes: int, seconds: float) -> dict[str, dict[str, Any]]:
    """All problems that have no row yet, one at a time per core."""
    kept = work / "rows.jsonl"
    rows: dict[str, dict[str, Any]] = {}
    if kept.is_file():
        for line in kept.read_text("utf-8").splitlines():
            if line.endswith("}"):
                row = json.loads(line)
                rows[row["task"]] = row
    mutex = threading.Lock()

    def one(problem: Problem, core: int) -> None:
        row = optimize(problem, core, work / f"{problem.number:03}", seconds)
        with mutex, open(kept, "a", encoding="utf-8") as out:
            out.write(json.dumps(row) + "\n")
            rows[problem.task_id] = row
            print(f"{row['task']:15} {told(row)} ({row['seconds']:.0f} s)", flush=True)

    in_lanes([problem for problem in chosen if problem.task_id not in rows], one, lanes)
    return {problem.task_id: rows[problem.task_id] for problem in chosen}


def told(row: dict[str, Any]) -> str:
    """A row in words."""
    if "refused" in row:
        return f"not run: {row['refused']}"
    if not row["verified"]:
        return f"no verified speedup: {row['reason']}"
    checked = row["check"]
    verdict = f"WRONG: {checked['wrong'][0]}" if checked["wrong"] else f"right on {checked['cases']} more inputs"
    return f"{'≥ ' if row['at_least'] else ''}{row['speedup']:.2f}x by {', '.join(row['rules'])}; {verdict}"


def kind_of(refusal: str) -> str:
    """A refusal without what is special to one problem: its first words, before details in brackets."""
    return re.sub(r"\d+", "N", re.sub(r"\S*/\S+", "FILE", refusal.partition(" (")[0].partition(": ")[0]))


def figures_of(rows: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The figures of the result file."""
    verified = {name: row for name, row in rows.items() if row["verified"]}
    speedups = [row["speedup"] for row in verified.values()]
    refused = Counter(kind_of(row["refused"]) for row in rows.values() if "refused" in row)
    return {
        "problems": len(rows),
        "verified": len(verified),
        "median_speedup": round(statistics.median(speedups), 3) if speedups else 0.0,
        "max_speedup": round(max(speedups, default=0.0), 3),
        "wrong_accepted": sum(bool(row["check"]["wrong"]) for row in verified.values()),
        "checked_inputs": sum(row["check"]["cases"] for row in verified.values()),
        "at_least_1_5": sum(value >= 1.5 for value in speedups),
        "none": sum(not row["verified"] and "refused" not in row for row in rows.values()),
        "not_run": sum(refused.values()),
        "not_run_reasons": dict(refused),
        "seconds_median": round(statistics.median(row["seconds"] for row in rows.values()), 1),
        "seconds_max": max(row["seconds"] for row in rows.values()),
        "rules": dict(Counter(rule for row in verified.values() for rule in row["rules"]).most_common()),
        "speedups": {name: round(row["speedup"], 3) for name, row in verified.items()},
    }


def show(figures: dict[str, Any]) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("figure")
    table.add_column("value")
    for name, value in figures.items():
        if name != "speedups":
            table.add_row(name, ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else str(value))
    Console(highlight=False).print(table)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="the folder that holds enamel/ (default: CODEOPT_DATA)")
    parser.add_argument("--work", type=Path, help="where runs and finished rows are kept")
    parser.add_argument("--ids", type=int, nargs="*", help="numbers of problems (default: all)")
    parser.add_argument("--limit", type=int, help="only the first N of them")
    parser.add_argument("--lanes", type=int, default=0, help="runs at a time (default: one per core)")
    parser.add_argument("--seconds", type=float, default=40.0, help="time budget of each run")
    parser.add_argument("--write", action="store_true", help="write benchmarks/results/humaneval-rules.json")
    chosen = parser.parse_args()
    work = chosen.work or Path(tempfile.mkdtemp(prefix="codeopt-humaneval-"))
    work.mkdir(parents=True, exist_ok=True)
    wanted = [item for item in problems(chosen.data) if not chosen.ids or item.number in chosen.ids][: chosen.limit]
    started = time.monotonic()
    rows = run_all(wanted, work.absolute(), chosen.lanes, chosen.seconds)
    figures = figures_of(rows)
    show(figures)
    print(f"took {time.monotonic() - started:.0f} s; runs and rows are in {work}")
    for name, row in rows.items():
        if row["verified"] and row["check"]["wrong"]:
            print(f"WRONG {name}: {row['check']['wrong'][0]}")
    if chosen.write:
        write("humaneval-rules", figures)
    return 1 if figures["wrong_accepted"] else 0


if __name__ == "__main__":
    sys.exit(main())
