"""A first dataset, made on this machine with no API: the recipe, with its seeds, and its summary.

    python benchmarks/dataset.py --work DIR [--data PATH] [--lanes N] [--samples FILE] [--limit N] [--write]

Rewrite rules and inverse rules on MBPP's functions and on the C++ programs of the suite `classics`, and what a model
wrote for MBPP where `--samples` names its answers (`codeopt data ask` on a machine with a GPU). All of it becomes one
dataset, decontaminated against ENAMEL and HumanEval, without duplicates, with pairs of 1.1x and more; then random
pairs are run again on fresh inputs. Every step goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from common import ROOT, write

SEED = 7
LEAST = 1.1
RERUN = 3000


def codeopt(*words: str | Path, fine: tuple[int, ...] = (0,)) -> str:
    """What a command prints; this script ends where its exit code is not one of these."""
    print("$ codeopt", *words, flush=True)
    done = subprocess.run([sys.executable, "-m", "codeopt", *map(str, words)], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode not in fine:
        sys.exit(f"codeopt ended with {done.returncode}")
    return done.stdout


def filtered(work: Path, name: str, *words: str | Path) -> Path:
    """A dataset made from another one, anew: what lies there may be of older runs."""
    out = work / name
    shutil.rmtree(out, ignore_errors=True)
    codeopt("data", *words, "--out", out)
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, help="folder for runs and datasets; what is there is gone on with")
    parser.add_argument("--data", type=Path, default=os.environ.get("CODEOPT_DATA"), help="folder with mbpp and enamel")
    parser.add_argument("--lanes", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--sandbox", default="process")
    parser.add_argument("--samples", type=Path, help="answers of a model to MBPP's problems")
    parser.add_argument("--limit", type=int, default=0, help="programs of each source; 0 is all")
    parser.add_argument("--rerun", type=int, default=RERUN)
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    if args.work is None or not args.data:
        print("skipped: no --work DIR" if args.data else "skipped: give --data PATH, or set CODEOPT_DATA")
        return
    work: Path = args.work
    began = time.monotonic()
    own = ["--lanes", str(args.lanes), "--sandbox", args.sandbox, "--seed", str(SEED)]
    few = ["--limit", str(args.limit)] if args.limit else []
    data = ["--data", args.data]
    codeopt("data", "make", "mbpp", "--how", "rules,inverse", "--out", work / "runs" / "mbpp", *own, *few, *data)
    codeopt("data", "make", "classics", "--how", "rules,inverse", "--out", work / "runs" / "classics", *own, *few)
    if args.samples:
        codeopt("data", "make", "mbpp", "--how", "samples", "--samples-from", args.samples, "--out", work / "runs" / "samples", *own, *few, *data)
    made_s = time.monotonic() - began
    codeopt("data", "build", work / "runs", "--out", work / "all", "--seed", str(SEED), "--title", "codeopt-first: slow and fast programs, measured")
    clean = filtered(work, "clean", "decontaminate", work / "all", *data)
    alone = filtered(work, "alone", "dedup", clean, "--level", "normalised")
    final = filtered(work, "final", "select", alone, "--least", str(LEAST))
    codeopt("data", "validate", final)
    counted: dict[str, Any] = json.loads(codeopt("data", "stats", final, "--json"))
    again: dict[str, Any] = json.loads(codeopt("data", "rerun", final, "--pairs", str(args.rerun), "--seed", str(SEED + 1), *own[:4], "--json", fine=(0, 1)))
    origins = counted["by"]["origin"]
    figures = {
        "pairs": counted["pairs"],
        "not_rules": counted["pairs"] - origins.get("rule", 0) - origins.get("inverse rule", 0),
        "problems": counted["problems"],
        "events": sum(counted["events"].values()),
        "languages": counted["by"]["language"],
        "origins": origins,
        "speedup": counted["speedup"],
        "failures": counted["failures"],
        "rerun": again["run"],
        "wrong": len(again["wrong"]),
        "slower": len(again["slower"]),
        "not_confirmed": again["not_confirmed"],
        "make_s": round(made_s, 1),
        "seconds": round(time.monotonic() - began, 1),
    }
    print(json.dumps(figures, indent=1))
    if args.write:
        write("dataset", figures)


if __name__ == "__main__":
    main()
