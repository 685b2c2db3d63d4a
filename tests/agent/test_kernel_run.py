"""`codeopt optimize` and `codeopt verify` for a kernel, as a person runs them, on the processor."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from codeopt.agent.kernels.dims import hint
from codeopt.agent.kernels.graph import Symbol
from codeopt.agent.tasks.kernel import read_kernel, shaped
from codeopt.errors import UserError
from codeopt.trace import VerdictReached, read_trace
from codeopt.types import Status
from tests.commandline import codeopt, refused
from tests.evals.test_kernels import FAST, REFERENCE, WRONG
from tests.servers import Step, serve

NO_TORCH = "PyTorch is not installed"
SMALL = """import torch


class Model(torch.nn.Module):
    def forward(self, x):
        return torch.exp(x) * 2 + x


def get_inputs():
    return [torch.randn(8, 16)]


def get_init_inputs():
    return []
"""


def fenced(code: str) -> Step:
    return Step(f"Rows are taken one by one; one call takes all.\n\n```python\n{code}```")


def test_shapes_are_other_values_for_the_modules_numbers() -> None:
    text = REFERENCE.replace("torch.randn(rows, columns)", "torch.randn(rows, columns, dtype=dtype)").replace(
        "rows, columns", "dtype: object = torch.float32\nrows, columns", 1
    )
    found = read_kernel(Path("k.py"), text).shapes
    assert [(shape.name, shape.held_out) for shape in found] == [
        ("rows=16", False), ("rows=32, columns=100", False), ("rows=9, columns=77", True),
    ]  # fmt: skip
    assert "rows, columns = 32, 100\n" in found[1].whole and "class Model" in found[1].whole
    assert "class Model" not in found[1].inputs and "HELD_OUT" not in found[1].inputs and "get_inputs" in found[1].inputs
    assert found[1].inputs.count("\n") == found[1].whole.count("\n"), "lines keep their numbers"
    assert "dtype: object = torch.bfloat16" in shaped(Path("k.py"), text, {"dtype": "torch.bfloat16"}).inputs
    for wrong in ({"width": 3}, {"rows": "torch.x; import os"}, {"rows": [1]}):
        with pytest.raises(UserError):
            shaped(Path("k.py"), text, wrong)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (REFERENCE.replace("def get_init_inputs", "def other"), "defines no get_init_inputs"),
        (REFERENCE.replace("SHAPES = [", "SHAPES = [rows, "), "SHAPES is no list of dictionaries"),
        (REFERENCE.replace('"rows": 9', '"height": 9'), "sets height, which the module does not"),
        (REFERENCE.replace("x[i].max())", "x[i].max()) * (columns > 0)"), "Model reads columns, which shapes set"),
    ],
)
def test_a_reference_that_is_not_in_the_form_is_one_line(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "ref.py").write_text(text)
    (tmp_path / "new.py").write_text(FAST)
    refused(codeopt("verify", "ref.py", "new.py", "--sandbox", "process", cwd=tmp_path), says)


def test_a_candidate_without_a_module_and_a_device_that_is_not_there_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "ref.py").write_text(REFERENCE)
    (tmp_path / "new.py").write_text("def f():\n    return 1\n")
    refused(codeopt("verify", "ref.py", "new.py", cwd=tmp_path), "defines neither ModelNew nor Model")
    (tmp_path / "new.py").write_text(FAST)
    refused(codeopt("verify", "ref.py", "new.py", "--device", "tpu", cwd=tmp_path), "cuda")


def test_verify_checks_without_a_gpu(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason=NO_TORCH)
    (tmp_path / "ref.py").write_text(REFERENCE)
    for text, status in ((FAST, "undecided"), (WRONG, "wrong_output")):
        (tmp_path / "new.py").write_text(text)
        done = codeopt("verify", "ref.py", "new.py", "--device", "cpu", "--sandbox", "process", "--json", cwd=tmp_path, seconds=600)
        found = json.loads(done.stdout)
        if text == WRONG:
            assert done.returncode == 1 and found["status"] == status, found
            continue
        assert done.returncode == 0 and found["accepted"] and found["best"]["speedup"] > 1, found
        assert [row["held_out"] for row in found["shapes"]] == [False, False, True]
        assert all(0 < row["error_ratio"] < 1 and row["device_s"] and row["bytes"] for row in found["shapes"])


def test_optimize_finds_repairs_and_hands_out_a_bench(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason=NO_TORCH)
    (tmp_path / "kernel.py").write_text(REFERENCE)
    nothing = "def fast(x):\n    return x\n"
    with serve(fenced(WRONG), fenced(nothing), fenced(FAST), Step("I have no further idea."), Step("None."), Step("None.")) as server:
        words = ("--device", "cpu", "--model", "m", "--strategy", "refine", "--proposer", "llm", "--base-url", server.url, "--max-tokens", "100000")
        done = codeopt(
            "optimize", "kernel.py", *words, "--sandbox", "process", "--time", "900", "--run", "run", "--json",
            cwd=tmp_path, seconds=900,
        )  # fmt: skip
        asked = [request["messages"] for request in server.requests if request.get("messages")]
    found = json.loads(done.stdout)
    assert done.returncode == 0 and found["verified"], (found, done.stderr)
    assert "ModelNew" in asked[0][0]["content"] and "rows=32, columns=100" in asked[0][1]["content"]
    assert "rows=9" not in asked[0][1]["content"] or "HELD_OUT" in asked[0][1]["content"]
    assert any("its error against the oracle" in message["content"] for message in asked[1]), "what was wrong goes back"
    assert found["kernel"]["label"] == "library" and found["measurement"]["speedup"] > 1
    assert found["candidates"]["wrong_output"] == found["candidates"]["screen_failed"] == 1
    ran = subprocess.run([sys.executable, found["files"]["bench"]], capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0 and ran.stdout.count("relative difference") == 3, ran
    report = Path(found["files"]["report"]).read_text()
    assert "On each shape" in report and "rows=9, columns=77 (held out)" in report


def test_a_rival_that_takes_too_long_to_compile_is_left_out_and_said(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason=NO_TORCH)
    (tmp_path / "kernel.py").write_text(re.sub(r" +@torch.compiler.disable.*\n", "", REFERENCE))
    words = ("--device", "cpu", "--proposer", "rules", "--sandbox", "process", "--time", "8", "--run", "run")
    done = codeopt("optimize", "kernel.py", *words, cwd=tmp_path, seconds=300)
    assert done.returncode == 1 and "torch.compile(default) was not compiled in the time that it had" in done.stdout + done.stderr, done


def test_own_kernels_that_are_slower_are_judged_and_stand_in_the_trace(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason=NO_TORCH)
    pytest.importorskip("triton", reason="Triton is not installed")
    (tmp_path / "kernel.py").write_text(SMALL)
    words = ("--device", "cpu", "--proposer", "rules", "--sandbox", "process", "--time", "150", "--run", "run", "--json")
    done = codeopt("optimize", "kernel.py", *words, cwd=tmp_path, seconds=600)
    judged = [event.verdict for event in read_trace(tmp_path / "run") if isinstance(event, VerdictReached)]
    assert done.returncode == 1 and judged, done.stderr
    # Triton's interpreter takes a hundred times as long.
    assert judged[0].status in (Status.UNDECIDED, Status.NOT_FASTER) and judged[0].search and judged[0].search.speedup < 0.5


@pytest.mark.parametrize(
    ("size", "is_"),
    [("8*s0", 64), ("(s0 + 1)//2", 4), ("-s0 + 9", 1), ("s0**2", 64), ("9**9**9", 0), ("s9*2", 0), ("print(1)", 0), ("s0/(0)", 0)],
)
def test_a_size_from_a_session_is_computed_and_never_run(size: str, is_: int) -> None:
    assert hint([size], {"s0": Symbol(8)}) == is_


def test_optimize_with_backward(tmp_path: Path) -> None:
    """A module without gradients is refused and goes back; the winner's bench has them; rules say that they have nothing."""
    pytest.importorskip("torch", reason=NO_TORCH)
    head, _, rest = REFERENCE.partition("        out = ")  # rows that are written in place cannot be differentiated
    rows = "        return torch.stack([torch.softmax(row, -1) for row in x])\n"
    head = re.sub("SHAPES = .*\nHELD_OUT = .*\n", "", head)
    (tmp_path / "kernel.py").write_text(head + rows + rest.partition("return out\n")[2])
    (tmp_path / "codeopt.toml").write_text('backward = true\ndevice = "cpu"\n')
    without = FAST.replace("torch.softmax(x, -1)", "torch.softmax(x.detach(), -1)")
    with serve(fenced(without), fenced(FAST), Step("I have no further idea."), Step("None."), Step("None.")) as server:
        words = ("--model", "m", "--strategy", "refine", "--proposer", "rules,llm", "--base-url", server.url, "--max-tokens", "100000")
        done = codeopt("optimize", "kernel.py", *words, "--sandbox", "process", "--time", "120", "--run", "run", "--json", cwd=tmp_path, seconds=600)
        asked = [request["messages"] for request in server.requests if request.get("messages")]
    found = json.loads(done.stdout)
    assert done.returncode == 0 and found["verified"] and found["kernel"]["backward"], (found, done.stderr)
    assert "torch.autograd.Function" in asked[0][1]["content"]
    assert any("output 0 has no grad_fn where the reference's has one" in message["content"] for message in asked[1])
    assert "rules write kernels for forward alone" in (tmp_path / "run" / "trace.jsonl").read_text()
    assert "--backward" in found["verify"] and "torch.autograd.grad" in Path(found["files"]["bench"]).read_text()
    assert "forward and backward" in Path(found["files"]["report"]).read_text()
