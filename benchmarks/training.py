"""What training gains, on ENAMEL and on held-out problems of the dataset, as benchmarks/results/training-h100.json.

    python benchmarks/training.py --work DIR --base hf:MODEL --name 0.5b --data DATASET [--rows sft,rrhf,…] [--steps train,ask,score]
        [--minutes N] [--lanes N] [--sandbox process] [--write]

Every row is a chain of `codeopt train` commands from the one base; `ROWS` has them. `train` makes the adapters, `ask` samples
from them (ENAMEL: 20 at temperature 0.8; held-out problems of DATASET: 4), `score` measures the samples: on the same machine
for all rows, which may be another one than that of the other two. What is in DIR is not made again, so that a run can be stopped
and gone on with; `--minutes` ends the last training begun by an interrupt, which keeps its checkpoint. On one GPU:

    codeopt data ask mbpp --model hf:MODEL --operators afresh,faster --samples 4 --out asked
    codeopt data make mbpp --how samples,rules --samples-from asked/samples.jsonl --lanes 16 --out runs
    codeopt data build runs --out set
    python benchmarks/training.py --work w --base hf:MODEL --name 0.5b --data set --lanes 16 --write
"""

from __future__ import annotations

import argparse
import json
import math
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from common import report

from codeopt.agent.models.hf import split
from codeopt.evals import compare
from codeopt.evals.rows import summary, with_interval
from codeopt.evals.speed import OPT

LEARN = ("--set", "gradient_checkpointing=true", "--set", "logging_steps=1")
SFT = ("--set", "per_device_train_batch_size=16", "--set", "num_train_epochs=2", "--set", "max_length=1024", *LEARN)
RRHF = ("--set", "per_device_train_batch_size=4", "--set", "num_train_epochs=1", "--set", "max_length=1024", *LEARN)
GRPO = (
    "--set", "per_device_train_batch_size=32", "--set", "gradient_accumulation_steps=8", "--set", "num_generations=8", "--set", "max_completion_length=320",
    "--set", "learning_rate=3e-5", "--set", "max_steps=40", "--set", "save_steps=5", "--set", "temperature=1.0", *LEARN,
)  # fmt: skip
ROWS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "sft": ("", "sft", ("--ask", "both", "--best", "1", *SFT)),
    "rft": ("", "sft", ("--ask", "write", "--best", "3", *SFT)),
    "rrhf": ("sft", "rrhf", ("--ask", "both", *RRHF)),
    "grpo": ("rft", "grpo", ("--ask", "write", *GRPO)),
    "grpo-correctness": ("rft", "grpo", ("--ask", "write", "--reward", "right", *GRPO)),
    "grpo-rank": ("rft", "grpo", ("--ask", "write", "--reward", "rank", *GRPO)),
    "grpo-faster": ("rft", "grpo", ("--ask", "write", "--reward", "faster", *GRPO)),
}
"""Row: the one it goes on from ("" is the base), the trainer, and its options. NAME@SEED is the same with another seed."""
SUITES = {"enamel": ("20", "512"), "held": ("4", "512")}
"""Samples and tokens of an answer."""


def row_of(name: str) -> tuple[str, str, tuple[str, ...], int]:
    """Start, trainer, options and seed of a row."""
    plain, _, seed = name.partition("@")
    return (*ROWS[plain], int(seed or 0))


def train(name: str, asked: argparse.Namespace, deadline: float) -> bool:
    """Make a row's adapter; whether it is there."""
    out = asked.work / name
    if (out / "adapter" / "adapter_model.safetensors").is_file():
        return True
    start, trainer, options, seed = row_of(name)
    if start and not train(start, asked, deadline):
        return False
    base = split(asked.base)[0] + (f"@{asked.work / start / 'adapter'}" if start else "")
    words = ["train", trainer, "--model", base, "--data", str(asked.data), "--out", str(out), "--seed", str(seed), *options]
    words += ["--tasks", "mbpp"] if "--ask" in options else []
    words += ["--sandbox", asked.sandbox, "--lanes", str(asked.lanes)] if trainer == "grpo" else []
    return codeopt(words, deadline) and (out / "adapter").is_dir()


def codeopt(words: list[str], deadline: float) -> bool:
    """Run a command, interrupted at the deadline; whether it ended by itself."""
    if time.monotonic() > deadline:
        return False
    print("codeopt", *words, flush=True)
    process = subprocess.Popen([sys.executable, "-m", "codeopt", *words])
    try:
        return process.wait(max(1.0, deadline - time.monotonic())) == 0
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
        process.wait()
        return False


