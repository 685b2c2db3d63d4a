"""Luck on the GPU: a module against itself, in sessions of its own; how often the search's test calls it faster.

    python benchmarks/aa_gpu.py [--verdicts 100] [--device cuda] [--write]
"""

from __future__ import annotations

import argparse
import statistics
from contextlib import closing
from pathlib import Path

from common import report

from codeopt.agent.kernels.referee import Referee
from codeopt.agent.kernels.shop import KernelShop, sandbox_for
from codeopt.agent.tasks.kernel import read_kernel
from codeopt.sandbox.kernels.judge import KernelJudge
from codeopt.sandbox.kernels.session import Side
from codeopt.sandbox.workload import Workload

SOURCE = '''import torch

rows, columns = 512, 1024


class Model(torch.nn.Module):
    def forward(self, x):
        return torch.softmax(x * 2 + 1, -1)


def get_inputs():
    return [torch.randn(rows, columns)]


def get_init_inputs():
    return []
'''
SESSION = 10  # verdicts of one pair of sessions


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--verdicts", type=int, default=100)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--write", action="store_true", help="write benchmarks/results/aa-gpu.json")
    asked = parser.parse_args()
    kernel = read_kernel(Path("softmax.py"), SOURCE)
    statuses: dict[str, int] = {}
    speedups, pairs = [], []
    with closing(KernelShop(kernel, sandbox_for("auto", asked.device), asked.device)) as shop:
        reference, candidate = shop.subject(Side()), shop.subject(Side(SOURCE, "Model"))
        for number in range(asked.verdicts):
            if number and number % SESSION == 0:
                reference.close()
                candidate.close()
            referee = Referee(KernelJudge(reference), [0], reference)
            verdict = referee.judge(candidate, Workload((), ()))
            statuses[str(verdict.status)] = statuses.get(str(verdict.status), 0) + 1
            if verdict.search is not None:
                speedups.append(verdict.search.speedup)
                pairs.append(verdict.search.pairs)
    figures = {
        "pairs": asked.verdicts,
        "accepted": statuses.get("ok", 0),
        "statuses": statuses,
        "speedup_spread": round(statistics.pstdev(speedups), 4),
        "pairs_median": statistics.median(pairs),
        "device": asked.device,
    }
    report("aa-gpu", figures, keep=asked.write)


if __name__ == "__main__":
    main()
