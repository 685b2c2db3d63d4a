"""A set of samples scored twice by `codeopt eval score`, the second time interrupted at five random moments.

    python benchmarks/enamel_repeat.py [SAMPLES] [--data DIR] [--work DIR] [--lanes N] [--limit N] [--seconds N] [--write]

SAMPLES is a file of samples (default: the published 1.5B model's 2,840 below the data folder). What is scored stays in
--work, so the benchmark itself can be stopped (--seconds: stops by itself) and started again. Exit code 1 where eff@1
differs by 0.01 or more, or where an interruption lost or changed a row.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from common import report

from codeopt.evals import compare
from codeopt.evals.humaneval import folder_of
from codeopt.evals.rows import summary

INTERRUPTIONS = 5
SAMPLES = "qwen-coder-1.5b-t0.8-n20.json"


def lines(folder: Path) -> list[str]:
    """The rows that are kept so far, as they stand in the file."""
    file = folder / "rows.jsonl"
    return file.read_text("utf-8").splitlines() if file.is_file() else []


def score(command: list[str], folder: Path, stop_at: int, deadline: float) -> bool:
    """Run the command until it ends, or until the folder holds `stop_at` rows: then it gets SIGINT or SIGKILL.

    Returns whether it ended by itself. Raises TimeoutError when the time is up (it is stopped, and keeps its rows).
    """
    process = subprocess.Popen([*command, "--out", str(folder)], stdout=subprocess.DEVNULL)
    try:
        while process.poll() is None:
            time.sleep(0.2)
            if time.monotonic() > deadline:
                raise TimeoutError
            if len(lines(folder)) >= stop_at:
                process.send_signal(random.choice((signal.SIGINT, signal.SIGKILL)))
                if process.wait(120) not in (130, -signal.SIGKILL):
                    sys.exit(f"codeopt eval score ended with {process.returncode} when it was interrupted")
                return False
        if process.returncode:
            sys.exit(f"codeopt eval score ended with {process.returncode}")
        return True
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(120)


def interrupted(command: list[str], folder: Path, total: int, deadline: float) -> tuple[int, int]:
    """(interruptions, rows that one of them lost or changed) of a run that is stopped and goes on again and again."""
    state = folder / "interruptions.json"
    if not state.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        moments = sorted(random.sample(range(1, total), min(INTERRUPTIONS, total - 1)))
        state.write_text(json.dumps({"moments": moments, "done": 0, "changed": 0}), "utf-8")
    while True:
        known: dict[str, Any] = json.loads(state.read_text("utf-8"))
        left = known["moments"][known["done"] :]
        before = lines(folder)
        ended = score(command, folder, max(left[0], len(before) + 1) if left else sys.maxsize, deadline)
        after = lines(folder)
        # A row that was being written when the run was killed is no row yet.
        whole = before[:-1] if before and not before[-1].endswith("}") else before
        known["changed"] += sum(old != new for old, new in zip(whole, after)) + max(0, len(whole) - len(after))
        known["done"] += not ended
        state.write_text(json.dumps(known), "utf-8")
        if ended:
            return known["done"], known["changed"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("samples", type=Path, nargs="?")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--work", type=Path, help="where both runs are kept")
    parser.add_argument("--lanes", type=int, default=1)
    parser.add_argument("--limit", type=int, default=0)
    parser.add_argument("--sandbox", default="auto")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop then; the same command goes on")
    parser.add_argument("--write", action="store_true", help="write benchmarks/results/enamel-repeat.json")
    asked = parser.parse_args()
    # A shell starts jobs in the background with SIGINT ignored, and so would be what is interrupted here.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    samples = asked.samples or folder_of(asked.data, "enamel", "enamel.csv") / "samples" / SAMPLES
    work = asked.work or Path(tempfile.mkdtemp(prefix="codeopt-repeat-"))
    command = [sys.executable, "-m", "codeopt", "eval", "score", "enamel", "--samples-from", str(samples)]
    command += ["--lanes", str(asked.lanes), "--limit", str(asked.limit), "--sandbox", asked.sandbox]
    command += ["--data", str(asked.data)] if asked.data else []
    deadline = time.monotonic() + asked.seconds
    try:
        score(command, work / "first", sys.maxsize, deadline)
        total = len(lines(work / "first"))
        stops, changed = interrupted(command, work / "second", total, deadline)
    except TimeoutError:
        counts = ", ".join(f"{name} {len(lines(work / name))}" for name in ("first", "second"))
        sys.exit(f"stopped after {asked.seconds:g} s ({counts} rows): the same command with --work {work} goes on")
    first, second = compare.read(work / "first"), compare.read(work / "second")
    figures: dict[str, Any] = {}
    for name, run in (("first", first), ("second", second)):
        found = summary(run.rows, [1, 10])
        figures |= {f"{name}_eff1": found["eff@1"][0], f"{name}_pass1": found["pass@1"][0]}
        figures |= {f"{name}_eff10": found["eff@10"][0]} if "eff@10" in found else {}
    keys = [{(row.task_id, row.sample) for row in run.rows} for run in (first, second)]
    figures |= {
        "samples": len(keys[0]),
        "problems": len(first.scores),
        "lanes": asked.lanes,
        "sandbox": json.loads((work / "first" / "config.json").read_text("utf-8"))["ran_in"],
        "interruptions": stops,
        "rows_lost_or_changed": changed + len(keys[0] ^ keys[1]) + abs(len(lines(work / "second")) - len(keys[1])),
        "of": os.path.basename(samples),
    }
    report("enamel-repeat", figures, keep=asked.write)
    sys.exit(1 if abs(figures["first_eff1"] - figures["second_eff1"]) >= 0.01 or figures["rows_lost_or_changed"] else 0)


if __name__ == "__main__":
    main()
