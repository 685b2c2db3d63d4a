"""What Hopper's compiler makes of the templates: one candidate of each, compiled for sm_90 by Triton, which needs no GPU for it."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from codeopt.agent.kernels.assemble import candidate
from codeopt.agent.kernels.evidence import builds_told, by_name
from codeopt.agent.kernels.graph import read
from codeopt.agent.kernels.rules import Template
from codeopt.agent.tasks.kernel import read_kernel
from codeopt.sandbox.interpreter import find_interpreter
from codeopt.sandbox.kernels import device, ptx
from codeopt.sandbox.kernels.session import KernelSession, Side
from codeopt.sandbox.kernels.subject import KernelSubject
from codeopt.sandbox.process import ProcessSandbox

from .kernel_modules import WHOLE_PRODUCTS, module


def tools() -> Path:
    """The folder of the programs that Triton brings."""
    spec = importlib.util.find_spec("triton.backends.nvidia")
    return Path(next(iter(spec.submodule_search_locations or ()), ""), "bin") if spec else Path()


def missing() -> str:
    """Why nothing can be compiled for Hopper here; "" where it can."""
    if any(importlib.util.find_spec(name) is None for name in ("torch", "triton")):
        return "needs PyTorch and Triton"
    return "" if (tools() / "ptxas").is_file() else "this Triton has no compiler for NVIDIA's GPUs"


pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())
LARGE = {"sizes": "R=256, C=1024", "other": "R=256, C=1024"}
TEXTS = {
    "points": module("return F.gelu(x) * y + 1", "x=(R, C); y=(R, C)", **LARGE),
    "rows": module("return F.softmax(x + y, dim=-1)", "x=(R, C); y=(C,)", **LARGE),
    "whole": module("return F.mse_loss(torch.sigmoid(x), y)", "x=(R, C); y=(R, C)", **LARGE),
    "scan": module("return torch.cumsum(x * 2, dim=1)", "x=(R, C)", **LARGE),
    "selection": module("return torch.topk(x, 4, dim=1)", "x=(R, C)", sizes="R=64, C=512", other="R=64, C=512"),
    "product": module("return F.relu(x @ y)", "x=(R, C); y=(C, 256)", dtype="bfloat16", **LARGE),
    "persistent": module("return F.relu(x @ y)", "x=(R, C); y=(C, 256)", dtype="bfloat16", **LARGE),
    "unpacked": WHOLE_PRODUCTS["eight_bits"],
    "attention": module(
        "return F.scaled_dot_product_attention(q, k, v, is_causal=True)", "q=(B, 4, T, 64); k=(B, 4, T, 64); v=(B, 4, T, 64)",
        sizes="B=1, T=256", other="B=1, T=256", dtype="bfloat16",
    ),
}  # fmt: skip
WANTED = {
    "points": ("no matrix instructions", "global loads 16 B", "global stores 16 B"),
    "rows": ("global loads 16 B", "global stores 16 B", "barriers"),
    "whole": ("global loads 16 B",),
    "scan": ("global loads 16 B", "global stores 16 B"),
    "selection": ("global loads 16 B",),
    "product": ("wgmma m64n256k16 f32.bf16.bf16", "cp.async", "global stores 16 B"),
    "persistent": ("wgmma m64n256k16 f32.bf16.bf16", "bulk copies"),
    "unpacked": ("wgmma m64n128k32 s32.s8.s8",),
    "attention": ("wgmma m64n64k16 f32.bf16.bf16", "cp.async", "global stores 16 B"),
}
SPILLS = {"unpacked"}
Rows = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What hopper.py prints of the candidates."""
    folder = tmp_path_factory.mktemp("hopper")
    interpreter = find_interpreter(None)
    runtime = device.runtime(interpreter.path, interpreter.mounts, "cpu", ())
    reference = KernelSubject(ProcessSandbox(), runtime, Side(), (), "cpu")
    session = reference.session()
    assert isinstance(session, KernelSession)
    for name, source in TEXTS.items():
        text = read_kernel(Path("module.py"), source).shapes[0].whole
        session.build(text, 60)
        template = Template(read(session.graph(text, 60)))
        choice = template.starts[0]
        if name == "persistent":
            choice = next(one for one in template.others(choice, "tiles") if (one.tiles or {}).get("persistent"))
        made = candidate(source, [template.part(choice)])
        assert made is not None, name
        (folder / f"{name}.reference.py").write_text(source)
        (folder / f"{name}.py").write_text(made.source)
    reference.close()
    root = Path(__file__).parents[2]
    env = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    env |= {"TRITON_CACHE_DIR": str(folder / "cache"), "PYTHONPATH": str(root / "src"), "HOME": str(folder), "TRITON_DUMP_PTXAS_LOG": "1"}
    done = subprocess.run([sys.executable, str(Path(__file__).with_name("hopper.py")), str(folder)], capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def built(printed: str) -> Rows:
    """For each text the rows of what its candidate launches."""
    found: Rows = json.loads(printed.strip().splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def logs(printed: str) -> list[ptx.Compiled]:
    """What ptxas says of each kernel, in the order in which they were compiled."""
    parts = printed.strip().rpartition("\n")[0].split(" bytes gmem")[1:]
    return [one for part in parts for one in ptx.resources(part).values()]


def test_each_template_compiles_for_hopper(built: Rows) -> None:
    assert {name for name, rows in built.items() if rows} == set(TEXTS) == set(WANTED)
    for name, rows in built.items():
        found = ptx.of_session(rows)
        assert all(one.warps and one.stages and one.shared is not None and ".target sm_90a" in row["ptx"] for one, row in zip(found, rows, strict=True)), name
        told = found[0].told()
        assert [word for word in WANTED[name] if word not in told] == [], (name, told)
        assert told == builds_told(by_name(found)[found[0].name])


def test_what_registers_they_take(built: Rows, logs: list[ptx.Compiled]) -> None:
    assert [one.name for one in logs] == [row["name"] for rows in built.values() for row in rows]
    for name, found in zip([name for name, rows in built.items() for _ in rows], logs, strict=True):
        assert found.registers and 8 <= found.registers <= 255, (name, found)
        # The largest tile is only where a search begins.
        assert found.local == 0 or name in SPILLS, (name, found)
