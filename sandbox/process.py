"""The process sandbox: a plain subprocess with limits. It keeps accidents small; it isolates nothing.

Also holds what every local (not container) kind shares: the socket pair, the start through `confine.py`, the
stderr reader and the kill.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import IO

from codeopt.errors import SandboxUnavailable
from codeopt.sandbox import cgroup
from codeopt.sandbox.protocol import Launch, Mount
from codeopt.sandbox.system import session_folder
from codeopt.types import Usage

STDERR_BYTES = 8192
STDERR_WAIT_S = 0.5
_CONFINE = str(Path(__file__).with_name("confine.py").resolve())


@cache
def _spawner() -> ThreadPoolExecutor:
    # "die with the parent" means with the thread that started the child: this one lives as long as codeopt does
    return ThreadPoolExecutor(1, thread_name_prefix="codeopt-spawn")


def basic_env(launch: Launch, tmp: str) -> dict[str, str]:
    """The launch's environment with the few variables that programs expect to be there."""
    base = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": tmp, "TMPDIR": tmp, "LANG": "C.UTF-8"}
    return {**base, **launch.env}


def socket_pair() -> tuple[socket.socket, socket.socket]:
    """(parent's end, child's end); the kernel stamps every message to the parent with the sender's host pid."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    return ours, theirs


def descendants(root: int) -> list[int]:
    """Host pids of everything that runs below `root`, nearest first."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb", buffering=0) as file:
                state, parent = file.read().rpartition(b")")[2].split()[:2]
                if state != b"Z":
                    children.setdefault(int(parent), []).append(int(name))
    found, queue = [], [root]
    while queue:
        below = children.get(queue.pop(0), [])
        found += below
        queue += below
    return found


class LocalChannel:
    """A started local process. Fits `Channel`.

    Args:
        gentle: Send SIGTERM to a warden first, which then kills everything below it.
    """

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        sock: socket.socket,
        group: cgroup.Group | None,
        gentle: bool,
        cleanup: Callable[[], None],
    ) -> None:
        self.sock = sock
        self._process, self._group, self._gentle, self._cleanup = process, group, gentle, cleanup
        self._last: tuple[Usage, bool] | None = None
        self._tail: deque[bytes] = deque(maxlen=STDERR_BYTES // 512)
        self._lock = threading.Lock()
        assert process.stderr is not None
        self._reader = threading.Thread(target=self._drain, args=(process.stderr,), daemon=True)
        self._reader.start()

    def _drain(self, stream: IO[bytes]) -> None:
        with stream:
            while block := os.read(stream.fileno(), 512):
                self._tail.append(block)

    def cpu_ns(self) -> int | None:
        return self._group.cpu_ns() if self._group and not self._last else None

    def usage(self) -> Usage:
        if self._last:
            return self._last[0]
        if self._group:
            return self._group.usage()
        return Usage(processes=self.processes())

    def processes(self) -> int | None:
        if self._last:
            return self._last[0].processes
        return self._group.processes() if self._group else 1 + len(descendants(self._process.pid))

    def out_of_memory(self) -> bool:
        if self._last:
            return self._last[1]
        return bool(self._group and self._group.oom_kills())

    def stderr_tail(self) -> str:
        # Who asks has seen the channel close: the process ends any moment now, and its last words come in pieces.
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(STDERR_WAIT_S)
            self._reader.join(STDERR_WAIT_S)
        return b"".join(list(self._tail)).decode(errors="replace")

    def kill(self) -> None:
        with self._lock:
            if self._last is not None:
                return
            self._last = self.usage(), self.out_of_memory()
            self._kill_processes()
            if self._group:
                self._group.kill()
                self._group.remove()
            self.sock.close()
            self._reader.join(0.5)
            self._cleanup()

    def _kill_processes(self) -> None:
        if self._gentle and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(1.5)
        if self._process.poll() is None:
            # A group knows its processes; without one the whole table of processes has to be read.
            known = self._group.pids() if self._group else None
            below = descendants(self._process.pid) if known is None else known
            for pid in [*below, self._process.pid]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._process.wait()


def start_local(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: str,
    theirs: socket.socket,
    group: cgroup.Group | None,
    rlimits: Mapping[str, int],
    cpus: Sequence[int],
    warden: bool,
    pass_fds: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start `command` through `confine.py`; stderr is a pipe, the other two are /dev/null."""
    spec = {
        "parent": os.getpid(),
        "cgroups": group.join_files() if group else [],
        "rlimits": dict(rlimits),
        "cpus": list(cpus),
        "env": dict(env),
        "no_new_privs": warden,
        "warden": warden,
        "keep_fd": theirs.fileno(),
    }
    argv = [sys.executable, "-I", "-S", _CONFINE, json.dumps(spec), *command]

    def spawn() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=cwd,
            pass_fds=(theirs.fileno(), *pass_fds),
            start_new_session=True,
        )

    try:
        return _spawner().submit(spawn).result()
    except OSError as error:
        raise SandboxUnavailable(
            f"cannot start a process: {error.strerror}", "free some memory or processes and run it again"
        ) from error


def _own_processes() -> int:
    """Threads that this user runs now: RLIMIT_NPROC counts them all."""
    user, total = os.getuid(), 0
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if entry.stat().st_uid == user:
                    total += len(os.listdir(f"{entry.path}/task"))
    return total


# Threads that the user's other programs may start meanwhile: the limit is on all that the user runs.
OTHERS = 1024


class ProcessSandbox:
    """Runs the program as the user, in the user's own files, with limits on memory, file size and processes."""

    name = "process"

    def __init__(self, note: str = "") -> None:
        self.note = (
            note or "plain process: limits only, no isolation; the program can read and write your files"
        )
        self._channels: weakref.WeakSet[LocalChannel] = weakref.WeakSet()

    def inside(self, mount: Mount) -> str:
        return str(mount.host)

    def start(self, launch: Launch) -> LocalChannel:
        tmp = session_folder()
        limits = launch.limits
        group = cgroup.create(limits)
        rlimits = {
            **({"RLIMIT_AS": limits.memory_mb << 20} if limits.address_space else {}),
            "RLIMIT_FSIZE": limits.tmp_mb << 20,
            "RLIMIT_CORE": 0,
            "RLIMIT_NOFILE": 4096,
        }
        if group is None and os.getuid() != 0:
            rlimits["RLIMIT_NPROC"] = _own_processes() + limits.pids + OTHERS
        ours, theirs = socket_pair()
        env = {**basic_env(launch, tmp), "CODEOPT_CHANNEL": f"fd:{theirs.fileno()}"}

        def cleanup() -> None:
            shutil.rmtree(tmp, ignore_errors=True)

        try:
            process = start_local(
                launch.argv,
                env=env,
                cwd=tmp,
                theirs=theirs,
                group=group,
                rlimits=rlimits,
                cpus=limits.cpus,
                warden=True,
            )
        except SandboxUnavailable:
            ours.close()
            cleanup()
            if group:
                group.remove()
            raise
        finally:
            theirs.close()
        channel = LocalChannel(process, ours, group, gentle=True, cleanup=cleanup)
        self._channels.add(channel)
        return channel

    def close(self) -> None:
        for channel in list(self._channels):
            channel.kill()
