"""Modules that cheat, and modules that only look so, judged in real sessions on the processor."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from codeopt.agent.kernels.shop import KernelShop
from codeopt.agent.tasks.kernel import read_kernel
from codeopt.sandbox.kernels.judge import KernelJudge
from codeopt.sandbox.kernels.session import Side
from codeopt.sandbox.kernels.subject import KernelSubject
from codeopt.sandbox.process import ProcessSandbox
from codeopt.types import Status

pytest.importorskip("torch", reason="PyTorch is not installed")

REFERENCE = """
import torch
from torch import nn

rows, columns = 48, 64
size = 96
SHAPES = [{"size": 96}]
HELD_OUT = [{"size": 77}]


class Model(nn.Module):
    def __init__(self, shift, size):
        super().__init__()
        self.shift = shift
        self.weight = nn.Parameter(torch.randn(size))

    def forward(self, x, y):
        return torch.softmax(x @ y + self.shift, dim=-1) * self.weight


def get_inputs():
    return [8 * torch.randn(rows, columns), torch.rand(columns, size)]


def get_init_inputs():
    return [0.5, size]
"""
HEAD = """
import torch
from torch import nn

class ModelNew(nn.Module):
    def __init__(self, shift, size):
        super().__init__()
        self.shift = shift
        self.weight = nn.Parameter(torch.randn(size))
        self.setup()

    def setup(self):
        pass

    def right(self, x, y):
        return torch.softmax(x @ y + self.shift, dim=-1) * self.weight

"""
EXPLOITS = {
    "half": "def forward(self, x, y):\n    return self.right(x.bfloat16().float(), y.bfloat16().float())",
    "zeros": "def forward(self, x, y):\n    return torch.zeros(len(x), y.shape[1])",
    "not a number": "def forward(self, x, y):\n    return self.right(x, y) * float('nan')",
    "unwritten": "def forward(self, x, y):\n    return torch.empty(len(x), y.shape[1])",
    "half written": (
        "def forward(self, x, y):\n    out = torch.empty(len(x), y.shape[1])\n"
        "    out[:40] = self.right(x, y)[:40]\n    return out"
    ),
    "another type": "def forward(self, x, y):\n    return self.right(x, y).double()",
    "a subclass": "def forward(self, x, y):\n    return nn.Parameter(self.right(x, y))",
    "a list of floats": "def forward(self, x, y):\n    return self.right(x, y).tolist()",
    "changes its argument": "def forward(self, x, y):\n    out = self.right(x, y)\n    x.add_(1)\n    return out",
    "answers in its argument": (
        "def forward(self, x, y):\n    out = self.right(x, y)\n    got = torch.as_strided(x, out.shape, out.stride())\n"
        "    return got if x.numel() < out.numel() else x.reshape(-1)[: out.numel()].copy_(out.reshape(-1)).view_as(out)"
    ),
    "raises": "def forward(self, x, y):\n    raise ValueError('no such kernel')",
    "leaves": "def forward(self, x, y):\n    import os\n    os._exit(0)",
    "looks for the original": (
        "def forward(self, x, y):\n    import gc\n"
        "    kinds = [k for k in gc.get_objects() if isinstance(k, type) and k.__name__ == 'Model']\n"
        "    return kinds[0](0.5, 96)(x, y)"
    ),
    "patches the runner": (
        "def setup(self):\n    import sys\n    sys.modules['_codeopt_runner.kernel'].described = lambda t: ['float32', [48, 96]]\n"
        "def forward(self, x, y):\n    return torch.zeros(1)"
    ),
}
TIMED = {
    "one buffer for all": (
        "def setup(self):\n    self.buffer = torch.empty(48, 96)\n"
        "def forward(self, x, y):\n    return self.buffer.copy_(self.right(x, y))"
    ),
    "two buffers in turn": (
        "def setup(self):\n    self.buffers = [torch.empty(48, 96), torch.empty(48, 96)]\n"
        "def forward(self, x, y):\n    self.buffers.reverse()\n    return self.buffers[0].copy_(self.right(x, y))"
    ),
    "right in its first calls": (
        "calls = 0\ndef forward(self, x, y):\n    self.calls += 1\n"
        "    return self.right(x, y) if self.calls < 9 else torch.full((len(x), y.shape[1]), 0.01)"
    ),
    "remembers by address": (
        "seen = {}\ndef forward(self, x, y):\n    key = x.shape\n"
        "    if key not in self.seen:\n        self.seen[key] = self.right(x, y)\n    return self.seen[key].clone()"
    ),
}
CONTROLS = {
    "the same": "def forward(self, x, y):\n    return self.right(x, y)",
    "another order": (
        "def forward(self, x, y):\n    z = x.flip(1) @ y.flip(0) + self.shift\n    z = torch.exp(z - z.amax(-1, keepdim=True))\n"
        "    return z * (self.weight / z.sum(-1, keepdim=True))"
    ),
    "in doubles": "def forward(self, x, y):\n    return (torch.softmax(x.double() @ y.double() + self.shift, -1) * self.weight).float()",
    "a stride": "def forward(self, x, y):\n    return self.right(x, y).t().contiguous().t()",
    "tries first": (
        "def forward(self, x, y):\n    try:\n        return self.no_such_kernel(x)\n    except Exception:\n        return self.right(x, y)"
    ),
    "prints": "def forward(self, x, y):\n    print('a line')\n    return self.right(x, y)",
}


def text(body: str) -> str:
    return HEAD + "".join(f"    {line}\n" for line in body.splitlines())


@pytest.fixture(scope="module")
def bench() -> Iterator[KernelShop]:
    made = KernelShop(read_kernel(Path("ref.py"), REFERENCE), ProcessSandbox(), "cpu", sys.executable)
    yield made
    made.close()


@pytest.fixture(scope="module")
def judge(bench: KernelShop) -> KernelJudge:
    found = KernelJudge(bench.subject(Side()), seed=random.randrange(1 << 30))
    found.plan(0)
    return found


@pytest.fixture
def make(bench: KernelShop) -> Iterator[object]:
    made: list[KernelSubject] = []

    def subject(body: str) -> KernelSubject:
        made.append(bench.subject(Side(text(body), "ModelNew")))
        return made[-1]

    yield subject
    for one in made:
        one.close()


@pytest.mark.parametrize("name", EXPLOITS)
def test_a_wrong_module_is_refused(judge: KernelJudge, make, name: str) -> None:  # type: ignore[no-untyped-def]
    found = judge.check(make(EXPLOITS[name]), 0, judge.seeds(1)[0])
    assert found is not None and found.status is not Status.OK, name


@pytest.mark.parametrize("name", TIMED)
def test_a_module_that_is_wrong_when_timed_is_refused(judge: KernelJudge, make, name: str) -> None:  # type: ignore[no-untyped-def]
    candidate = make(TIMED[name])
    race = judge.race(judge.reference, candidate, 0, pairs=10)
    assert race.finding is not None and race.finding.status is Status.WRONG_OUTPUT, name


@pytest.mark.parametrize("name", CONTROLS)
def test_an_honest_module_passes(judge: KernelJudge, make, name: str) -> None:  # type: ignore[no-untyped-def]
    candidate = make(CONTROLS[name])
    for seed in judge.seeds(3):
        assert judge.check(candidate, 0, seed) is None
    race = judge.race(judge.reference, candidate, 0, pairs=3)
    assert race.finding is None and len(race.device) == 3


SLOW = "def forward(self, x, y):\n    for _ in range(40):\n        out = self.right(x, y)\n    return out"
EARLY = """def setup(self):
    self.drawn, self.honest, self.x, self.ready = torch.randn, torch.rand, None, {}
    torch.randn, torch.rand = self.first, self.second
