"""What every benchmark shares: the result file, its machine and its commit."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from codeopt.machine import fingerprint

RESULTS = Path(__file__).resolve().parent / "results"
ROOT = RESULTS.parent.parent


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
