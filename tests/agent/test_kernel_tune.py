"""Kernels that are there already: functions in place of modules, launch parameters, and tuning them through Triton's interpreter."""

from __future__ import annotations

import importlib.util
from contextlib import closing
from pathlib import Path

import pytest

from codeopt.agent.kernels.launch import edited, numbers, told
from codeopt.agent.kernels.shop import KernelShop
from codeopt.agent.kernels.tune import RULE, KernelTune
from codeopt.agent.proposers.base import ProposeContext
from codeopt.agent.tasks.kernel import is_kernel, read_kernel
from codeopt.errors import UserError
from codeopt.sandbox.kernels.judge import KernelJudge
from codeopt.sandbox.kernels.session import Side
from codeopt.sandbox.process import ProcessSandbox
from codeopt.types import Candidate, Proposal
from tests.commandline import codeopt, refused

needs_triton = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("torch", "triton")), reason="needs PyTorch and Triton"
)
SCALE = """import torch
import triton
import triton.language as tl

rows, columns = 4, 10
HELD_OUT = [{"rows": 3, "columns": 5}]
WARPS: int = 2


@triton.jit
def scaled(x_ptr, out_ptr, count, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + at, mask=at < count)
    tl.store(out_ptr + at, 2 * x + 1, mask=at < count)


def scale(x):
    out = torch.empty_like(x)
    BLOCK = 2
    scaled[(triton.cdiv(x.numel(), BLOCK),)](x, out, x.numel(), BLOCK, num_warps=WARPS)
    return out


def reference(x):
    return 2 * x + 1


def get_inputs():
    return [torch.randn(rows, columns)]
"""


def test_functions_stand_for_modules() -> None:
    assert is_kernel(SCALE) and not is_kernel(SCALE.replace("torch", "np"))
    kernel = read_kernel(Path("scale.py"), SCALE)
    assert "return reference(*args)" in kernel.source and "return scale(*args)" in kernel.start
    assert "def reference" not in kernel.start and "HELD_OUT" not in kernel.start and "class Model(" not in kernel.start
    for shape in kernel.shapes:
        assert "def reference" not in shape.inputs and "class Model" not in shape.inputs and "def get_inputs" in shape.inputs
    assert kernel.shapes[1].held_out and "rows, columns = 3, 5" in kernel.shapes[1].whole
    alone = read_kernel(Path("scale.py"), SCALE.replace("def scale(x)", "def _scale(x)"))
    assert alone.start == "" and "class Model(" in alone.source, "a reference without a kernel is a task, too"
    helped = SCALE.replace("def scale(x):", "def helper(x):\n    return x\n\n\ndef scale(x):\n    x = helper(x)")
    assert "return scale(*args)" in read_kernel(Path("scale.py"), helped).start
    with pytest.raises(UserError, match="could both be the launcher"):
        read_kernel(Path("scale.py"), SCALE + "\n\ndef other(x):\n    return x\n")
    with pytest.raises(UserError, match="reads rows"):
        read_kernel(Path("scale.py"), SCALE.replace("return 2 * x + 1", "return 2 * x + rows"))


def test_a_winner_stands_in_the_file_beside_its_reference() -> None:
    kernel = read_kernel(Path("scale.py"), SCALE)
    tuned = kernel.merged(kernel.start.replace("BLOCK = 2\n", "BLOCK = 512\n"))
    assert tuned == SCALE.replace("BLOCK = 2\n", "BLOCK = 512\n"), "nothing else is changed"
    other = "import torch\n\n\ndef get_inputs():\n    return [torch.randn(4, 10)]\n\n\nclass ModelNew(torch.nn.Module):\n    def forward(self, x):\n        return torch.add(x, x) + 1\n"
    whole = kernel.merged(other)
    again = read_kernel(Path("scale.py"), "rows, columns = 4, 10\n" + whole)
    assert "torch.add(x, x) + 1" in again.start and "def reference" in whole and "HELD_OUT" in whole


