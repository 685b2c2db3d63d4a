"""How fast datasets are filtered and built, and what memory that takes.

    python benchmarks/data_rates.py [--data PATH] [--pairs 100000] [--traces 1000] [--work DIR] [--write]

Pairs are made up (`data_pairs.py`): MBPP's and HumanEval's programs with seeded changes. They are deduplicated (minhash) and
decontaminated (against every suite that has data here), each by the command a person types. Traces are written by the same
writer as `codeopt optimize`: programs of MBPP, forty edits each with verdicts, every fourth one from a model whose prompts
and answers lie in bodies. Memory is the largest process's peak; ten times as many traces are built for the growth.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import data_pairs
from common import write

from codeopt.trace import (
    Baseline,
    CandidateMade,
    ProposalAnswer,
    ProposalIntent,
    RunFinished,
    RunStarted,
    TraceWriter,
    VerdictReached,
)
from codeopt.types import Candidate, Counts, Measurement, Proposal, Status, Verdict

SEED = 11
EDITS = 40
PROMPT_CHARS = 6_000
"""Of a question: the program, its profile, the plan and what was tried; as in runs with a model."""
_MEASURED = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(done.returncode)
"""


def timed(*words: str | Path) -> tuple[float, float]:
    """(seconds, GB of the largest process's peak) of a command."""
    began = time.monotonic()
    command = [sys.executable, "-c", _MEASURED, sys.executable, "-m", "codeopt", *map(str, words)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return time.monotonic() - began, int(done.stdout) * resource.getpagesize() / 4096 * 1024 / 1e9


def filters(work: Path, data: Path, pairs: int) -> dict[str, Any]:
    """Duplicates and decontamination of made-up pairs."""
    data_pairs.make(work / "pairs", pairs, SEED, data)
    dedup_s, dedup_gb = timed("data", "dedup", work / "pairs", "--out", work / "alone")
    clean_s, clean_gb = timed("data", "decontaminate", work / "alone", "--out", work / "clean", "--data", data)
    kept = {name: json.loads((work / name / "dataset.json").read_bytes())["filters"][-1]["after"] for name in ("alone", "clean")}
    return {
        "dedup_pairs": pairs,
        "dedup_seconds": round(dedup_s + clean_s, 2),
        "dedup_peak_gb": round(max(dedup_gb, clean_gb), 3),
        "dedup_kept": kept["alone"],
        "decontaminated_kept": kept["clean"],
    }


def trace(folder: Path, number: int, programs: list[str]) -> None:
    """One run as a search with rules and a model leaves it."""
    rng = random.Random(f"{SEED} {number}")
    source = "\n\n".join(rng.sample(programs, 3))
    with TraceWriter(folder) as out:
        task = {"kind": "function", "language": "python", "file": "solution.py", "function": "f", "problem": f"made/{number}", "source": "MBPP", "licence": "CC BY 4.0"}
        out.add(RunStarted(task=task, machine={"cpu": "made up"}, seed=number))
        out.add(Baseline(status=Status.OK, seconds=0.02, clock="cpu", source=source))
        for edit in range(EDITS):
            text = data_pairs.slower(rng, source)
            proposal = Proposal(source=text, proposer="rules", rule="made_up", note="a change")
            if edit % 4 == 0:
                prompt = (f"{number} {edit}\n" + source * 50)[:PROMPT_CHARS]
                question = out.bodies.put(json.dumps({"messages": [{"role": "user", "content": prompt}]}))
                out.add(ProposalIntent(id=f"q{edit}", proposer="llm", model="m", host="h", prompt_sha256=question, seed=edit, index=0))
                out.add(ProposalAnswer(id=f"q{edit}", answer_sha256=out.bodies.put(f"```python\n{text}\n```"), tokens_in=1500, tokens_out=400))
                proposal = Proposal(source=text, proposer="llm", rule="m", note="a change")
            gain = rng.uniform(0.5, 4.0)
            measured = Measurement(pairs=12, speedup=gain, low=gain / 1.05, high=gain * 1.05, p_value=0.001, clock="cpu", wall_speedup=gain, baseline_s=0.02, candidate_s=0.02 / gain)
            status = Status.OK if gain > 1.1 else Status.NOT_FASTER
            out.add(CandidateMade(candidate=Candidate(id=f"c{edit + 1}", parent="c0", proposal=proposal)))
            out.add(VerdictReached(candidate=f"c{edit + 1}", verdict=Verdict(status=status, holdout=measured, inputs=Counts(visible={"generated": 30}))))
        out.add(RunFinished(exit_code=0))


def build(work: Path, data: Path, traces: int) -> dict[str, Any]:
    """Traces into a dataset, and ten times as many for the memory."""
    programs, _ = data_pairs.programs(data)
    few = work / "traces"
    for number in range(traces):
        trace(few / str(number), number, programs)
    size = sum(file.stat().st_size for file in few.rglob("*") if file.is_file())
    seconds, peak = timed("data", "build", few, "--out", work / "built")
    many = work / "many"
    many.mkdir()
    for copy in range(10):
        (many / str(copy)).symlink_to(few)  # read ten times; rglob does not follow links, so each is named
    _, peak_10x = timed("data", "build", *(many / str(copy) for copy in range(10)), "--out", work / "built-10x")
    return {
        "build_traces": traces,
        "build_mb": round(size / 1e6, 1),
        "build_seconds": round(seconds, 2),
        "build_mb_s": round(size / 1e6 / seconds, 2),
        "build_peak_gb": round(peak, 3),
        "build_peak_gb_10x": round(peak_10x, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("CODEOPT_DATA"), help="folder with mbpp and enamel")
    parser.add_argument("--pairs", type=int, default=100_000)
    parser.add_argument("--traces", type=int, default=1_000)
    parser.add_argument("--work", type=Path, help="folder for what is made; by default it is removed")
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    if not args.data:
        print("skipped: give --data PATH, or set CODEOPT_DATA")
        return
    work = Path(args.work or tempfile.mkdtemp(prefix="codeopt-rates-"))
    work.mkdir(parents=True, exist_ok=True)
    try:
        figures = build(work, args.data, args.traces) | filters(work, args.data, args.pairs)
    finally:
        if not args.work:
            shutil.rmtree(work, ignore_errors=True)
    for name, value in figures.items():
        print(f"{name:22} {value}")
    if args.write:
        write("data-rates", figures)


if __name__ == "__main__":
    main()
