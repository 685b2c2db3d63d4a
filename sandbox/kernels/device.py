"""What GPU there is, how it stands (read, never set), and what it reaches."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from codeopt.errors import UserError
from codeopt.sandbox.protocol import Limits, Mount
from codeopt.sandbox.session import Runtime

# A CUDA context reserves address space by the hundred gigabytes, and its driver starts threads of its own.
CUDA_MEMORY_MB = 1 << 22
HOST_MEMORY_MB = 1 << 14
STATE = ("clocks.sm", "clocks.mem", "temperature.gpu", "power.draw")
VISIBLE = "CUDA_VISIBLE_DEVICES"
PASSED = (VISIBLE, "CUDA_DEVICE_ORDER", "CUDA_HOME", "CUDA_PATH", "LD_LIBRARY_PATH")
QUERY_S = 20
# By default glibc learns from what a process did before whether memory is given back at each free; then it is touched anew at
# each call, and one of two equal modules took 2.2 times as long as the other.
HOST_ENV = {"TRITON_INTERPRET": "1", "MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(1 << 40)}


def has_gpu() -> bool:
    """Whether there is an NVIDIA device here."""
    return Path("/dev/nvidiactl").exists() and any(Path("/dev").glob("nvidia[0-9]*"))


def visible() -> list[str]:
    """The devices that sessions may use, as CUDA_VISIBLE_DEVICES names them; the first one is used. [] without a GPU."""
    if not has_gpu():
        return []
    named = os.environ.get(VISIBLE)
    if named is None:
        return [str(number) for number in range(len(list(Path("/dev").glob("nvidia[0-9]*"))))]
    return listed(named)


def listed(named: str) -> list[str]:
    """The devices in a value of CUDA_VISIBLE_DEVICES: up to the first that is none, as CUDA reads it."""
    found: list[str] = []
    for word in map(str.strip, named.split(",")):
        if not re.fullmatch(r"\d+|(?:GPU|MIG)-[\w/-]+", word):
            break
        found.append(word)
    return found


def for_lanes(lanes: int, devices: Sequence[str]) -> list[str]:
    """A device of its own for each of some lanes: what is timed is alone on it. [] where there are no devices.

    Raises:
        UserError: There are fewer devices.
    """
    if devices and lanes > len(devices):
        raise UserError(f"--lanes {lanes}: kernels are timed on a GPU of their own, and there are {len(devices)} here", f"from 1 to {len(devices)}")
    return list(devices[:lanes])


def state() -> dict[str, float]:
    """Clocks (MHz), temperature (degrees C) and power (W) of the device that is used; {} where they cannot be read."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return {}
    first = listed(os.environ.get(VISIBLE, "0"))[:1] or ["0"]
    words = [tool, f"--id={first[0]}", f"--query-gpu={','.join(STATE)}", "--format=csv,noheader,nounits"]
    try:
        told = subprocess.run(words, capture_output=True, text=True, timeout=QUERY_S, check=True).stdout
        return {name: float(value) for name, value in zip(STATE, told.splitlines()[0].split(","), strict=True)}
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return {}


def runtime(python: str, mounts: Sequence[Mount], device: str, cpus: tuple[int, ...], helpers: int = 1) -> Runtime:
    """What a kernel session needs to start, on "cuda" or "cpu"; torch.compile may use that many processes there."""
    env = {
        "TORCHINDUCTOR_COMPILE_THREADS": str(helpers),
        **{name: os.environ[name] for name in PASSED if name in os.environ},
    }
    if device == "cpu":
        env |= HOST_ENV
        return Runtime(python, tuple(mounts), Limits(HOST_MEMORY_MB, 256, 2048, 64, cpus), env)
    home = os.environ.get("CUDA_HOME", "/usr/local/cuda")
    env["PATH"] = f"{home}/bin:/usr/local/bin:/usr/bin:/bin"
    return Runtime(python, tuple(mounts), Limits(CUDA_MEMORY_MB, 2048, 8192, 64, cpus), env, threads=max(2, len(cpus)))


def cached_rates(name: str) -> dict[str, float]:
    """Rates that were measured before on a device of that name; {} where there are none."""
    try:
        found = json.loads(_cache().read_text("utf-8"))
        return {str(key): float(value) for key, value in found[name].items()}
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return {}


def keep_rates(name: str, rates: Mapping[str, float]) -> None:
    """Remember what a device of that name reaches; nothing where that cannot be written."""
    file = _cache()
    try:
        known: dict[str, Any] = json.loads(file.read_text("utf-8")) if file.is_file() else {}
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        part.write_text(json.dumps({**known, name: dict(rates)}, indent=1) + "\n", "utf-8")
        part.replace(file)
    except (OSError, ValueError):
        return


def _cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) / "codeopt" / "gpu.json"


def floor_s(cost: Mapping[str, Any], rates: Mapping[str, float]) -> float:
    """The roofline: the least seconds that a call can take; 0 where the rates are not known.

    Williams, Waterman and Patterson, "Roofline", CACM 52(4), 2009: the larger of bytes over bandwidth and operations over
    the matrix rate of the shortest type among the arguments. float32 counts at its own rate: TF32 would not be as exact.
    """
    if not rates.get("bytes"):
        return 0.0
    types = [name for name in cost.get("types", ()) if name in rates]
    rate = max((rates[name] for name in types), default=rates.get("float32", 0.0))
    compute = float(cost["flops"]) / rate if rate else 0.0
    return max(float(cost["bytes"]) / rates["bytes"], compute)
