"""`make demo`: optimise every file in examples/ by rules alone and print what came of it.

    python benchmarks/demo.py [NAME …] [--setup-seconds S] [--write]

Two examples run at a time where there are two cores, each pinned to its own; the time that they take together is
`seconds_run`. Exit code 1 when an example other than the deliberate one (checksum) ends without a verified speedup.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from common import in_lanes, write
from rich.console import Console
from rich.table import Table

from codeopt.agent.report import seconds

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
NOTHING_HELPS = {"checksum"}
NATIVE = (".cpp", ".c")
LONG = {"n_body"}
SHOWN = 1.5
LONGER = 2.5  # times the budget, for a machine on which it was too short


def source_of(folder: Path) -> Path:
    """The file of an example that is optimised: named as its folder."""
    return next(path for path in sorted(folder.iterdir()) if path.stem == folder.name and path.suffix != ".toml")


def seconds_for(source: Path) -> int:
    """The budget of an example: compiling takes time, and so do edits that only pay together."""
    return 18 if source.suffix in NATIVE or source.stem in LONG else 13


def optimize(source: Path, core: int | None, runs: Path, budget_s: int) -> dict[str, Any]:
    """One `codeopt optimize`, pinned to a core; its JSON summary."""
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "codeopt", "optimize", str(source), "--json", "--time", str(budget_s), "--run", str(runs / source.stem)],
        capture_output=True,
        text=True,
        preexec_fn=(lambda: os.sched_setaffinity(0, {core})) if core is not None else None,
    )
    try:
        summary: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        summary = {"verified": False, "reason": done.stderr.strip().splitlines()[-1:] or "no answer"}
    summary["took"] = time.monotonic() - started
    return summary


def cut_short(result: dict[str, Any]) -> bool:
    """Whether the time budget ended the search before it had found what the example is here to show."""
    gain = result["measurement"]["speedup"] if result["verified"] else 0.0
    return "time budget" in str(result.get("reason")) and gain < SHOWN


def run_all(sources: list[Path], runs: Path) -> dict[str, dict[str, Any]]:
    """All examples, one lane per core, those that take longest first."""
    results: dict[str, dict[str, Any]] = {}

    def one(source: Path, core: int) -> None:
        results[source.stem] = optimize(source, core, runs, seconds_for(source))
        print(".", end="", flush=True, file=sys.stderr)

    def again(source: Path, core: int) -> None:
        results[source.stem] = optimize(source, core, runs / "again", round(LONGER * seconds_for(source)))
        print("+", end="", flush=True, file=sys.stderr)

    order = sorted(sources, key=lambda path: (path.suffix not in NATIVE, path.stem not in LONG, path.stem in NOTHING_HELPS))
    in_lanes(order, one)
    # A slow or busy machine gets more time for what it did not finish.
    in_lanes([path for path in order if cut_short(results[path.stem])], again)
    print(file=sys.stderr)
    return results


def show(results: dict[str, dict[str, Any]], runs: Path) -> None:
    table = Table(box=None, pad_edge=False)
    for title in ("example", "before", "after", "speedup", "95 % interval", "what changed"):
        table.add_column(title, overflow="fold" if title == "what changed" else "ellipsis", no_wrap=title == "example")
    for name, result in sorted(results.items()):
        measured = result.get("measurement")
        if result["verified"] and measured:
            changed = re.sub(r"line \d+: ", "", "; ".join(step["note"] for step in result["steps"]))
            table.add_row(
                name,
                seconds(measured["baseline_s"]),
                seconds(measured["candidate_s"]),
                f"{'≥ ' if measured['at_least'] else ''}{measured['speedup']:.2f}x",
                f"{measured['low']:.2f}-{measured['high']:.2f}",
                changed,
            )
        else:
            table.add_row(name, "", "", "-", "", f"no verified speedup: {result['reason']}")
    Console(highlight=False).print(table)
    print(f"\nEach folder in {runs} holds best.patch, report.md and a test of its own.")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="examples (default: all)")
    parser.add_argument("--setup-seconds", type=float, default=0.0, help="what the set-up before it took")
    parser.add_argument("--write", action="store_true", help="write benchmarks/results/demo.json")
    chosen = parser.parse_args()
    folders = [path for path in sorted(EXAMPLES.iterdir()) if (path / "codeopt.toml").is_file()]
    sources = [source_of(path) for path in folders if not chosen.names or path.name in chosen.names]
    if shutil.which("g++") is None and shutil.which("clang++") is None:
        print("no g++ or clang++ here: the C++ examples are left out (install g++)")
        sources = [path for path in sources if path.suffix not in NATIVE]
    runs = Path(tempfile.mkdtemp(prefix="codeopt-demo-"))
    print(f"optimising {len(sources)} examples by rules alone, no model, no key …")
    started = time.monotonic()
    results = run_all(sources, runs)
    took = time.monotonic() - started
    show(results, runs)
    verified = {name: r["measurement"]["speedup"] for name, r in results.items() if r["verified"]}
    missing = set(results) - set(verified) - NOTHING_HELPS
    print(f"{len(verified)} of {len(results)} verified in {took:.0f} s (set-up {chosen.setup_seconds:.0f} s)")
    for name in sorted(NOTHING_HELPS & set(results) - set(verified)):
        print(f"{name}: nothing helps there, and codeopt says so")
    if chosen.write:
        write(
            "demo",
            {
                "seconds_setup": round(chosen.setup_seconds, 1),
                "seconds_run": round(took, 1),
                "examples": len(results),
                "verified": len(verified),
                "min_speedup": round(min(verified.values(), default=0.0), 3),
                "speedups": {name: round(value, 3) for name, value in sorted(verified.items())},
            },
        )
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
