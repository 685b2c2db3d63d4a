"""Twelve functions of the standard library and of installed packages, optimised by rules alone where they stand.

    python benchmarks/stdlib_rules.py [NAME …] [--work DIR] [--lanes N] [--write]

The list was fixed before the first run: plain Python whose inputs a short generator can make, five files that import
NumPy or pandas, two methods, four files with relative imports. The installed files are never changed. What counts is
that each is handled (a verified speedup, "none", or one clear line that refuses); few of them can be made faster.
Exit code 1 when a run ends in any other way.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common import in_lanes, write
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Subject:
    """A function of an installed module, and the body of its `make(size, seed)` (with `rng` and the imports given)."""

    module: str
    function: str
    make: str
    imports: str = ""
    kinds: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.module}.{self.function}"


WORDS = """
    def word(longest=9):
        return "".join(rng.choice("abcdefghij") for _ in range(rng.randint(1, longest)))
"""

SUBJECTS = (
    Subject("statistics", "quantiles", "return ([rng.random() for _ in range(size + 2)],)"),
    Subject("heapq", "nsmallest", "return (1 + size // 3, [rng.randrange(10 * size + 9) for _ in range(size)])"),
    Subject("difflib", "get_close_matches", WORDS + "    return (word(), [word() for _ in range(size)])"),
    Subject(
        "textwrap",
        "TextWrapper.wrap",
        WORDS + '    return (textwrap.TextWrapper(width=30), " ".join(word() for _ in range(size)))',
        "import textwrap",
        ("method",),
    ),
    Subject(
        "fractions",
        "Fraction.limit_denominator",
        "n = 10 ** size\n    return (Fraction(rng.randrange(n, 3 * n), rng.randrange(n, 3 * n)), 10 ** (size // 2 + 1))",
        "from fractions import Fraction",
        ("method",),
    ),
    Subject(
        "numpy.polynomial.polynomial",
        "polyfromroots",
        "return (np.array([rng.uniform(-1, 1) for _ in range(size)]),)",
        "import numpy as np",
        ("numpy", "relative"),
    ),
    Subject("scipy.linalg._special_matrices", "invhilbert", "return (min(size, 250) + seed % 3, True)", "", ("numpy",)),
    Subject(
        "scipy.signal._max_len_seq",
        "max_len_seq",
        "return (2 + min(22, size.bit_length()), [1] + [rng.randrange(2) for _ in range(1 + min(22, size.bit_length()))])",
        "",
        ("numpy", "relative"),
    ),
    Subject(
        "pandas.io.common",
        "dedup_names",
        WORDS + "    return ([word(3) for _ in range(size)], False)",
        "",
        ("pandas",),
    ),
    Subject(
        "pandas.core.tools.times",
        "to_time",
        'return ([f"{rng.randrange(24):02}:{rng.randrange(60):02}:{rng.randrange(60):02}" for _ in range(size)],)',
        "",
        ("pandas",),
    ),
    Subject(
        "jinja2.filters",
        "do_indent",
        WORDS + '    return ("".join(word() + rng.choice(["\\n", " ", "\\n\\n"]) for _ in range(size)), 2 + seed % 3, seed % 2 == 0)',
        "",
        ("relative",),
    ),
    Subject(
        "markdown_it.common.utils",
        "unescapeAll",
        WORDS + '    return ("".join(word() + rng.choice(["\\\\*", "&amp;", "&#35;", " ", "\\\\"]) for _ in range(size)),)',
        "",
        ("relative",),
    ),
)


def location(module: str) -> Path:
    """The file of an installed module."""
    spec = importlib.util.find_spec(module)
    if spec is None or not spec.origin:
        raise SystemExit(f"{module} is not installed here: pip install -e .[dev]")
    return Path(spec.origin)


def optimize(subject: Subject, core: int, folder: Path, seconds: float) -> dict[str, Any]:
    """One run, pinned to a core; its JSON summary, or {"refused": reason}, or {"broken": last lines}."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = folder / "make.py"
    head = "\n".join(filter(None, ("import random", subject.imports)))
    body = f"    rng = random.Random(seed)\n    {subject.make.strip()}\n"
    generator.write_text(f"{head}\n\n\ndef make(size, seed):\n{body}", "utf-8")
    command = [sys.executable, "-m", "codeopt", "optimize", str(location(subject.module))]
    command += ["--function", subject.function, "--inputs", f"{generator}:make", "--json", "--sandbox", "process"]
    command += ["--time", f"{seconds:g}", "--run", str(folder / f"run-{time.time_ns()}")]
    started = time.monotonic()
    done = subprocess.run(
        command, capture_output=True, text=True, preexec_fn=lambda: os.sched_setaffinity(0, {core})
    )
    taken = {"seconds": round(time.monotonic() - started, 1)}
    lines = done.stderr.strip().splitlines()
    if done.returncode in (0, 1) and done.stdout.strip():
        return {**json.loads(done.stdout), **taken}
    if done.returncode == 2 and len(lines) == 1:
        return {"refused": lines[0].removeprefix("codeopt: "), **taken}
    return {"broken": f"exit code {done.returncode}: {' '.join(lines[-3:])}", **taken}


