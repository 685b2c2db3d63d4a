"""Strategies on ENAMEL at equal generated tokens, as benchmarks/results/enamel-plan.json.

    python benchmarks/enamel_plan.py NAME=FOLDER … [--against sample-1.5b] [--write]

Each FOLDER holds a run that `codeopt eval generate enamel --strategy …` made and `codeopt eval score` scored with
`--out FOLDER/scores`; NAME is what it is called (`greedy-1.5b`, `sample-1.5b`, `plan-1.5b`). A run without generated
samples (somebody else's) has no tokens. What a run gains over `--against` is paired over problems, with its interval.
For example, on a machine with a GPU:

    codeopt eval generate enamel --model hf:DIR --strategy plan --tokens 4000 --temperature 0.8 --top-p 0.95 \\
        --max-tokens 512 --batch-size 1500 --lanes 12 --sandbox process --out plan
    codeopt eval score enamel --samples-from plan/samples.jsonl --out plan/scores --lanes 12
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path
from typing import Any

from common import report

from codeopt.evals import compare
from codeopt.evals.generate import Generated
from codeopt.evals.rows import summary


def entry(folder: Path, against: compare.Run | None) -> dict[str, Any]:
    """A run's figures: efficiency, correctness, what they cost, how different its programs were."""
    run = compare.read(folder)
    found = summary(run.rows, [1])
    row: dict[str, Any] = {
        "problems": len(run.scores),
        "eff1": found["eff@1"][0],
        "eff1_low": found["eff@1"][1],
        "eff1_high": found["eff@1"][2],
        "pass1": found["pass@1"][0],
        "efficiency_given_pass": found["efficiency_given_pass"][0],
        **made(folder),
    }
    if against is not None and against.folder != run.folder:
        _, differences = compare.compare(against, run, [1])
        (gain,) = [one for one in differences if one.metric == "eff@1"]
        row |= {"gain_over_sample": gain.mean, "gain_over_sample_low": gain.low, "gain_over_sample_p": gain.p}
    return row


def made(folder: Path) -> dict[str, Any]:
    """Tokens of a program, on average, and how different a problem's programs and ideas were; nothing without samples."""
    file = folder / "samples.jsonl"
    if not file.is_file():
        return {}
    rows = [Generated.model_validate_json(line) for line in file.read_text("utf-8").splitlines()]
    found: dict[str, Any] = {"tokens": statistics.fmean(row.tokens_out for row in rows)}
    told = [json.loads(row.raw) for row in rows if row.raw.startswith("{")]
    told = [one for one in told if one.get("programs")]
    if told:
        found |= {
            "answers": statistics.fmean(one["answers"] for one in told),
            "diversity": sum(one["distinct"] for one in told) / sum(one["programs"] for one in told),
            "families": statistics.fmean(len(set(one["families"])) for one in told),
            "confidence": statistics.fmean(one["confidence"] for one in told),
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", metavar="NAME=FOLDER")
    parser.add_argument("--against", default="sample-1.5b", help="the run that the others are compared with")
    parser.add_argument("--write", action="store_true", help="write the result file")
    asked = parser.parse_args()
    folders: dict[str, Path] = {}
    for word in asked.runs:
        name, found, folder = word.partition("=")
        if not found:
            sys.exit(f"{word}: NAME=FOLDER is wanted")
        folders[name] = Path(folder)
    against = compare.read(folders[asked.against]) if asked.against in folders else None
    report("enamel-plan", {name: entry(folder, against) for name, folder in folders.items()}, keep=asked.write)


if __name__ == "__main__":
    main()
