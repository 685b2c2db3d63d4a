"""Which sandbox shows a GPU: Docker where NVIDIA's container toolkit is there and works, else a plain process."""

from __future__ import annotations

import os
from functools import cache

from codeopt.errors import SandboxBroken, SandboxUnavailable, UserError
from codeopt.sandbox.docker_engine import Engine, find_engine
from codeopt.sandbox.interpreter import Interpreter
from codeopt.sandbox.kernels import device
from codeopt.sandbox.process import ProcessSandbox
from codeopt.sandbox.protocol import Sandbox
from codeopt.sandbox.session import Broken, Session

QUICK_S, PATIENT_S = 0.3, 3.0
PROBE_S = 120.0
TOOLKIT = "install nvidia-container-toolkit, then: sudo nvidia-ctk runtime configure --runtime=docker && sudo systemctl restart docker"
NOT_KNOWN = "the engine knows neither an NVIDIA runtime nor its devices"
PROBE = """import importlib.util
import torch

x = torch.arange(8.0, device="cuda")
assert float((x * x).sum()) == 140.0
if importlib.util.find_spec("triton"):
    import triton
    import triton.language as tl

    @triton.jit
    def doubled(x_ptr):
        at = tl.arange(0, 8)
        tl.store(x_ptr + at, 2 * tl.load(x_ptr + at))

    doubled[(1,)](x)
    assert float(x.sum()) == 56.0
"""


def gpu_sandbox(kind: str, interpreter: Interpreter) -> Sandbox:
    """The sandbox for kernels on a GPU.

    Args:
        kind: "auto" tries PyTorch and Triton in a container first, where the engine says that it shows GPUs.
        interpreter: The task's.

    Raises:
        UserError: A kind that shows no GPU was named; or only a plain process does, and it would be root's.
    """
    if kind == "bubblewrap":
        raise UserError("--sandbox bubblewrap shows no GPU", "leave it out, or --sandbox process")
    why = ""
    if kind != "process":
        try:
            return _docker(kind, interpreter)
        except SandboxUnavailable as error:
            why = error.message
            if kind != "auto":
                raise UserError(f"--sandbox {kind} shows no GPU: {why}", error.hint or "leave it out, or --sandbox process") from error
    if os.getuid() == 0:
        told = f" ({why})" if why else ""
        raise UserError(f"a GPU kernel would run as root{told}", "run codeopt as another user, best one that owns no files")
    plain = ProcessSandbox()
    return ProcessSandbox(note=f"{plain.note} (not Docker: {why})") if why else plain


def _docker(kind: str, interpreter: Interpreter) -> Sandbox:
    """Raises SandboxUnavailable: no engine, no GPUs in it, or PyTorch does not reach them there."""
    engine = find_engine(QUICK_S if kind == "auto" else PATIENT_S)
    if not engine.gpus:
        raise SandboxUnavailable(NOT_KNOWN, TOOLKIT)
    if failed := tried(engine, "image" if kind == "docker-image" else "host", interpreter):
        raise SandboxUnavailable(f"a container does not reach it: {failed}", TOOLKIT)
    return container(engine, "image" if kind == "docker-image" else "host")


def container(engine: Engine, runtime: str = "host") -> Sandbox:
    """Containers that show all GPUs. Raises SandboxUnavailable."""
    from codeopt.sandbox.docker import DockerSandbox

    return DockerSandbox(runtime, engine, gpus=True)


@cache
def tried(engine: Engine, runtime: str, interpreter: Interpreter) -> str:
    """Why PyTorch, or Triton where it is installed, does not compute on the GPU in a container; "" where they do. Tried once."""
    try:
        sandbox = container(engine, runtime)
    except SandboxUnavailable as error:
        return error.message
    try:
        return computes(sandbox, interpreter)
    finally:
        sandbox.close()


def computes(sandbox: Sandbox, interpreter: Interpreter) -> str:
    """Why `PROBE` fails in a sandbox; "" where it does not."""
    try:
        with Session(sandbox, device.runtime(interpreter.path, interpreter.mounts, "cuda", ())) as session:
            words = [interpreter.path, "{folder}/probe.py"]
            (done,) = session.run([words], files={"probe.py": PROBE.encode()}, seconds=PROBE_S)["results"]
    except SandboxUnavailable as error:
        return error.message
    except (Broken, SandboxBroken) as error:
        return " ".join(str(error).split())[-200:]
    lines = bytes(done["stderr"]).decode("utf-8", "replace").strip().splitlines()
    return "" if done["exit"] == 0 else (lines[-1][:200] if lines else f"exit code {done['exit']}")
