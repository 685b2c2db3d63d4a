"""The kernel suite without a model: right, and how fast beside eager, torch.compile and the roofline. Needs a GPU.

    python benchmarks/kernels.py [--only NAME,NAME …] [--proposer rules] [--time 90] [--seconds N] [--work DIR] [--write]

Each task is one `codeopt optimize` in a process of its own; its run is kept below --work, and what is there already is not
run again. What own kernels reach, what libraries and what torch.compile is counted apart, by the label of the winner: no
figure is over winners of two kinds. Without a winner a task counts as right where a candidate was right and not faster.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from common import report

from codeopt.agent.kernels.label import AUTHORED, LABELS
from codeopt.evals.suites import find
from codeopt.machine import fingerprint
from codeopt.sandbox.kernels.device import has_gpu
from codeopt.trace import VerdictReached, read_trace


def one(task: Any, run: Path, proposer: str, seconds: float) -> dict[str, Any] | None:
    """What a task's run came to; None where it has not ended."""
    words = ["optimize", str(task.file), "--proposer", proposer, "--time", f"{seconds:g}", "--json"]
    words += ["--resume", str(run)] if (run / "trace.jsonl").is_file() else ["--run", str(run)]
    if "--resume" in words:
        words.remove(str(task.file))
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-m", "codeopt", *words], capture_output=True, text=True, timeout=3 * seconds + 120)
    if done.returncode not in (0, 1):
        print(f"  {task.task_id}: {done.stderr.strip().splitlines()[-1:]}", flush=True)
        return None
    found = json.loads(done.stdout)
    row: dict[str, Any] = {"winner": bool(found["verified"]), "seconds": round(time.monotonic() - started)}
    tried = [event.verdict for event in read_trace(run) if isinstance(event, VerdictReached)]
    row["candidates"] = len(tried)
    # Right on every visible shape, whether it was faster or not.
    row["correct"] = row["winner"] or any(verdict.status in ("ok", "not_faster", "undecided") and verdict.search for verdict in tried)
    if not row["winner"]:
        best = max((verdict.search.speedup for verdict in tried if verdict.search), default=0.0)
        return {**row, "label": "", "rule": "", "search_best": round(best, 3)}
    kernel = found["kernel"]
    shapes = kernel["shapes"]
    return {
        **row,
        "rule": found["steps"][-1]["rule"],
        "label": kernel["label"],
        "rival": kernel["rival"],
        "speedup_eager": round(kernel["eager"]["speedup"], 3),
        "low_eager": round(kernel["eager"]["low"], 3),
        "speedup_best": round(kernel["best"]["speedup"], 3),
        "low_best": round(kernel["best"]["low"], 3),
        "ms": [round(1e3 * shape["device_s"], 4) for shape in shapes],
        "eager_ms": [round(1e3 * shape["eager_s"], 4) for shape in shapes],
        "compile_ms": [{mode: round(1e3 * spent, 4) for mode, spent in shape["rivals_s"].items()} for shape in shapes],
        "roofline": [round(shape["share"], 3) for shape in shapes],
        "error_ratio": round(max(shape["error_ratio"] for shape in shapes), 4),
    }


def beaten(row: dict[str, Any], rival: str) -> bool:
    """Whether it is faster than one rival, over the shapes, as measured (the definition of fast_1 is strict)."""
    modes = [{"": spent} if rival == "eager_ms" else spent for spent in row[rival]]
    gains = [min(mode.values()) / ours for mode, ours in zip(modes, row["ms"]) if mode]
    return bool(gains) and statistics.geometric_mean(gains) > 1


def figures(won: list[dict[str, Any]], count: int) -> dict[str, Any]:
    """Of winners of one kind: how many, their shares of all tasks, and geometric means; verified: the interval lies above 1."""

    def share(counts: list[bool]) -> float:
        return round(sum(counts) / max(1, count), 3)

    def mean(key: str) -> float:
        return round(statistics.geometric_mean(row[key] for row in won), 3) if won else math.nan

    return {
        "count": len(won),
        "fast_1_eager": share([beaten(row, "eager_ms") for row in won]),
        "fast_1_compile": share([beaten(row, "compile_ms") for row in won]),
        "fast_1_best": share([beaten(row, "eager_ms") and beaten(row, "compile_ms") for row in won]),
        "verified_fast_1_eager": share([row["low_eager"] > 1 for row in won]),
        "verified_fast_1_best": share([row["low_best"] > 1 for row in won]),
        "geomean_eager": mean("speedup_eager"),
        "geomean_best": mean("speedup_best"),
    }


def summed(rows: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """What is right, over all tasks that were run, and what is fast, by who does the work: own kernels first."""
    won = [row for row in rows.values() if row["winner"]]
    by_label = {label: figures([row for row in won if row["label"] == label], len(rows)) for label in LABELS}
    return {
        "tasks": len(rows),
        "fast_0": round(sum(row["correct"] for row in rows.values()) / max(1, len(rows)), 3),
        **by_label.pop(AUTHORED),
        "others": by_label,
        **rows,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="")
    parser.add_argument("--proposer", default="rules", help="rules, compile, or both: rules,compile")
    parser.add_argument("--time", type=float, default=90)
    parser.add_argument("--seconds", type=float, default=math.inf, help="begin no further task after that time")
    parser.add_argument("--work", type=Path, default=Path(".codeopt/kernels"))
    parser.add_argument("--write", action="store_true", help="write benchmarks/results/kernels-DEVICE.json")
    asked = parser.parse_args()
    if not has_gpu():
        sys.exit("there is no GPU here")
    tasks = find("kernels", None).chosen([name for name in asked.only.split(",") if name])
    started, rows = time.monotonic(), {}
    for task in tasks:
        place = asked.work / task.task_id
        kept = place / "row.json"
        if not kept.is_file():
            if time.monotonic() - started > asked.seconds:
                continue
            place.mkdir(parents=True, exist_ok=True)
            row = one(task, place / "run", asked.proposer, asked.time)
            if row is None:
                continue
            kept.write_text(json.dumps(row, indent=1), "utf-8")
        rows[task.task_id] = json.loads(kept.read_text("utf-8"))
        told = {key: rows[task.task_id].get(key) for key in ("correct", "rule", "label", "speedup_eager", "speedup_best", "roofline")}
        print(task.task_id, told, flush=True)
    device = re.search(r"[A-Z]+\d+", fingerprint()["gpu"][0])
    report(f"kernels-{device[0].lower() if device else 'gpu'}", summed(rows), keep=asked.write)


if __name__ == "__main__":
    main()
