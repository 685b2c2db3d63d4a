"""What `codeopt doctor` finds out about a GPU: PyTorch on it, nvcc, hardware counters, and containers that show it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from codeopt.errors import SandboxUnavailable, UserError
from codeopt.examine import Finding, State, pip, said

CUDA_PROBE = "__global__ void f(float *x) { x[threadIdx.x] *= 2; }\nint main() { return 0; }\n"
TORCH_PROBE = (
    "import torch; x = torch.arange(8., device='cuda'); assert float((x * x).sum()) == 140.0; "
    "free, whole = torch.cuda.mem_get_info(); "
    "print(f'PyTorch {torch.__version__} computes on it, {free / 2**30:.0f} of {whole / 2**30:.0f} GiB free')"
)
COUNTERS_S = 90
NOT_ROOT = (
    "as root: echo options nvidia NVreg_RestrictProfilingToAdminUsers=0 > /etc/modprobe.d/nvidia-counters.conf, then restart; "
    "until then planners are told no counters"
)


def found() -> list[Finding]:
    """All of it; one finding where there is no GPU."""
    from codeopt.machine import fingerprint, library_version

    names = fingerprint().get("gpu") or []
    if not names:
        nothing = "no NVIDIA GPU: kernels are checked on the processor, and not timed"
        return [Finding("gpu", State.MISSING, nothing, "run on a machine that has one, with its driver")]
    if not library_version("torch"):
        return [Finding("gpu", State.FAILS, f"{', '.join(names)}; PyTorch is not installed", pip("gpu"))]
    try:
        told = said(sys.executable, "-c", TORCH_PROBE, seconds=60).strip()
    except UserError as error:
        return [Finding("gpu", State.FAILS, f"{', '.join(names)}; {error.message}", f"{pip('gpu')} (a build for CUDA)"), nvcc()]
    return [Finding("gpu", State.OK, f"{', '.join(names)}; {told}"), nvcc(), counters(), containers()]


def nvcc() -> Finding:
    """Whether CUDA files can be built."""
    path = shutil.which("nvcc")
    if path is None:
        return Finding("nvcc", State.MISSING, "not on PATH: CUDA files cannot be built", "install NVIDIA's CUDA toolkit, and put its bin on PATH")
    with tempfile.TemporaryDirectory(prefix="codeopt-doctor-") as folder:
        source = Path(folder, "probe.cu")
        source.write_text(CUDA_PROBE, "utf-8")
        try:
            said(path, source, "-o", Path(folder, "probe"), seconds=60)
        except UserError as error:
            return Finding("nvcc", State.FAILS, error.message, "nvcc names the host compilers that it takes")
    return Finding("nvcc", State.OK, "builds a CUDA file")


def counters() -> Finding:
    """Whether this user may read the hardware counters."""
    from codeopt.sandbox.kernels.counters import failure
    from codeopt.sandbox.runner.kernel_counters import tool

    path = tool()
    if not path:
        return Finding("ncu", State.MISSING, "not installed: planners are told no hardware counters", "install NVIDIA Nsight Compute, and put ncu on PATH")
    words = [path, "--csv", "--page", "raw", "--clock-control", "none", "--section", "SpeedOfLight", "--launch-count", "1"]
    try:
        done = subprocess.run([*words, sys.executable, "-c", TORCH_PROBE], capture_output=True, text=True, timeout=COUNTERS_S, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return Finding("ncu", State.FAILS, f"{path} did not end within {COUNTERS_S} s", "planners are told no counters where it takes so long")
    why = failure(done.stdout + done.stderr)
    if why:
        return Finding("ncu", State.FAILS, why, NOT_ROOT if "ERR_NVGPUCTRPERM" in why else "planners are told no counters until it works")
    return Finding("ncu", State.OK, "reads the hardware counters")


def containers() -> Finding:
    """Whether kernels run in Docker; without that they run as a plain process."""
    from codeopt.sandbox.docker_engine import find_engine
    from codeopt.sandbox.interpreter import find_interpreter
    from codeopt.sandbox.kernels.choose import NOT_KNOWN, TOOLKIT, tried

    name, instead = "gpu in docker", "kernels run as a plain process"
    try:
        engine = find_engine()
    except SandboxUnavailable as error:
        return Finding(name, State.MISSING, f"{error.message}: {instead}", error.hint)
    if not engine.gpus:
        return Finding(name, State.MISSING, f"{NOT_KNOWN}: {instead}", TOOLKIT)
    why = tried(engine, "host", find_interpreter(None))
    if why:
        return Finding(name, State.FAILS, f"{why}: {instead}", TOOLKIT)
    return Finding(name, State.OK, f"PyTorch computes in a container (by {engine.gpus})")
