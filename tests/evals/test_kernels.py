"""Suites of kernels: what is read, what is counted, and a whole scoring on the processor."""

from __future__ import annotations

import base64
import io
import itertools
import json
import os
import pickle
import sys
from pathlib import Path

import pytest

from codeopt.errors import UserError
from codeopt.evals import samples, suites
from codeopt.evals.kernels import KernelRow
from codeopt.evals.rows import summary
from codeopt.evals.worker import serve
from codeopt.sandbox.kernels import device
from codeopt.types import Status
from tests import hubserver
from tests.commandline import codeopt

REFERENCE = """import torch
from torch import nn

rows, columns = 16, 256
SHAPES = [{"rows": 16}, {"rows": 32, "columns": 100}]
HELD_OUT = [{"rows": 9, "columns": 77}]


class Model(nn.Module):
    @torch.compiler.disable  # C++ compilers take half a minute for such a loop
    def forward(self, x):
        out = torch.empty_like(x)
        for i in range(len(x)):
            out[i] = torch.exp(x[i] - x[i].max())
            out[i] = out[i] / out[i].sum()
        return out


def get_inputs():
    return [8 * torch.randn(rows, columns)]


def get_init_inputs():
    return []
"""
FAST = "import torch\n\nclass ModelNew(torch.nn.Module):\n    def forward(self, x):\n        return torch.softmax(x, -1)\n"
WRONG = FAST.replace("torch.softmax(x, -1)", "torch.softmax(x, -1) * 1.001")
NARROW = FAST.replace("torch.softmax(x, -1)", "torch.softmax(x, -1) if len(x) % 16 == 0 else x")


def row(task: str, sample: int, eager: float, best: float, *, passed: bool = True, tie: bool = False) -> KernelRow:
    return KernelRow(
        task_id=task,
        sample=sample,
        passed=passed,
        status=Status.OK if passed else Status.WRONG_OUTPUT,
        evidence="",
        eager=eager if passed else 0.0,
        best=best if passed else 0.0,
        verified_eager=passed and eager > 1.05,
        verified=passed and best > 1.05,
        tie=tie,
        share=0.5 if passed else 0.0,
    )


def test_each_lane_has_a_gpu_of_its_own() -> None:
    assert device.for_lanes(2, ["0", "3", "5"]) == ["0", "3"] and device.for_lanes(4, []) == []
    with pytest.raises(UserError, match="--lanes 2: kernels are timed on a GPU of their own, and there are 1 here"):
        device.for_lanes(2, ["0"])
    assert device.listed("1, GPU-8a-b,MIG-GPU-1/2/3") == ["1", "GPU-8a-b", "MIG-GPU-1/2/3"]
    assert device.listed("2,-1,3") == ["2"] and device.listed("") == [] == device.listed("NoDevFiles")


def test_a_lanes_sessions_see_its_gpu_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = base64.b85encode(pickle.dumps(suites.find("kernels", None))).decode()
    for given, sees in (("1", "1"), ("", "0,1")):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
        replies = io.StringIO()
        hello = {"suite": packed, "sandbox": "process", "core": max(os.sched_getaffinity(0)), "device": given}
        serve(io.StringIO(json.dumps(hello) + "\n"), replies)
        assert json.loads(replies.getvalue()) == {"ran_in": "process"}
        assert device.runtime(sys.executable, (), "cuda", ()).env["CUDA_VISIBLE_DEVICES"] == sees


def test_fast_p_is_strict_and_over_all_problems() -> None:
    rows = [row("a", 0, 2.0, 1.0), row("b", 0, 1.0, 0.9), row("c", 0, 1.6, 1.2), row("d", 0, 9.0, 9.0, passed=False)]
    found = summary(rows, [1])
    figures = {name: value[0] if isinstance(value, list) else value for name, value in found.items()}
    assert figures["fast_0@1"] == 0.75
    assert figures["fast_1@1"] == figures["fast_1.5@1"] == 0.5, "1.0 is not above 1"
    assert figures["fast_2@1"] == 0.0, "2.0 is not above 2"
    assert figures["fast_1_best@1"] == 0.25 and figures["verified_best@1"] == 0.25
    assert figures["geomean_eager"] == pytest.approx((2.0 * 1.0 * 1.6) ** (1 / 3), abs=1e-4)
    assert figures["geomean_eager_problems"] == 3


def test_the_best_of_k_is_over_all_subsets() -> None:
    group = [row("a", 0, 0.8, 0.7), row("a", 1, 1.4, 0.9, tie=True), row("a", 2, 3.0, 2.0), row("a", 3, 1.0, 1.0, passed=False)]
    for k in (1, 2, 3, 4):
        subsets = list(itertools.combinations(group, k))
        figures = KernelRow.at_k(k)
        for name, counts in (
            (f"fast_1@{k}", lambda one: one.passed and one.eager > 1),
            (f"verified_best_or_tie@{k}", lambda one: one.verified or one.tie),
        ):
            share = sum(any(map(counts, subset)) for subset in subsets) / len(subsets)
            assert figures[name](group) == pytest.approx(share)


