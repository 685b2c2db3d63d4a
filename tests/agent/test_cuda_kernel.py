"""CUDA files: signatures, constants, and the whole way through nvcc. Host code stands for kernels where there is no GPU."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
from contextlib import closing
from pathlib import Path

import pytest

from codeopt.agent.kernels.launch import cuda_numbers, edited
from codeopt.agent.kernels.shop import KernelShop
from codeopt.agent.kernels.tune import KernelTune
from codeopt.agent.proposers.base import ProposeContext
from codeopt.agent.tasks.cuda import signatures
from codeopt.agent.tasks.detect import detect
from codeopt.agent.tasks.kernel import read_kernel
from codeopt.errors import UserError
from codeopt.sandbox.kernels.judge import KernelJudge
from codeopt.sandbox.kernels.session import Side
from codeopt.sandbox.process import ProcessSandbox
from codeopt.types import Candidate, Proposal
from tests.commandline import codeopt, refused
from tests.servers import Step, serve

needs_nvcc = pytest.mark.skipif(
    (shutil.which("nvcc") or shutil.which("/usr/local/cuda/bin/nvcc")) is None or importlib.util.find_spec("torch") is None,
    reason="needs nvcc and PyTorch",
)
REFERENCE = """import torch

rows = 500
HELD_OUT = [{"rows": 77}]


@torch.compiler.disable  # C++ compilers take minutes for such a loop
def reference(x):
    out = torch.empty_like(x)
    for _ in range(10):
        for i in range(len(x)):
            out[i] = 2 * x[i] + 1
    return out


def launch(library, x):
    out = torch.empty_like(x)
    library.scale(out, x, x.numel(), 2.0)
    return out


def get_inputs():
    return [torch.randn(rows)]
"""
# `wait` stands for launches that are too small: the fewer, the faster. Long enough that a busy machine cannot hide it.
HOST = """#include <cstdint>
#define STEP 16
static volatile long sink;

extern "C" void scale(float *out, const float *x, int64_t count, float by) {
    for (int64_t first = 0; first < count; first += STEP) {
        for (long wait = 0; wait < 200000; wait++) sink = wait;
        for (int64_t i = first; i < first + STEP && i < count; i++) out[i] = by * x[i] + 1;
    }
}
"""
FASTER = HOST.replace("wait < 200000", "wait < 20000")
DEVICE = """#include <cuda_runtime.h>
#include <cstdint>
constexpr int BLOCK = 256;

__global__ void scaled(float *out, const float *x, int64_t count, float by) {
    int64_t i = blockIdx.x * (int64_t)BLOCK + threadIdx.x;
    if (i < count) out[i] = by * x[i] + 1;
}

