"""The kernel suite's references: in form, and no task that an answer made without work would pass.

They run in one process of their own, on tiny shapes and on the processor, with the code that judges them on a GPU.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from codeopt.agent.tasks.kernel import read_kernel, shaped
from codeopt.evals import suites
from codeopt.sandbox.kernels.numbers import judged

HERE = Path(__file__).resolve().parent
FOLDER = Path(suites.__file__).resolve().parent / "kernels"
FILES = sorted(FOLDER.glob("*.py"))
BF16, F16, F32 = "torch.bfloat16", "torch.float16", "torch.float32"
# Odd sizes, so that edges count.
TINY: dict[str, list[dict[str, Any]]] = {
    "causal_attention": [
        {"batch": 2, "heads": 3, "length": 75, "head_dim": 16, "dtype": dtype} for dtype in (BF16, F16, F32)
    ],
    "cross_entropy_fused": [
        {"tokens": 70, "hidden": 24, "vocabulary": 333, "smoothing": 0.1 * (dtype == F16), "dtype": dtype}
        for dtype in (BF16, F16, F32)
    ],
    "cumsum": [{"rows": 9, "columns": 777, "dtype": dtype} for dtype in (BF16, F32)],
    "decode_attention_kv4": [
        {"batch": 5, "heads": 6, "kv_heads": 3, "length": 57, "head_dim": 32, "group": 16, "dtype": dtype}
        for dtype in (BF16, F16)
    ],
    "gemm_bf16": [{"m": 33, "n": 45, "k": 75}],
    "gemm_fp8": [{"m": 33, "n": 45, "k": 75}],
    "gemm_int8": [{"m": 33, "n": 48, "k": 72, "dtype": dtype} for dtype in (BF16, F16)],
    "gemm_w4a8": [{"m": 17, "n": 45, "k": 96, "group": 32}],
    "linear_attention_decay": [
        {"batch": 2, "heads": 5, "length": 75, "head_dim": 16, "chunk": 16, "dtype": dtype} for dtype in (BF16, F32)
    ],
    "logsumexp": [{"rows": 33, "columns": 777, "dtype": dtype} for dtype in (BF16, F16, F32)],
    "lora_batched": [
        {"requests": 9, "length": 3, "inputs": 40, "outputs": 33, "adapters": 5, "rank": 4, "dtype": dtype}
        for dtype in (BF16, F16)
    ],
    "moe_grouped": [
        {"tokens": 33, "hidden": 40, "inner": 24, "experts": 7, "top_k": 3, "dtype": dtype} for dtype in (BF16, F16)
    ],
    "rmsnorm_residual": [{"rows": 33, "columns": 777, "dtype": dtype} for dtype in (BF16, F16, F32)],
    "softmax": [{"rows": 33, "columns": 777, "dtype": dtype} for dtype in (BF16, F16, F32)],
    "taylor_attention": [
        {"batch": 2, "heads": 3, "length": 75, "feature_dim": 8, "head_dim": 16, "window": 10, "dtype": dtype}
        for dtype in (BF16, F32)
    ],
    "topk": [{"rows": 9, "columns": 777, "k": 13}],
}
CASES = [f"{name}-{number}" for name, shapes in TINY.items() for number in range(len(shapes))]
LONG_ROWS = ("rmsnorm_residual", "softmax", "logsumexp", "cumsum")
OWN_ERROR = {"bfloat16": 2e-2, "float16": 2e-3, "float32": 1e-6}  # of a reference, at most, by the shortest type in it


@pytest.fixture(scope="module")
def found() -> dict[str, dict[str, Any]]:
    """What each task is like: "tiny" ones were run, of "real" ones the sizes were found out."""
    pytest.importorskip("torch", reason="torch is not installed")
    asked: dict[str, dict[str, Any]] = {"tiny": {}, "real": {}}
    for name, shapes in TINY.items():
        file = FOLDER / f"{name}.py"
        for number, values in enumerate(shapes):
            shape = shaped(file, file.read_text(encoding="utf-8"), values)
            asked["tiny"][f"{name}-{number}"] = [shape.whole, shape.inputs]
        for shape in read_kernel(file, file.read_text(encoding="utf-8")).shapes:
            asked["real"][f"{name}: {shape.name}"] = shape.whole
    done = subprocess.run(
        [sys.executable, str(HERE / "kernels_inside.py")],
        input=json.dumps(asked), capture_output=True, text=True, timeout=300, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return told


@pytest.fixture(scope="module")
def reports(found: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return found["tiny"]


def test_each_file_has_a_tiny_shape_and_a_line_in_the_readme_and_is_a_problem_of_the_suite() -> None:
    assert [file.stem for file in FILES] == sorted(TINY)
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert [file.stem for file in FILES if f"`{file.stem}`" not in readme] == []
    assert [task.task_id for task in suites.find("kernels", None).problems] == [file.stem for file in FILES]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_file_has_the_form(file: Path) -> None:
    kernel = read_kernel(file, file.read_text(encoding="utf-8"))
    held_out = [shape for shape in kernel.shapes if shape.held_out]
    assert len(kernel.shapes) - len(held_out) >= 2
    assert held_out
    assert any(number & (number - 1) and number % 8 for shape in held_out for number in numbers(shape.name))
    assert "cost" in [node.name for node in ast.parse(kernel.source).body if isinstance(node, ast.FunctionDef)]
    if file.stem in LONG_ROWS:
        assert "rows=4096, columns=32768, dtype=torch.float32" in [shape.name for shape in kernel.shapes]


@pytest.mark.parametrize("case", CASES)
def test_the_reference_is_right_and_repeats_itself(case: str, reports: dict[str, Any]) -> None:
    told = reports[case]
    assert told["finite"] and told["again"] and told["left_alone"]
    assert told["inputs_alone"], "without its module the file makes other inputs"
    errors = [judged(row, dtype) for row, dtype in zip(told["right"], told["types"], strict=True)]
    assert [error.told for error in errors] == [""] * len(errors)
    types = {*told["types"], *told["most"]["types"]}
    most = next(error for dtype, error in OWN_ERROR.items() if dtype in types)
    assert max(error.base_relative for error in errors) <= most


@pytest.mark.parametrize("case", CASES)
def test_the_oracle_is_in_double_precision_throughout(case: str, reports: dict[str, Any]) -> None:
    assert reports[case]["oracle"], "no oracle: it raised"
    assert reports[case]["narrow"] == []


@pytest.mark.parametrize("case", CASES)
def test_nothing_passes_without_the_work(case: str, reports: dict[str, Any]) -> None:
    told = reports[case]
    assert told["same_arguments"] == [], "arguments that no seed changes"
    for answer, rows in told["wrong"].items():
        passed = [not judged(row, dtype).told for row, dtype in zip(rows, told["types"], strict=True)]
        if answer.startswith(("another argument", "other weights")):  # not every output depends on each of them
            assert not all(passed), answer
        else:
            assert not any(passed), answer


@pytest.mark.parametrize("case", CASES)
def test_the_least_cost_is_no_more_than_each_tensor_once(case: str, reports: dict[str, Any]) -> None:
    cost, most = reports[case]["cost"], reports[case]["most"]
    assert 0 < cost["bytes"] <= most["bytes"]
    assert cost["flops"] > 0
    # What torch counts are matrix products only, and masked ones in full.
    assert not most["flops"] or cost["flops"] <= most["flops"] or case.startswith("linear_attention")


def test_real_shapes_fit_together_and_into_a_gpu(found: dict[str, dict[str, Any]]) -> None:
    for name, told in found["real"].items():
        assert 5e6 < told["arguments"] < 1.1e9, name
        if not name.startswith("moe_grouped"):  # how many tokens an expert has depends on values
            assert 0.4 * told["arguments"] < told["bytes"] <= told["arguments"] + told["outputs"], name


def numbers(name: str) -> list[int]:
    """The whole numbers in a shape's name."""
    return [int(value) for part in name.split(", ") if (value := part.partition("=")[2]).isdigit()]
