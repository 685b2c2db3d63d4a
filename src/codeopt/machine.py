"""The machine's fingerprint: what a reader needs to judge a measured figure."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import codeopt

_VERSION = re.compile(r"\bV?(\d+(?:\.\d+)+)")
_COMPILERS = {
    "g++": ("-dumpfullversion", "-dumpversion"),
    "clang++": ("-dumpversion",),
    "nvcc": ("--version",),
}


def fingerprint(libraries: Iterable[str] = ()) -> dict[str, Any]:
    """Hardware, system and versions of this machine; plain data, in well under a second.

    Args:
        libraries: Distributions whose versions under codeopt's own interpreter matter; those that are not
            installed are left out.

    Returns:
        "cpu", "cores" (usable ones), "memory_gb", "kernel", "distro", "python", "codeopt", and where there are such:
        "gpu" (names), "compilers" (name to version), "libraries" (name to version).
    """
    found: dict[str, Any] = {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "kernel": platform.release(),
        "distro": _distro(),
        "python": platform.python_version(),
        "codeopt": codeopt.__version__,
    }
    if gpus := _gpus():
        found["gpu"] = gpus
    if compilers := _compilers():
        found["compilers"] = compilers
    if versions := {name: version for name in libraries if (version := library_version(name))}:
        found["libraries"] = versions
    return found


def library_version(name: str) -> str:
    """Version of an installed distribution from its metadata, with no import; "" where it is not installed."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    text = info.read_text(encoding="utf-8", errors="replace") if info.exists() else ""
    match = re.search(r"^(?:model name|Model|cpu model)\s*:\s*(.+)$", text, re.MULTILINE)
    return match[1].strip() if match else platform.machine()


def _distro() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", sys.platform)
    except OSError:
        return sys.platform


def _gpus() -> list[str]:
    """Names of NVIDIA GPUs. The driver's own list is read first: nvidia-smi can take a second."""
    names: list[str] = []
    for path in sorted(Path("/proc/driver/nvidia/gpus").glob("*/information")):
        match = re.search(r"^Model:\s*(.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
        if match:
            names.append(match[1].strip())
    return names or _lines("nvidia-smi", "--query-gpu=name", "--format=csv,noheader")


def _compilers() -> dict[str, str]:
    """Versions of the compilers on PATH, asked for at the same time: each takes some 10 to 100 ms to start."""
    asked = {name: (name, *flag) for name, flag in _COMPILERS.items()}
    with ThreadPoolExecutor(len(asked)) as pool:
        answers = dict(zip(asked, pool.map(lambda command: _lines(*command), asked.values())))
    found = {name: _VERSION.findall(" ".join(lines)) for name, lines in answers.items()}
    return {name: versions[-1] for name, versions in found.items() if versions}


def _lines(*command: str) -> list[str]:
    """What a tool prints; nothing where it is missing or fails, which only leaves its version unknown."""
    if shutil.which(command[0]) is None:
        return []
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [line.strip() for line in done.stdout.splitlines() if line.strip()] if done.returncode == 0 else []
