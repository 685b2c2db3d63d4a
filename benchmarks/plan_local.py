"""Plan search with small models on this machine: the examples and ten problems of HumanEval, and what each strategy costs.

    python benchmarks/plan_local.py --model gguf:FILE … [--strategies plan,refine,sample] [--tasks N] [--time 300] [--work DIR] [--write]

Each run is one `codeopt optimize --proposer llm` with a llama.cpp server of its own, one at a time: the model needs the
cores that it leaves free. No rules take part. Finished runs are kept in --work, so the benchmark can be stopped and started
again (also with another --model or strategy). benchmarks/results/plan-local.json has the strategy `plan` by model,
plan-cost.json every strategy that was run; a task without a verified speedup counts as 1x.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import demo
import humaneval_rules
from common import write

from codeopt.evals.humaneval import problems

HUMANEVAL = 10
EVERY = 16  # of HumanEval's 164 problems, so that the ten are spread over it
COUNTS = ("calls", "tokens_in", "tokens_out", "plans", "candidates", "accepted")


def tasks(work: Path, limit: int) -> dict[str, list[str]]:
    """Name -> the arguments of `codeopt optimize`."""
    folders = [path for path in sorted(demo.EXAMPLES.iterdir()) if (path / "codeopt.toml").is_file()]
    found = {path.name: [str(demo.source_of(path))] for path in folders}
    if os.environ.get("CODEOPT_DATA"):
        for problem in list(problems())[::EVERY][:HUMANEVAL]:
            found[problem.task_id] = humaneval_rules.prepare(problem, work / "problems" / str(problem.number))
    else:
        print("CODEOPT_DATA is not set: HumanEval's problems are left out")
    return dict(list(found.items())[: limit or None])


def run(arguments: Sequence[str], model: str, strategy: str, seconds: float, folder: Path) -> dict[str, Any]:
    """One search; what is kept of it. One that was stopped begins anew."""
    shutil.rmtree(folder, ignore_errors=True)
    command = [sys.executable, "-m", "codeopt", "optimize", *arguments, "--model", model, "--proposer", "llm", "--strategy", strategy]
    command += ["--time", f"{seconds:g}", "--run", str(folder), "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    try:
        told = json.loads(done.stdout)
    except ValueError:
        return {"refused": (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]}
    measured = told["measurement"] if told["verified"] else None
    return {
        "speedup": measured["speedup"] if measured else 1.0,
        "verified": told["verified"],
        "reason": told["reason"],
        "seconds": told["seconds"],
        "statuses": told["candidates"],
        "not_measured": sum(told["not_measured"].values()),
        **{name: sum(account[name] for account in told["models"]) for name in COUNTS},
    }


def figures_of(rows: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """What the runs of one model and strategy came to."""
    ran = [row for row in rows if "refused" not in row]
    totals = {name: sum(row[name] for row in ran) for name in (*COUNTS, "not_measured")}
    verified = sum(row["verified"] for row in ran)
    return {
        "tasks": len(ran),
        "verified": verified,
        "speedup_geometric_mean": round(math.exp(statistics.fmean(math.log(row["speedup"]) for row in ran)), 3) if ran else None,
        "speedup_largest": round(max((row["speedup"] for row in ran), default=1.0), 2),
        "seconds_each": round(statistics.fmean(row["seconds"] for row in ran), 1) if ran else None,
        **totals,
        "calls_per_verified": round(totals["calls"] / verified, 1) if verified else None,
        "tokens_out_per_verified": round(totals["tokens_out"] / verified) if verified else None,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", action="append", default=[], help="gguf:FILE, or a server's model; may be repeated")
    parser.add_argument("--strategies", default="plan")
    parser.add_argument("--tasks", type=int, default=0, help="only the first N")
    parser.add_argument("--time", type=float, default=300.0)
    parser.add_argument("--work", type=Path, help="where runs are kept")
    parser.add_argument("--write", action="store_true", help="write plan-local.json and plan-cost.json")
    asked = parser.parse_args()
    if not asked.model:
        print("skipped: no --model")
        return
    work = asked.work or Path(tempfile.mkdtemp(prefix="codeopt-plan-"))
    work.mkdir(parents=True, exist_ok=True)
    kept = work / "rows.jsonl"
    rows: dict[tuple[str, str, str], dict[str, Any]] = {}
    for line in kept.read_text("utf-8").splitlines() if kept.is_file() else ():
        row = json.loads(line)
        rows[row["model"], row["strategy"], row["task"]] = row
    todo = tasks(work, asked.tasks)
    for name, arguments in todo.items():
        for model in asked.model:
            for strategy in asked.strategies.split(","):
                key = (Path(model).stem, strategy, name)
                if key in rows:
                    continue
                folder = work / "runs" / "-".join(key).replace("/", "-")
                row = {"model": key[0], "strategy": strategy, "task": name, "time": asked.time}
                row |= run(arguments, model, strategy, asked.time, folder)
                rows[key] = row
                with kept.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(row) + "\n")
                print(name, *key[:2], row.get("refused") or f"{row['speedup']:.2f}x {row['statuses']}", flush=True)
    found = {
        f"{strategy}-{model}": figures_of(row for key, row in rows.items() if key[:2] == (model, strategy))
        for model, strategy in dict.fromkeys(key[:2] for key in rows)
    }
    for name, figures in found.items():
        print(name, figures)
    if asked.write:
        write("plan-local", {name: figures for name, figures in found.items() if name.startswith("plan-")})
        write("plan-cost", found)


if __name__ == "__main__":
    main()
