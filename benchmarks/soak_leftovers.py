"""What a run of the engine leaves behind on the machine, counted for soak.py."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from pathlib import Path

from codeopt.sandbox.process import descendants

LOCAL_UIDS, DOCKER_UID = 2_000_000_000, 65532
CONTAINER = re.compile(r"[0-9a-f]{64}")


def containers() -> dict[str, str]:
    """Every container of the local engine: id -> the codeopt process it belongs to ("" for others)."""
    words = ["docker", "ps", "--all", "--no-trunc", "--format", '{{.ID}} {{.Label "codeopt.owner"}}']
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    except FileNotFoundError:
        return {}
    rows = (line.partition(" ") for line in done.stdout.splitlines())
    return {identity: owner for identity, _, owner in rows}


def ours(owner: str) -> bool:
    return owner.split(":")[1:2] == [str(os.getpid())]


def folders() -> list[str]:
    """Session folders of this process."""
    space = os.stat("/proc/self/ns/pid").st_ino
    return [str(path) for path in Path(tempfile.gettempdir()).glob(f"codeopt-{space}-{os.getpid()}-*")]


def cgroups(living: set[str], local: bool) -> list[str]:
    """Groups that this process made; where it ran containers (not `local`), groups of containers that are gone."""
    found = []
    for folder, names, _ in os.walk("/sys/fs/cgroup"):
        for name in names:
            container = CONTAINER.fullmatch(name.removeprefix("docker-").removesuffix(".scope"))
            if name.startswith(f"codeopt-{os.getpid()}-") or (
                container and not local and container[0] not in living
            ):
                found.append(f"{folder}/{name}")
    return found


def mounts(living: set[str]) -> list[str]:
    """Mounts of session folders of this process, and of containers that are gone."""
    layers = set()
    if living:
        done = subprocess.run(["docker", "inspect", *living], capture_output=True, text=True)
        layers = {str(item["GraphDriver"]["Data"].get("MergedDir")) for item in json.loads(done.stdout or "[]")}
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        point = line.split()[4]
        container = CONTAINER.search(point) if "/containers/" in point else None
        stale = container is not None and container[0] not in living
        stale = stale or (point.endswith("/merged") and "overlay2" in point and point not in layers)
        if stale or any(point.startswith(folder) for folder in folders()):
            found.append(point)
    return found


def processes(living: set[str]) -> list[str]:
    """Descendants of this process, and processes of the sandbox's users that belong to no living session."""
    below = set(descendants(os.getpid()))
    found = [f"{pid} below" for pid in below]
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit() or int(entry.name) in below:
            continue
        try:
            uid = entry.stat().st_uid
            if not (uid == DOCKER_UID or LOCAL_UIDS <= uid < LOCAL_UIDS + 0x100000):
                continue
            group = Path(entry.path, "cgroup").read_text()
            if any(name in living for name in CONTAINER.findall(group)) or _parent_lives(int(entry.name)):
                continue
            found.append(f"{entry.name} of uid {uid}")
        except OSError:
            continue
    return found


def _parent_lives(pid: int) -> bool:
    """Whether another engine is above a process; what is left over hangs below process 1, with its own kind at most."""
    while pid > 1:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
        name = stat.partition(b"(")[2].rpartition(b")")[0].decode(errors="replace")
        local = Path(f"/proc/{pid}").stat().st_uid < DOCKER_UID
        if local and not name.startswith(("bwrap", "docker-init", "containerd", "sh", "setpriv")):
            return True
        pid = int(stat.rpartition(b")")[2].split()[1])
    return False


def descriptors() -> dict[str, str]:
    """This process's open descriptors."""
    found = {}
    for fd in os.listdir("/proc/self/fd"):
        try:
            found[fd] = os.readlink(f"/proc/self/fd/{fd}")
        except OSError:
            continue  # the descriptor of the listing itself
    return found


def listening() -> list[str]:
    """Unix sockets that lie in this process's session folders."""
    mark = f"codeopt-{os.stat('/proc/self/ns/pid').st_ino}-{os.getpid()}-"
    return [line for line in Path("/proc/net/unix").read_text().splitlines() if mark in line]


def threads() -> int:
    return len(os.listdir("/proc/self/task"))


def rss_mb() -> float:
    """Resident memory of this process, in MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6


def leftovers(local: bool, before_fds: int, before_sockets: int, before_threads: int) -> dict[str, list[str] | int]:
    """Everything that is left, by kind: names where there are some, a number for descriptors and threads."""
    every = containers()
    now = descriptors()
    return {
        "containers": [identity for identity, owner in every.items() if ours(owner)],
        "processes": processes(set(every)),
        "cgroups": cgroups(set(every), local),
        "folders": folders(),
        "mounts": mounts(set(every)),
        "listening_sockets": listening(),
        "sockets": max(0, sum("socket:" in name for name in now.values()) - before_sockets),
        "descriptors": max(0, len(now) - before_fds),
        "threads": max(0, threads() - before_threads),
    }