def test_numbers_of_a_launch_are_found_and_written() -> None:
    found = {number.name: number for number in numbers(SCALE)}
    assert {name: number.value for name, number in found.items()} == {
        "BLOCK of scaled": 2, "num_warps of scaled": 2, "num_stages of scaled": 3,
    }  # fmt: skip
    assert found["BLOCK of scaled"].others == (4, 1, 8) and found["num_warps of scaled"].others == (1, 4, 8, 16)
    same = {number: number.value for number in found.values()}
    assert edited(SCALE, same) == SCALE and told(same) == ""
    other = same | {found["BLOCK of scaled"]: 64, found["num_warps of scaled"]: 8, found["num_stages of scaled"]: 2}
    text = edited(SCALE, other)
    assert "BLOCK = 64\n" in text and "WARPS: int = 8\n" in text and "num_warps=WARPS, num_stages=2)\n" in text
    assert told(other) == "num_warps of scaled 2 → 8, BLOCK of scaled 2 → 64, num_stages of scaled 3 → 2"
    assert [number.value for number in numbers(text)] == [8, 64, 2]


@pytest.mark.parametrize(
    ("launch", "names"),
    [
        ("scaled[grid](x, out, n, 128)", ["BLOCK", "num_stages", "num_warps"]),
        ("scaled[grid](x, out, n, BLOCK=128,)", ["BLOCK", "num_stages", "num_warps"]),
        ("scaled[grid](x, out, n, BLOCK=n, num_warps=4)", ["num_warps", "num_stages"]),
        ("scaled[grid](x, out, n, BLOCK=100, **more)", []),
        ("scaled[grid](*rest)", ["num_stages", "num_warps"]),
        ("scaled(x, out, n, 128)", []),
        ("other[grid](x, 128)", []),
        ("BLOCK = 64\n    BLOCK = 128\n    scaled[grid](x, out, n, BLOCK, num_warps=8, num_stages=1)", ["num_warps", "num_stages"]),
    ],
)
def test_what_is_a_number_of_a_launch(launch: str, names: list[str]) -> None:
    text = f"import triton\n\n@triton.jit\ndef scaled(x, out, n, BLOCK: tl.constexpr):\n    pass\n\ndef f(x):\n    {launch}\n"
    found = numbers(text)
    assert [number.name for number in found] == [f"{name} of scaled" for name in names]
    changed = edited(text, {number: number.others[0] for number in found})
    assert [number.value for number in numbers(changed)] == [number.others[0] for number in sorted(found, key=lambda n: n.start)] or len(found) > 2
    compile(changed, "f", "exec")
    assert numbers(text.replace("@triton.jit", "@triton.autotune(configs=[])\n@triton.jit")) == []


@needs_triton
def test_a_launch_is_tuned() -> None:
    kernel = read_kernel(Path("scale.py"), SCALE)
    with closing(KernelShop(kernel, ProcessSandbox(), "cpu")) as shop:
        judge = KernelJudge(shop.subject(Side()), seed=1)
        assert shop.baseline_source() == kernel.start
        tune = KernelTune(shop, judge, [0], stop=lambda: tune.tried > 11)  # one round
        root = Candidate(id="c0", parent="", proposal=Proposal(source=kernel.start, proposer="", note=""))
        made = list(tune.propose(ProposeContext(parent=root, source=kernel.start)))
        assert len(made) == 1 and made[0].rule == RULE and tune.tried > 11
        block = next(number for number in numbers(made[0].source) if number.name == "BLOCK of scaled")
        assert block.value > 2, "the interpreter runs programs one by one"
        assert "BLOCK of scaled 2 → " in made[0].note
        assert [judge.check(shop.proposed(made[0]), shape, 3) for shape in range(2)] == [None, None]
        assert list(tune.propose(ProposeContext(parent=root, source=made[0].source))) == [], "what it made is tuned"


@needs_triton
def test_the_kernel_in_the_file_is_checked_first(tmp_path: Path) -> None:
    (tmp_path / "scale.py").write_text(SCALE)
    done = codeopt("verify", "scale.py", "scale.py", "--sandbox", "process", cwd=tmp_path, seconds=300)
    assert "right on 2 shape(s)" in done.stdout, done
    (tmp_path / "scale.py").write_text(SCALE.replace("2 * x + 1, mask", "3 * x, mask"))
    words = ("--proposer", "tune", "--device", "cpu", "--sandbox", "process", "--time", "60")
    done = codeopt("optimize", "scale.py", *words, cwd=tmp_path, seconds=300)
    assert done.returncode == 2 and "codeopt: scale.py: its ModelNew is wrong_output on as written" in done.stderr, done


def test_other_programs_have_no_launches(tmp_path: Path) -> None:
    (tmp_path / "f.py").write_text("def f(xs: list[int]) -> int:\n    return sum(sorted(xs))\n")
    done = codeopt("optimize", "f.py", "--proposer", "tune", "--sandbox", "process", cwd=tmp_path)
    refused(done, "changes launch parameters of Triton kernels")