def first(self, *shape, **named):
    self.x = self.drawn(*shape, **named)
    return self.x
def second(self, *shape, **named):
    y = self.honest(*shape, **named)
    self.ready[float(8 * self.x[0, 0])] = self.slow(8 * self.x, y)
    return y
def slow(self, x, y):
    for _ in range(40):
        out = self.right(x, y)
    return out
def forward(self, x, y):
    found = self.ready.pop(float(x[0, 0]), None)
    return self.slow(x, y) if found is None else found"""


def test_a_gain_that_is_made_before_the_clock_starts_is_none(judge: KernelJudge, make) -> None:  # type: ignore[no-untyped-def]
    """One computes while its inputs are made, and looks the answer up; the other is as fast as it says."""
    rival = make(SLOW)
    for body, status in ((EARLY, Status.TAMPERED), (CONTROLS["the same"], None)):
        candidate = make(body)
        for seed in judge.seeds(2):
            assert judge.check(candidate, 0, seed) is None
        race = judge.race(rival, candidate, 0, pairs=10)
        assert race.finding is None and sum(race.device) / 10 > 1
        found = judge.early(rival, candidate, 0, race)
        assert (found.status if found else None) == status, found


def test_whether_rounding_was_lucky_decides_nothing(judge: KernelJudge, make) -> None:  # type: ignore[no-untyped-def]
    candidate = make(CONTROLS["another order"])
    # With the reference's error on the same input alone, one in thirteen was refused.
    assert [found.evidence for seed in judge.seeds(60) if (found := judge.check(candidate, 0, seed))] == []
    worse = make(CONTROLS["another order"].replace("x.flip(1) @", "(x * (1 + 8e-5)).flip(1) @"))
    assert all(judge.check(worse, 0, seed) for seed in judge.seeds(10))
