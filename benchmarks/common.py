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


def write(name: str, figures: dict[str, Any]) -> None:
    """Write benchmarks/results/NAME.json: the last run, the commit it ran on, the machine."""
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    dirty = subprocess.run(
        ["git", "status", "--porcelain", "--untracked-files=no"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    machine = fingerprint()
    result = {
        "name": name,
        "command": " ".join(["python", *sys.argv]),
        "commit": commit.stdout.strip() + ("+" if dirty.stdout.strip() else ""),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "machine": machine,
        "figures": figures,
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=1, default=str) + "\n", "utf-8")
    print(f"wrote benchmarks/results/{name}.json")