def test_our_suite_is_there_without_any_data() -> None:
    found = suites.find("kernels", None)
    assert len(found.problems) == 16 and "softmax" in found.names()
    assert found.values(found.names()["softmax"])["source"].count("class Model") == 1


def folder_of(place: Path) -> Path:
    for level, name in ((1, "1_Square.py"), (1, "2_Softmax.py"), (2, "1_Square.py"), (1, "10_Tenth.py")):
        (place / f"level{level}").mkdir(parents=True, exist_ok=True)
        (place / f"level{level}" / name).write_text(REFERENCE)
    return place


def test_kernelbench_is_read_as_it_is_published(tmp_path: Path) -> None:
    found = suites.find("kernelbench", folder_of(tmp_path / "KernelBench").parent)
    assert [task.task_id for task in found.problems] == ["level1/1", "level1/2", "level1/10", "level2/1"]
    assert found.chosen(["level2/1", "2_Softmax"])[1].task_id == "level1/2"
    with pytest.raises(UserError):
        found.chosen(["1_Square"])  # two levels have one
    with pytest.raises(UserError, match="no KernelBench"):
        suites.find("kernelbench", tmp_path / "level1")


def test_kernelbench_comes_from_the_hub(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")
    import pyarrow.parquet as pq

    files = {}
    for level in (1, 2, 3, 4):
        rows = [{"code": REFERENCE, "level": level, "name": f"{n}_Kind_{n}", "problem_id": n} for n in (1, 2)]
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / "part.parquet")
        files[f"data/level_{level}-00000-of-00001.parquet"] = (tmp_path / "part.parquet").read_bytes()
    with hubserver.serve({"ScalingIntelligence/KernelBench": files}) as hub:
        done = codeopt(
            "eval", "score", "kernelbench", "--samples-from", "none.json", "--ids", "level9/1",
            cwd=tmp_path, env={"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "hf"), "CODEOPT_DATA": ""},
        )  # fmt: skip
    assert done.returncode == 2 and "kernelbench has no problem 'level9/1'" in done.stderr, done.stderr


def test_folders_of_generations_are_read(tmp_path: Path) -> None:
    for name in ("level_1_problem_2_sample_1_kernel.py", "level_1_problem_2_sample_0_kernel.py", "level_2_problem_10_sample_0_kernel.py"):
        (tmp_path / name).write_text(f"# {name}\n")
    (tmp_path / "eval_results.json").write_text("{}")
    found = samples.read(tmp_path)
    assert list(found) == ["level1/2", "level2/10"] and [text[:35] for text in found["level1/2"]] == [
        "# level_1_problem_2_sample_0_kernel", "# level_1_problem_2_sample_1_kernel",
    ]  # fmt: skip


def test_a_folder_of_kernels_is_scored_on_the_processor(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed")
    place = tmp_path / "mine" / "softmax"
    place.mkdir(parents=True)
    (place / "kernel.py").write_text(REFERENCE)
    (place / "codeopt.toml").write_text(f'device = "cpu"\npython = "{sys.executable}"\n')
    (tmp_path / "samples.json").write_text(json.dumps({"softmax": [FAST, WRONG, NARROW, "def f(): pass"]}))
    words = ("eval", "score", "mine", "--samples-from", "samples.json", "--sandbox", "process", "--out", "out")
    done = codeopt(*words, "--json", cwd=tmp_path, seconds=900)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in (tmp_path / "out" / "rows.jsonl").read_text().splitlines()]
    assert [one["status"] for one in rows] == ["ok", "wrong_output", "wrong_output", "screen_failed"], rows
    assert rows[0]["passed"] and rows[0]["eager"] > 2 and rows[0]["verified_eager"]
    assert "shape 2" in rows[2]["evidence"], "right on the shapes that are shown, wrong on the one that is held out"
    figures = json.loads(done.stdout)
    assert figures["fast_0@1"][0] == figures["fast_1@1"][0] == 0.25


def test_kernels_beside_other_programs_are_told_apart(tmp_path: Path) -> None:
    for name, text in (("one", REFERENCE), ("two", "def f(x):\n    return x\n")):
        (tmp_path / "mixed" / name).mkdir(parents=True)
        (tmp_path / "mixed" / name / "program.py").write_text(text)
        (tmp_path / "mixed" / name / "codeopt.toml").write_text("")
    with pytest.raises(UserError, match="holds kernels"):
        suites.find(str(tmp_path / "mixed"), None)
