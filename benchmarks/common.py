"""What every benchmark shares: the result file, its machine and its commit."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from codeopt.machine import fingerprint

RESULTS = Path(__file__).resolve().parent / "results"
ROOT = RESULTS.parent.parent

Item = TypeVar("Item")


def in_lanes(items: Iterable[Item], work: Callable[[Item, int], None], lanes: int = 0) -> None:
    """Call `work(item, core)` for every item, in their order, in one thread per core (or `lanes` of them)."""
    waiting: queue.SimpleQueue[Item] = queue.SimpleQueue()
    for item in items:
        waiting.put(item)

    def lane(core: int) -> None:
        while True:
            try:
                item = waiting.get_nowait()
            except queue.Empty:
                return
            work(item, core)

    cores = sorted(os.sched_getaffinity(0))
    threads = [threading.Thread(target=lane, args=(cores[i % len(cores)],)) for i in range(lanes or len(cores))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _git(*words: str) -> str:
    """What git says about this checkout; "" in a copy without its history (say the commit by CODEOPT_COMMIT there)."""
    try:
        return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
    except FileNotFoundError:
        return ""


def written(name: str) -> dict[str, Any]:
    """The figures of benchmarks/results/NAME.json, if this commit wrote them on this machine; for runs in parts."""
    try:
        found = json.loads((RESULTS / f"{name}.json").read_text("utf-8"))
    except FileNotFoundError:
        return {}
    same = (found["commit"], found["machine"]) == (_commit(), json.loads(json.dumps(fingerprint(), default=str)))
    return dict(found["figures"]) if same else {}


def _commit() -> str:
    commit = _git("rev-parse", "HEAD") + ("+" if _git("status", "--porcelain", "--untracked-files=no") else "")
    return os.environ.get("CODEOPT_COMMIT") or commit


def write(name: str, figures: dict[str, Any]) -> None:
    """Write benchmarks/results/NAME.json: the last run, the commit it ran on, the machine."""
    result = {
        "name": name,
        "command": " ".join(["python", *sys.argv]),
        "commit": _commit(),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "machine": fingerprint(),
        "figures": figures,
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=1, default=str) + "\n", "utf-8")
    print(f"wrote benchmarks/results/{name}.json")


def report(name: str, figures: dict[str, Any], *, keep: bool = True, quiet: tuple[str, ...] = ()) -> None:
    """Print the figures but the `quiet` ones, and (`keep`) write them."""
    width = max(map(len, figures))
    for key in [key for key in figures if key not in quiet]:
        print(f"{key:{width}} {figures[key]}")
    if keep:
        write(name, figures)
