"""Forward and backward as one call: gradients that are wrong, missing, or made where they must not be, on the processor."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from codeopt.agent.kernels.bench import bench_text
from codeopt.agent.kernels.shop import KernelShop
from codeopt.agent.tasks.kernel import read_kernel
from codeopt.sandbox.kernels.judge import KernelJudge
from codeopt.sandbox.kernels.session import Side
from codeopt.sandbox.kernels.subject import KernelSubject
from codeopt.sandbox.process import ProcessSandbox
from codeopt.types import Status
from tests.commandline import codeopt, refused

pytest.importorskip("torch", reason="PyTorch is not installed")

REFERENCE = """
import torch
from torch import nn

rows = 48
columns = 64
HELD_OUT = [{"rows": 7}]


class Model(nn.Module):
    def __init__(self, columns):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(columns))
        self.unused = nn.Parameter(torch.randn(3))

    def forward(self, x, picked, y):
        return torch.tanh(x[picked]) * self.weight + y, (x > 0).sum(0), x.detach().exp()


def get_inputs():
    return [torch.randn(rows, columns), torch.randint(rows, (rows,)), torch.randn(rows, columns)]


def get_init_inputs():
    return [columns]
"""
HEAD = """
import torch
from torch import nn


class Own(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, picked, weight, y):
        held = torch.tanh(x[picked])
        ctx.save_for_backward(held, picked, weight)
        ctx.rows = len(x)
        return held * weight + y

    @staticmethod
    def backward(ctx, up):
        held, picked, weight = ctx.saved_tensors
        return Own.gradients(ctx, up, held, picked, weight)

    @staticmethod
    def gradients(ctx, up, held, picked, weight):
        dx = torch.zeros(ctx.rows, up.shape[1])
        dx.index_add_(0, picked, up * weight * (1 - held * held))
        return dx, None, (up * held).sum(0), up


class ModelNew(nn.Module):
    def __init__(self, columns):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(columns))
        self.unused = nn.Parameter(torch.randn(3))

    def forward(self, x, picked, y):
        return self.first(x, picked, y), (x > 0).sum(0), x.detach().exp()

    def first(self, x, picked, y):
        return Own.apply(x, picked, self.weight, y)
"""
LAST = "return dx, None, (up * held).sum(0), up"


def changed(old: str, new: str) -> str:
    assert old in HEAD
    return HEAD.replace(old, new)


EXPLOITS = {
    "no graph": (changed("return Own.apply(x, picked, self.weight, y)", "with torch.no_grad():\n            return Own.apply(x, picked, self.weight, y)"), "output 0 has no grad_fn"),
    "a gradient left out": (changed(LAST, "return dx, None, None, up"), "gives no gradient of parameter weight"),
    "as if the upstream were ones": (changed("dx.index_add_(0, picked, up *", "dx.index_add_(0, picked, torch.ones_like(up) *"), "gradient of argument 0: its error"),
    "half": (changed("(up * held).sum(0)", "(up * held).bfloat16().float().sum(0)"), "gradient of parameter weight: its error"),
    "unwritten": (changed("dx = torch.zeros", "dx = torch.empty"), "gradient of argument 0"),
    "changes the upstream gradient": (changed(LAST, "found = dx, None, (up * held).sum(0), up.clone()\n        up.data.mul_(2)\n        return found"), "changes its upstream gradient 0"),
    "changes an argument": (changed("        dx = torch.zeros", "        ctx.x.data.mul_(2)\n        dx = torch.zeros").replace("ctx.rows =", "ctx.x, ctx.rows = x,"), "changes its argument 0"),
    "other parameters": (changed("self.weight = nn.Parameter(torch.randn(columns))", "self.weight = nn.Parameter(torch.randn(1, columns))").replace("(up * held).sum(0)", "(up * held).sum(0, keepdim=True)"), "their gradients cannot be compared"),
    "another type": (changed("return Own.apply(x, picked, self.weight, y)", "return Own.apply(x, picked, self.weight, y).double()"), "float64"),
}
TIMED = {
    "one buffer for all gradients": changed("dx = torch.zeros(ctx.rows, up.shape[1])", "dx = Own.held = getattr(Own, 'held', None) if hasattr(Own, 'held') and len(Own.held) == ctx.rows else torch.zeros(ctx.rows, up.shape[1])\n        dx.zero_()"),
    "a gradient of its first calls": changed("        dx = torch.zeros", "        Own.calls = getattr(Own, 'calls', 0) + 1\n        up = up if Own.calls < 9 else up * 1.01\n        dx = torch.zeros"),
}
CONTROLS = {
    "own": HEAD,
    "autograd": changed("return Own.apply(x, picked, self.weight, y)", "return torch.tanh(x)[picked] * self.weight + y"),
    "other names": HEAD.replace("self.weight", "self.scale").replace("self.unused", "self.nothing"),
    "in doubles": changed("return Own.apply(x, picked, self.weight, y)", "return (torch.tanh(x.double()[picked]) * self.weight + y).float()"),
}


@pytest.fixture(scope="module")
def bench() -> Iterator[KernelShop]:
    made = KernelShop(read_kernel(Path("ref.py"), REFERENCE), ProcessSandbox(), "cpu", sys.executable, backward=True)
    yield made
    made.close()


@pytest.fixture(scope="module")
def judge(bench: KernelShop) -> KernelJudge:
    return KernelJudge(bench.subject(Side()), seed=random.randrange(1 << 30))


@pytest.fixture
def make(bench: KernelShop) -> Iterator[Callable[[str], KernelSubject]]:
    made: list[KernelSubject] = []

    def subject(text: str) -> KernelSubject:
        made.append(bench.subject(Side(text, "ModelNew")))
        return made[-1]

    yield subject
    for one in made:
        one.close()


def test_what_is_differentiated_is_said(judge: KernelJudge) -> None:
    plan = judge.plan(0)
    assert plan.gradients.names == ("gradient of argument 0", "gradient of argument 2", "gradient of parameter weight")
    assert plan.gradients.without == ("output 1 (int64)", "output 2 (float32)", "argument 1 (int64)", "parameter unused (float32)")
    shapes = [shape for _, shape in plan.outputs]
    assert shapes == [(48, 64), (64,), (48, 64), (48, 64), (48, 64), (64,)]
    cost = judge.reference.at(0).plain("cost", {"text": judge.reference.texts[0], "seed": 1}, 60)
    floats = 2 * 48 * 64 + 64 + 3 + 48 * 64 + 48 * 64 + 48 * 64 + 2 * 48 * 64 + 64  # inputs, weights, outputs, upstream, gradients
    assert cost["bytes"] == 4 * floats + 8 * 48 + 8 * 64


@pytest.mark.parametrize("name", EXPLOITS)
def test_a_wrong_gradient_is_refused(judge: KernelJudge, make: Callable[[str], KernelSubject], name: str) -> None:
    text, says = EXPLOITS[name]
    subject = make(text)
    # Several, as a verdict has: on the processor an allocator may give out memory that was not poisoned.
    found = next(filter(None, (judge.check(subject, 0, seed) for seed in judge.seeds(5))), None)
    assert found is not None and found.status is Status.WRONG_OUTPUT and says in found.evidence, found
    assert len(found.evidence.splitlines()) == 1


@pytest.mark.parametrize("name", TIMED)
def test_gradients_that_are_wrong_when_timed_are_refused(judge: KernelJudge, make: Callable[[str], KernelSubject], name: str) -> None:
    race = judge.race(judge.reference, make(TIMED[name]), 0, pairs=10)
    assert race.finding is not None and race.finding.status is Status.WRONG_OUTPUT, race.finding


@pytest.mark.parametrize("name", CONTROLS)
def test_honest_gradients_pass(judge: KernelJudge, make: Callable[[str], KernelSubject], name: str) -> None:
    candidate = make(CONTROLS[name])
    for shape in (0, 1):
        for seed in judge.seeds(3):
            assert judge.check(candidate, shape, seed) is None
    race = judge.race(judge.reference, candidate, 0, pairs=3)
    assert race.finding is None and len(race.device) == 3


LOSS = """import torch

