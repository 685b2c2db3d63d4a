"""What the templates for kernels reach: each task's shapes tuned, without a search and a decision. Needs a GPU.

    python benchmarks/kernel_templates.py [--only NAME,NAME …] [--suite DIR] [--seconds 90] [--modes default] [--log] [--write]

A quick look for whoever works on a template: microseconds of a call on each shape beside eager, torch.compile and the roofline,
whether the whole file is right on all shapes, held-out ones too, and what failed. `kernels.py` proves what comes out of it.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from common import report

from codeopt.agent.kernels import tuner
from codeopt.agent.kernels.proposer import KernelRules
from codeopt.agent.kernels.shop import KernelShop, sandbox_for
from codeopt.agent.kernels.verify import Examiner
from codeopt.agent.tasks.kernel import CANDIDATE, read_kernel
from codeopt.evals.suites import find
from codeopt.sandbox.kernels.device import has_gpu
from codeopt.sandbox.kernels.judge import KernelJudge
from codeopt.sandbox.kernels.session import Ask, Side
from codeopt.sandbox.kernels.subject import Failure


class Told(tuner.Tuner):
    """A tuner that prints what it times."""

    log = False

    def _timed(self, source: str, shape: int, rounds: int) -> float:
        self.evidence = ""
        began = time.monotonic()
        found = super()._timed(source, shape, rounds)
        if self.log and rounds == 1:
            told = self.evidence.strip().splitlines()[-1][:200] if self.evidence.strip() else ""
            print(f"    shape {shape}: {found * 1e6:.1f} µs, tried in {time.monotonic() - began:.1f} s {told}", flush=True)
        return found


def micro(values: list[float]) -> list[float]:
    """Seconds as microseconds."""
    return [round(1e6 * value, 1) for value in values]


def one(file: Path, seconds: float, modes: tuple[str, ...]) -> dict[str, Any]:
    """What the templates reach on a task."""
    kernel = read_kernel(file, file.read_text("utf-8"))
    row: dict[str, Any] = {}
    with closing(KernelShop(kernel, sandbox_for("auto", "cuda"), "cuda")) as shop:
        judge = KernelJudge(shop.subject(Side()), seed=1)
        examiner = Examiner(shop, judge, compiled=modes)
        examiner.learn()
        seen = [number for number in examiner.shapes if not examiner.rows[number].held_out]
        templates = KernelRules(shop, judge, seen).prepare()
        row["roofline_us"] = micro([found.roofline_s for found in examiner.rows])
        row |= {f"{mode}_us": micro(times) for mode, (_, times) in examiner.rivals().items()}
        row["templates"] = f"{len(templates)} of {len(seen)}"
        if not templates:
            return row
        began = time.monotonic()
        tuned = Told(shop, judge, templates, lambda: time.monotonic() - began > seconds)
        choices, times = tuned.best()
        tuned.close()
        row["tuned_us"] = {str(shape): round(1e6 * found, 1) for shape, found in times.items() if math.isfinite(found)}
        row["variants"], row["tuning_s"] = tuned.tried, round(time.monotonic() - began, 1)
        made = tuned.made({shape: choice for shape, choice in choices.items() if math.isfinite(times[shape])})
        if made is None:
            return {**row, "rule": ""}
        row |= {"rule": made.rule, "numbers": [", ".join(f"{key} {value}" for key, value in part.items()) for part in made.config]}
        whole = shop.subject(Side(made.source, CANDIDATE))
        row["whole_us"], row["wrong"] = [], []
        for shape in examiner.shapes:
            try:
                wrong = judge.check(whole, shape, judge.seeds(1)[0])
                row["whole_us"] += micro([judge.times(whole, shape, Ask())])
                row["wrong"] += [wrong.evidence[:300]] if wrong else []
            except Failure as error:
                row["wrong"].append(f"shape {shape}: {error.evidence.strip()[-300:]}")
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="")
    parser.add_argument("--suite", default="kernels", help="kernels, or a folder of kernels")
    parser.add_argument("--seconds", type=float, default=90, help="tuning stops after so many, a task")
    parser.add_argument("--modes", default="default", help="of torch.compile, to be timed beside; none: ''")
    parser.add_argument("--log", action="store_true", help="print each variant")
    parser.add_argument("--write", action="store_true", help="write benchmarks/results/kernel-templates.json")
    asked = parser.parse_args()
    if not has_gpu():
        sys.exit("there is no GPU here")
    Told.log = asked.log
    rows = {}
    for task in find(asked.suite, None).chosen([name for name in asked.only.split(",") if name]):
        rows[task.task_id] = one(Path(task.file), asked.seconds, tuple(mode for mode in asked.modes.split(",") if mode))
        print(task.task_id, rows[task.task_id], flush=True)
    report("kernel-templates", rows, keep=asked.write)


if __name__ == "__main__":
    main()
