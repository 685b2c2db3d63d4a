"""Files with a PyTorch binding: what is read of them, and C++ ones built and called on the processor."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from contextlib import closing
from pathlib import Path

import pytest

from codeopt.agent.kernels.shop import KernelShop
from codeopt.agent.tasks.cuda import architecture, has_binding, nvcc
from codeopt.agent.tasks.detect import detect
from codeopt.agent.tasks.kernel import read_kernel
from codeopt.errors import UserError
from codeopt.sandbox.kernels.judge import KernelJudge
from codeopt.sandbox.kernels.session import Side
from codeopt.sandbox.process import ProcessSandbox
from codeopt.sandbox.subject import CannotStart
from tests.commandline import codeopt, refused

REFERENCE = """import torch

rows = 500
HELD_OUT = [{"rows": 77}]


@torch.compiler.disable  # C++ compilers take minutes for such a loop
def reference(x):
    return torch.stack([2 * value + 1 for value in x])


class Scaled(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, library):
        ctx.library = library
        return library.scale(x, 2.0, 1.0)

    @staticmethod
    def backward(ctx, upstream):
        return ctx.library.scale(upstream.contiguous(), 2.0, 0.0), None


def launch(library, x):
    return Scaled.apply(x, library)


def get_inputs():
    return [torch.randn(rows)]
"""
BODY = """
at::Tensor scale(const at::Tensor &x, double by, double more) {
    auto out = at::empty_like(x);
    const float *from = x.data_ptr<float>();
    float *to = out.data_ptr<float>();
    for (int64_t i = 0; i < x.numel(); i++) to[i] = by * from[i] + more;
    return out;
}
"""
HEADERS = "#include <ATen/core/Tensor.h>\n#include <ATen/ops/empty_like.h>\n"
MODULE = f"#include <torch/csrc/utils/pybind.h>\n{HEADERS}{BODY}\n" + 'PYBIND11_MODULE(TORCH_EXTENSION_NAME, m) { m.def("scale", &scale); }\n'
OPERATORS = (
    f"#include <torch/library.h>\n{HEADERS}{BODY}\n"
    'TORCH_LIBRARY(mine, m) { m.def("scale(Tensor x, float by, float more) -> Tensor"); }\nTORCH_LIBRARY_IMPL(mine, CPU, m) { m.impl("scale", &scale); }\n'
)


def torch_version() -> str:
    try:
        return importlib.metadata.version("torch")
    except importlib.metadata.PackageNotFoundError:
        return ""


PATH = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
TOOLS = bool(shutil.which("c++") and shutil.which("ninja", path=PATH) and Path(sysconfig.get_path("include"), "Python.h").is_file())
needs_compiler = pytest.mark.skipif(not torch_version() or not TOOLS, reason="needs PyTorch, c++, ninja and Python's headers")
needs_nvcc = pytest.mark.skipif((shutil.which("nvcc") or shutil.which("/usr/local/cuda/bin/nvcc")) is None, reason="needs nvcc")


def put(folder: Path, text: str, name: str = "scale.cpp") -> Path:
    (folder / "scale.py").write_text(REFERENCE)
    (folder / name).write_text(text)
    return folder / name


def test_a_binding_makes_a_kernel_of_a_file(tmp_path: Path) -> None:
    for text in (MODULE, OPERATORS):
        file = put(tmp_path, text)
        assert (detect(file).kind, detect(file).language) == ("kernel", "cpp")
        kernel = read_kernel(file, text)
        assert kernel.is_cuda and kernel.start == text and "def launch" in kernel.launcher
    assert not has_binding("// PYBIND11_MODULE(TORCH_EXTENSION_NAME, m)\nint main() { }\n")
    assert detect(put(tmp_path, "int main() { return 0; }\n")).kind == "program"
    with pytest.raises(UserError, match="PYBIND11_MODULE"):
        read_kernel(file, MODULE.replace("TORCH_EXTENSION_NAME", "scale"))
    put(tmp_path, MODULE)
    (tmp_path / "scale.py").unlink()
    refused(codeopt("verify", "scale.cpp", "scale.cpp", cwd=tmp_path), "scale.cpp has no reference: write scale.py beside it")


@needs_nvcc
@pytest.mark.skipif(not torch_version().endswith("+cpu"), reason="PyTorch is built with CUDA")
def test_a_binding_needs_pytorch_with_cuda(tmp_path: Path) -> None:
    put(tmp_path, MODULE, "scale.cu")
    for words in (("verify", "scale.py", "scale.cu"), ("optimize", "scale.cu")):
        refused(codeopt(*words, "--device", "cpu", "--sandbox", "process", cwd=tmp_path), r"scale.cu has a PyTorch binding, and PyTorch .*\+cpu is built without CUDA")


@needs_nvcc
def test_hopper_has_its_own_architecture(tmp_path: Path) -> None:
    """What only sm_90a has is assembled with the flag that a device of compute capability 9.0 gets."""
    assert architecture(9, 0) == "-gencode=arch=compute_90a,code=sm_90a" and architecture(8, 6).endswith("code=sm_86")
    (tmp_path / "k.cu").write_text('__global__ void k() { asm volatile("setmaxnreg.inc.sync.aligned.u32 128;"); }\n')
    for flag, works in ((architecture(9, 0), True), ("-gencode=arch=compute_90,code=sm_90", False)):
        done = subprocess.run([nvcc(), flag, "-cubin", "-o", "k.cubin", "k.cu"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert (done.returncode == 0) is works, done.stderr


@needs_compiler
def test_a_module_is_built_and_verified_with_its_gradients(tmp_path: Path) -> None:
    put(tmp_path, MODULE)
    words = ("--device", "cpu", "--backward", "--sandbox", "process", "--json")
    done = codeopt("verify", "scale.py", "scale.cpp", *words, cwd=tmp_path, seconds=300)
    found = json.loads(done.stdout)
    assert done.returncode == 0 and found["accepted"] and found["backward"], found
    first, second = (row["compile_s"] for row in found["shapes"])
    assert first > 3 > second, "the build is charged to the first shape"


@needs_compiler
def test_operators_are_called_in_a_namespace_of_their_own(tmp_path: Path) -> None:
    """Two texts with one namespace come into one process, as when constants are tuned; and a compiler's error is one line."""
    kernel = read_kernel(put(tmp_path, OPERATORS), OPERATORS)
    with closing(KernelShop(kernel, ProcessSandbox(), "cpu")) as shop:
        judge = KernelJudge(shop.subject(Side()), seed=1)
        subject = shop.subject(Side(*kernel.module(OPERATORS)))
        assert judge.check(subject, 0, 5) is None
        subject.swap(kernel.module(OPERATORS.replace("+ more", "- more"))[0])
        wrong = judge.check(subject, 0, 5)
        assert wrong is not None and "output 0: its error" in wrong.evidence
        with pytest.raises(CannotStart, match=r"scale.cpp:1:2: error: #error no") as error:
            subject.swap(kernel.module("#error no\n" + OPERATORS)[0])
        assert error.value.evidence.strip().splitlines()[-1].startswith("RuntimeError: scale.cpp:1:2")
