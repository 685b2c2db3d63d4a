"""The kernel's own accounts of a session, read (and, where we may, made) through cgroup v1 or v2.

v1 has one hierarchy for each controller and no memory.peak, cpu.stat or cgroup.kill; v2 has one for all. Every
reader answers None where the file is not there or not readable, so callers never need to know which it was.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import signal
import time
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from codeopt.sandbox.protocol import Limits
from codeopt.types import Usage

PREFIX = "codeopt-"
_UNIFIED = ""  # the key of the v2 hierarchy, which has no controller name in /proc/PID/cgroup
_serial = itertools.count()


@dataclass(frozen=True)
class _Hierarchy:
    """Where a hierarchy is mounted, and which part of it: mountinfo's root field."""

    mount: Path
    root: str

    def path(self, relative: str) -> Path:
        """The directory of a cgroup that /proc/PID/cgroup names `relative`."""
        inner = os.path.relpath(relative, self.root)
        return self.mount if inner == "." or inner.startswith("..") else self.mount / inner


@cache
def _hierarchies() -> Mapping[str, _Hierarchy]:
    found: dict[str, _Hierarchy] = {}
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        left, _, right = line.partition(" - ")
        fields, (kind, _, options) = left.split(), right.split(" ", 2)
        here = _Hierarchy(Path(fields[4].replace("\\040", " ")), fields[3])
        if kind == "cgroup2":
            found.setdefault(_UNIFIED, here)
        elif kind == "cgroup":
            for option in options.split(","):
                found.setdefault(option, here)
    return found