def place(asked: argparse.Namespace, name: str, suite: str) -> Path:
    """Where a row's samples of a suite are."""
    return Path(asked.work) / "evals" / suite / name


def generate(name: str, asked: argparse.Namespace, deadline: float) -> None:
    """Sample from a row's model."""
    base = split(asked.base)[0]
    model = f"hf:{base}" if name == "base" else f"hf:{base}@{asked.work / name / 'adapter'}"
    for suite, (samples, tokens) in SUITES.items():
        words = ["eval", "generate", str(asked.data) if suite == "held" else suite, "--model", model, "--out", str(place(asked, name, suite))]
        words += ["--samples", samples, "--temperature", "0.8", "--top-p", "0.95", "--max-tokens", tokens, "--batch-size", str(asked.batch), "--limit", str(asked.limit)]
        codeopt(words, deadline)


def score(name: str, asked: argparse.Namespace, deadline: float) -> None:
    """Measure a row's samples."""
    for suite in SUITES:
        folder = place(asked, name, suite)
        if (folder / "samples.jsonl").is_file():
            words = ["eval", "score", str(asked.data) if suite == "held" else suite, "--samples-from", str(folder / "samples.jsonl")]
            codeopt([*words, "--out", str(folder / "scores"), "--lanes", str(asked.lanes), "--sandbox", asked.sandbox], deadline)


def entry(name: str, asked: argparse.Namespace) -> dict[str, Any]:
    """A row's figures."""
    row: dict[str, Any] = {}
    if name != "base":
        told = json.loads((asked.work / name / "training.json").read_text("utf-8"))
        row |= {"minutes": told["seconds"] / 60, "steps": told["steps"], "peak_gb": told["peak_bytes"] / 1e9, "estimated_gb": told["estimated_bytes"] / 1e9}
    enamel = compare.read(place(asked, name, "enamel"))
    found = summary(enamel.rows, [1])
    for metric, short in (("eff@1", "eff1"), ("pass@1", "pass1"), ("efficiency_given_pass", "efficiency_given_pass")):
        if metric in found:  # of samples that pass there may be none
            row |= {short: found[metric][0], f"{short}_low": found[metric][1], f"{short}_high": found[metric][2]}
    if name != "base":
        _, differences = compare.compare(compare.read(place(asked, "base", "enamel")), enamel, [1])
        (gain,) = [one for one in differences if one.metric == "eff@1"]
        row |= {"gain": gain.mean, "gain_low": gain.low, "gain_high": gain.high, "gain_p": gain.p}
    groups = list(compare.read(place(asked, name, "held")).scores.values())
    right = [[math.log(max(1.0, one.gain)) for one in group if one.passed] for group in groups]
    figures = {
        "held_correct": [statistics.fmean(one.passed for one in group) for group in groups],
        "opt": [statistics.fmean(one.gain >= OPT for one in group) for group in groups],
        "log_speedup": [statistics.fmean(gains) for gains in right if gains],
    }
    for short, values in figures.items():
        if values:
            row |= dict(zip((short, f"{short}_low", f"{short}_high"), with_interval(values)))
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--base", required=True, help="hf:MODEL")
    parser.add_argument("--name", required=True, help="of the base, for the rows")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rows", default="base,sft,rft,rrhf,grpo,grpo-correctness")
    parser.add_argument("--steps", default="train,ask,score")
    parser.add_argument("--minutes", type=float, default=600.0)
    parser.add_argument("--lanes", type=int, default=1)
    parser.add_argument("--batch", type=int, default=1000)
    parser.add_argument("--limit", type=int, default=0, help="of problems, to try it out")
    parser.add_argument("--sandbox", default="auto")
    parser.add_argument("--write", action="store_true", help="write the result file")
    asked = parser.parse_args()
    asked.base, deadline = asked.base.removeprefix("hf:"), time.monotonic() + 60 * asked.minutes
    rows, steps = asked.rows.split(","), asked.steps.split(",")
    for name in rows:
        if "train" in steps and name != "base":
            train(name, asked, deadline)
        if "ask" in steps and (name == "base" or (asked.work / name / "adapter").is_dir()):
            generate(name, asked, deadline)
        if "score" in steps:
            score(name, asked, deadline)
    scored = [name for name in rows if all((place(asked, name, suite) / "scores" / "summary.json").is_file() for suite in SUITES)]
    if not scored:
        sys.exit("nothing is scored yet")
    report("training-h100", {f"{name}-{asked.name}": entry(name, asked) for name in scored}, keep=asked.write)


if __name__ == "__main__":
    main()