extern "C" void scale(float *out, const float *x, int64_t count, float by, cudaStream_t stream) {
    scaled<<<(count + BLOCK - 1) / BLOCK, BLOCK, 0, stream>>>(out, x, count, by);
}
"""


def put(folder: Path, cuda: str, reference: str = REFERENCE) -> Path:
    (folder / "scale.py").write_text(reference)
    (folder / "scale.cu").write_text(cuda)
    return folder / "scale.cu"


def test_signatures_are_read() -> None:
    file = Path("k.cu")
    assert signatures(file, DEVICE) == {"scale": ["pointer", "pointer", "int64", "float", "stream"]}
    block = 'extern "C" {\nvoid a(const void* x, unsigned int n) { }\n// void c(int z) {\nint b(void) { if (1) { } }\n}'
    assert signatures(file, block) == {"a": ["pointer", "uint32"], "b": []}
    for text, says in (("void a(int n) { }", 'no extern "C" function'), ('extern "C" void a(dim3 n) { }', "type dim3 cannot be passed")):
        with pytest.raises(UserError, match=says):
            signatures(file, text)


def test_constants_are_found() -> None:
    text = DEVICE + "\n#define ROWS 8  // of a tile\n#define UNUSED 4\nconst int odd = 12;\nint f() { return ROWS * odd; }\n"
    found = cuda_numbers(text)
    assert [(number.name, number.value, number.others) for number in found] == [
        ("BLOCK", 256, (512, 128, 1024, 64)), ("ROWS", 8, (16, 4, 32, 2)),
    ]  # fmt: skip
    changed = edited(text, {found[0]: 128, found[1]: 32})
    assert "BLOCK = 128;" in changed and "#define ROWS 32  // of" in changed


def test_what_is_missing_is_one_line(tmp_path: Path) -> None:
    file = put(tmp_path, DEVICE)
    assert (detect(file).kind, detect(file).language) == ("kernel", "cpp")
    kernel = read_kernel(file, DEVICE)
    assert kernel.is_cuda and kernel.start == DEVICE and "def reference" not in kernel.launcher and "def launch" in kernel.launcher
    put(tmp_path, DEVICE, REFERENCE.replace("def launch", "def other"))
    refused(codeopt("optimize", "scale.cu", cwd=tmp_path), r"scale.py defines no launch\(library")
    (tmp_path / "scale.py").unlink()
    refused(codeopt("optimize", "scale.cu", cwd=tmp_path), "scale.cu has no reference: write scale.py beside it")
    put(tmp_path, "int main() { }\n")
    refused(codeopt("verify", "scale.cu", "scale.cu", cwd=tmp_path), 'defines no extern "C" function')


@needs_nvcc
def test_without_a_gpu_it_is_compiled(tmp_path: Path) -> None:
    put(tmp_path, DEVICE)
    done = codeopt("verify", "scale.py", "scale.cu", "--sandbox", "process", cwd=tmp_path, seconds=300)
    if "not run" not in done.stdout:  # there is one
        assert "right on 2 shape(s)" in done.stdout, done
        return
    assert done.returncode == 1 and "it compiles; it was not run" in done.stdout, done
    assert re.search(r"scaled: \d+ registers, no spills, 0 B shared memory; no matrix instructions; global loads 4 B ×1; global stores 4 B ×1", done.stdout), done
    put(tmp_path, DEVICE.replace("blockIdx.x", "blockIdx.w"))
    done = codeopt("verify", "scale.py", "scale.cu", "--sandbox", "process", cwd=tmp_path, seconds=300)
    assert done.returncode == 1 and "scale.cu(6): error" in done.stdout, done


@needs_nvcc
def test_a_faster_file_is_found_and_handed_out(tmp_path: Path) -> None:
    put(tmp_path, HOST)
    answer = Step(f"It waits for nothing.\n\n```cpp\n{FASTER}```")
    with serve(answer, Step("I have no further idea."), Step("None."), Step("None.")) as server:
        words = ("--device", "cpu", "--model", "m", "--strategy", "refine", "--proposer", "llm", "--base-url", server.url, "--max-tokens", "100000")
        done = codeopt("optimize", "scale.cu", *words, "--sandbox", "process", "--time", "600", "--run", "run", "--json", cwd=tmp_path, seconds=600)
        asked = [request["messages"] for request in server.requests if request.get("messages")]
    found = json.loads(done.stdout)
    assert done.returncode == 0 and found["verified"], (found["reason"], found["candidates"], found["notes"], done.stderr[-800:])
    assert 'extern "C" void scale' in asked[0][1]["content"] and "def reference" in asked[0][1]["content"]
    assert "as written" in found["kernel"]["shapes"][0]["rivals_s"] and found["kernel"]["rival"] != "eager"
    assert found["kernel"]["kernels"][0]["share"] > 0 and "A call of it on the first shape runs" in (tmp_path / "run" / "report.md").read_text()
    assert (tmp_path / "run" / "scale.cu").read_text() == FASTER and "wait < 20000;" in (tmp_path / "run" / "best.patch").read_text()


@needs_nvcc
def test_constants_are_tuned(tmp_path: Path) -> None:
    kernel = read_kernel(put(tmp_path, HOST), HOST)
    with closing(KernelShop(kernel, ProcessSandbox(), "cpu")) as shop:
        judge = KernelJudge(shop.subject(Side()), seed=1)
        tune = KernelTune(shop, judge, [0], stop=lambda: tune.tried > 4)
        root = Candidate(id="c0", parent="", proposal=Proposal(source=HOST, proposer="", note=""))
        made = list(tune.propose(ProposeContext(parent=root, source=HOST, language="cpp")))
        assert [proposal.note for proposal in made] == ["STEP 16 → 64"] and "#define STEP 64\n" in made[0].source
        assert judge.check(shop.proposed(made[0]), 1, 5) is None