def _read(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        return path.read_text()
    except OSError:
        return None


def _field(text: str | None, name: str) -> int | None:
    for line in (text or "").splitlines():
        key, _, value = line.partition(" ")
        if key == name and value.strip().isdigit():
            return int(value)
    return None


def _summed(text: str, pattern: str) -> int:
    return sum(map(int, re.findall(pattern, text)))


class _Open:
    """A file that is read before and after every sample, so it is opened once."""

    def __init__(self, path: Path | None) -> None:
        self._number = -1
        with contextlib.suppress(OSError):
            if path is not None:
                self._number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                weakref.finalize(self, os.close, self._number)

    def read(self) -> str | None:
        """All of it; None where it cannot be read, or not any more."""
        try:
            return os.pread(self._number, 4096, 0).decode()
        except OSError:
            return None


class Group:
    """One session's cgroup: `directories` maps a v1 controller's name, or "" for v2, to its directory."""

    def __init__(self, directories: Mapping[str, Path]) -> None:
        self.directories = dict(directories)
        self._cpu: tuple[_Open, _Open] | None = None

    def _file(self, controller: str, name: str) -> Path | None:
        directory = self.directories.get(controller)
        return directory / name if directory else None

    def cpu_ns(self) -> int | None:
        """CPU time of everything that ever ran in the group, in nanoseconds."""
        if self._cpu is None:
            self._cpu = _Open(self._file("cpuacct", "cpuacct.usage")), _Open(self._file(_UNIFIED, "cpu.stat"))
        usage = self._cpu[0].read()
        if usage is not None:
            return int(usage)
        microseconds = _field(self._cpu[1].read(), "usage_usec")
        return None if microseconds is None else microseconds * 1000

    def peak_memory_bytes(self) -> int | None:
        """The most memory the group held at once, page cache included."""
        peak = _read(self._file("memory", "memory.max_usage_in_bytes"))
        if peak is None:
            peak = _read(self._file(_UNIFIED, "memory.peak"))
        return None if peak is None else int(peak)

    def oom_kills(self) -> int | None:
        """How many processes of the group the kernel killed for lack of memory."""
        kills = _field(_read(self._file("memory", "memory.oom_control")), "oom_kill")
        if kills is None:
            kills = _field(_read(self._file(_UNIFIED, "memory.events")), "oom_kill")
        return kills

    def io_bytes(self) -> tuple[int, int] | None:
        """(read, written) bytes of block devices; what lives in a tmpfs is not among them."""
        text = _read(self._file("blkio", "blkio.throttle.io_service_bytes"))
        if text is not None:
            return _summed(text, r" Read (\d+)"), _summed(text, r" Write (\d+)")
        text = _read(self._file(_UNIFIED, "io.stat"))
        return None if text is None else (_summed(text, r"rbytes=(\d+)"), _summed(text, r"wbytes=(\d+)"))

    def usage(self) -> Usage:
        """What the group used so far."""
        cpu, peak, io = self.cpu_ns(), self.peak_memory_bytes(), self.io_bytes()
        return Usage(
            cpu_s=None if cpu is None else cpu / 1e9,
            peak_memory_mb=None if peak is None else peak / 2**20,
            processes=self.processes(),
            read_mb=None if io is None else io[0] / 2**20,
            written_mb=None if io is None else io[1] / 2**20,
        )

    def processes(self) -> int | None:
        """How many processes are in the group now."""
        pids = self.pids()
        return None if pids is None else len(pids)

    def pids(self) -> list[int] | None:
        """The host pids of the processes in the group now."""
        for controller in ("pids", "cpuacct", "memory", _UNIFIED):
            text = _read(self._file(controller, "cgroup.procs"))
            if text is not None:
                return [int(pid) for pid in text.split()]
        return None

    def join_files(self) -> list[str]:
        """The files into which a process writes "0" to enter the group."""
        return [str(directory / "cgroup.procs") for directory in sorted(set(self.directories.values()))]

    def kill(self, timeout: float = 1.0) -> None:
        """SIGKILL everything in the group until it is empty or the time is up."""
        deadline = time.monotonic() + timeout
        everything = self._file(_UNIFIED, "cgroup.kill")
        while pids := self.pids():
            if everything is not None and len(self.directories) == 1:
                with contextlib.suppress(OSError):
                    everything.write_text("1")
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if time.monotonic() > deadline:
                return
            time.sleep(0.002)

    def remove(self) -> None:
        """Remove the group's directories; one that is still in use stays for the next sweep."""
        self._cpu = None
        for directory in set(self.directories.values()):
            with contextlib.suppress(OSError):
                directory.rmdir()


def of_process(pid: int) -> Group:
    """The group that a process of this machine is in; a Group that answers None where it cannot be read."""
    directories: dict[str, Path] = {}
    for line in (_read(Path(f"/proc/{pid}/cgroup")) or "").splitlines():
        _, controllers, relative = line.split(":", 2)
        for controller in controllers.split(","):
            hierarchy = _hierarchies().get(controller)
            if hierarchy is not None:
                directories[controller] = hierarchy.path(relative)
    return Group(directories)


def _parents() -> dict[str, Path] | None:
    """The directories under which this process may make groups with memory and pid limits; None without any."""
    own = of_process(os.getpid()).directories
    hierarchies = _hierarchies()
    if "memory" in own and "pids" in own:
        parents: dict[str, Path] = {
            name: own[name] for name in ("memory", "pids", "cpuacct", "cpuset", "blkio") if name in own
        }
        return parents if all(os.access(path, os.W_OK) for path in parents.values()) else None
    if _UNIFIED not in own:
        return None
    top = hierarchies[_UNIFIED].mount
    for directory in (own[_UNIFIED], *own[_UNIFIED].parents):
        if not directory.is_relative_to(top):
            return None
        enabled = (_read(directory / "cgroup.subtree_control") or "").split()
        writable = os.access(directory, os.W_OK) and os.access(directory / "cgroup.procs", os.W_OK)
        if writable and {"memory", "pids"} <= set(enabled):
            return {_UNIFIED: directory}
    return None


def create(limits: Limits) -> Group | None:
    """Make a group with these limits; None where this user may not (the usual case without root).

    The group is to be joined through `join_files` and removed with `remove`.
    """
    parents = _parents()
    if parents is None:
        return None
    _sweep(parents)
    name = f"{PREFIX}{os.getpid()}-{next(_serial)}"
    group = Group({controller: path / name for controller, path in parents.items()})
    memory = str(limits.memory_mb << 20)
    try:
        for directory in set(group.directories.values()):
            directory.mkdir()
        if _UNIFIED in parents:
            unified = group.directories[_UNIFIED]
            (unified / "pids.max").write_text(str(limits.pids))
            (unified / "memory.max").write_text(memory)
            if (unified / "memory.swap.max").exists():
                (unified / "memory.swap.max").write_text("0")
        else:
            (group.directories["pids"] / "pids.max").write_text(str(limits.pids))
            (group.directories["memory"] / "memory.limit_in_bytes").write_text(memory)
            with_swap = group.directories["memory"] / "memory.memsw.limit_in_bytes"
            if with_swap.exists():
                with_swap.write_text(memory)
            if "cpuset" in parents:
                nodes = (parents["cpuset"] / "cpuset.mems").read_text()
                cpus = ",".join(map(str, limits.cpus)) or (parents["cpuset"] / "cpuset.cpus").read_text()
                (group.directories["cpuset"] / "cpuset.mems").write_text(nodes)
                (group.directories["cpuset"] / "cpuset.cpus").write_text(cpus)
    except OSError:
        group.remove()
        return None
    return group


def _sweep(parents: Mapping[str, Path]) -> None:
    """Remove the groups of runs that were killed before they could."""
    for controller, parent in parents.items():
        for directory in parent.glob(f"{PREFIX}*-*"):
            owner = directory.name.removeprefix(PREFIX).partition("-")[0]
            if owner.isdigit() and not Path(f"/proc/{owner}").exists():
                stale = Group({controller: directory})
                stale.kill(timeout=0.2)
                stale.remove()