rows = 512


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(64, 32)

    def forward(self, x, target):
        return torch.nn.functional.mse_loss(self.layer(x), target)


def get_inputs():
    return [torch.randn(rows, 64), torch.randn(rows, 32)]


def get_init_inputs():
    return []
"""


def test_products_are_counted_forward_and_backward() -> None:
    """Three products of a linear layer whose input has a gradient, too: one forward, two backward."""
    for backward, products in ((False, 1), (True, 3)):
        shop = KernelShop(read_kernel(Path("ref.py"), LOSS), ProcessSandbox(), "cpu", sys.executable, backward=backward)
        try:
            reference = shop.subject(Side())
            cost = reference.at(0).plain("cost", {"text": reference.texts[0], "seed": 1}, 60)
        finally:
            shop.close()
        assert cost["flops"] == products * 2 * 512 * 64 * 32


def test_the_bench_has_gradients(tmp_path: Path) -> None:
    for text, error in ((HEAD, 1e-5), (EXPLOITS["as if the upstream were ones"][0], 1.0)):
        (tmp_path / "bench.py").write_text(bench_text(read_kernel(Path("ref.py"), REFERENCE), text, "ModelNew", backward=True))
        done = subprocess.run([sys.executable, "bench.py"], cwd=tmp_path, capture_output=True, text=True, timeout=100)
        lines = [line for line in done.stdout.splitlines() if "relative difference" in line]
        assert done.returncode == 0 and len(lines) == 2, done
        assert all((float(line.split()[-1]) < 1e-5) == (error < 1) for line in lines), lines


SLOW = REFERENCE.replace("    def forward(self", "    @torch.compiler.disable\n    def forward(self").replace(
    "return torch.tanh(x[picked])", "for _ in range(60):\n            x = x * 1.0\n        return torch.tanh(x[picked])"
)


def test_verify_says_so(tmp_path: Path) -> None:
    (tmp_path / "ref.py").write_text(SLOW)
    (tmp_path / "new.py").write_text(HEAD)
    done = codeopt("verify", "ref.py", "new.py", "--backward", "--device", "cpu", "--sandbox", "process", "--json", cwd=tmp_path, seconds=200)
    found = json.loads(done.stdout)
    assert done.returncode == 0 and found["backward"] and found["accepted"] and found["best"]["speedup"] > 1, found
    assert "no gradient: output 1 (int64), output 2 (float32), argument 1 (int64), parameter unused (float32)" in found["notes"]


def test_what_has_no_gradient_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "ref.py").write_text(LOSS.replace("def forward", "@torch.no_grad()\n    def forward"))
    (tmp_path / "codeopt.toml").write_text("backward = true\n")
    done = codeopt("verify", "ref.py", "ref.py", "--device", "cpu", "--sandbox", "process", cwd=tmp_path)
    refused(done, "ref.py: the reference has no gradient on shape 0: none for output 0")
    (tmp_path / "f.py").write_text("def f(x: int) -> int:\n    return x\n")
    refused(codeopt("optimize", "f.py", "--function", "f", "--backward", cwd=tmp_path), "backward is not for functions and programs")