def run_all(chosen: list[Subject], work: Path, lanes: int, seconds: float) -> dict[str, dict[str, Any]]:
    results: dict[str, dict[str, Any]] = {}

    def one(subject: Subject, core: int) -> None:
        results[subject.name] = optimize(subject, core, work / subject.name, seconds)
        print(f"{subject.name}: {told(results[subject.name])}", flush=True, file=sys.stderr)

    in_lanes(chosen, one, lanes)
    return {subject.name: results[subject.name] for subject in chosen}


def told(result: dict[str, Any]) -> str:
    """A result in words."""
    for key in ("refused", "broken"):
        if key in result:
            return f"{key}: {result[key]}"
    if not result["verified"]:
        tried = ", ".join(f"{count} {status}" for status, count in sorted(result["candidates"].items()))
        return f"none ({tried or 'no rule fits'}; {result['reason']})"
    measured = result["measurement"]
    rules = ", ".join(step["rule"] for step in result["steps"])
    return f"{measured['speedup']:.2f}x ({measured['low']:.2f}-{measured['high']:.2f}) by {rules}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="functions (default: all)")
    parser.add_argument("--work", type=Path, help="where the runs are kept")
    parser.add_argument("--lanes", type=int, default=0, help="runs at a time (default: one per core)")
    parser.add_argument("--seconds", type=float, default=60.0, help="time budget of each run")
    parser.add_argument("--write", action="store_true", help="write benchmarks/results/stdlib-rules.json")
    asked = parser.parse_args()
    chosen = [item for item in SUBJECTS if not asked.names or item.name in asked.names]
    work = (asked.work or Path(tempfile.mkdtemp(prefix="codeopt-stdlib-"))).absolute()
    results = run_all(chosen, work, asked.lanes, asked.seconds)
    table = Table(box=None, pad_edge=False)
    table.add_column("function", no_wrap=True)
    table.add_column("seconds", justify="right")
    table.add_column("what came of it", overflow="fold")
    for name, result in results.items():
        table.add_row(name, f"{result['seconds']:.0f}", told(result))
    Console(highlight=False).print(table)
    verified = {name: r for name, r in results.items() if r.get("verified")}
    refused = Counter(r["refused"].partition(":")[0].partition(" (")[0] for r in results.values() if "refused" in r)
    broken = [name for name, r in results.items() if "broken" in r]
    print(f"{len(verified)} of {len(results)} verified, {sum(refused.values())} refused; runs are in {work}")
    if asked.write:
        kinds = Counter(kind for item in chosen for kind in item.kinds)
        write(
            "stdlib-rules",
            {
                "functions": len(results),
                "verified": len(verified),
                "refused": sum(refused.values()),
                "refused_reasons": dict(refused),
                "none": len(results) - len(verified) - sum(refused.values()) - len(broken),
                "broken": len(broken),
                "import_numpy_or_pandas": kinds["numpy"] + kinds["pandas"],
                "methods": kinds["method"],
                "behind_relative_imports": kinds["relative"],
                "outcomes": {name: told(result) for name, result in results.items()},
            },
        )
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
