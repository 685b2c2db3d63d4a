"""Runs between the parent and a local sandboxed process: takes limits on itself, then becomes the process.

Started as `python -I -S confine.py SPEC COMMAND...` so that nothing runs between fork and exec in the parent,
which has threads. Standard library only, imports nothing of codeopt. SPEC is JSON:

    parent          pid of the parent; this process dies with it
    cgroups         files to write "0" to, to enter a cgroup
    rlimits         {"RLIMIT_AS": bytes, ...}, soft and hard
    cpus            cores to be pinned to, empty for all
    env             the whole environment of the command
    no_new_privs    set PR_SET_NO_NEW_PRIVS
    warden          stay as a subreaper above the command, so that no orphan survives it
    keep_fd         the channel's descriptor, closed in the warden
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys
import time
from typing import Any

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 36, 38
_libc = ctypes.CDLL(None, use_errno=True)


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option}) failed")


def _die_with(parent: int, number: int) -> None:
    _prctl(PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        os._exit(1)


def _become(spec: dict[str, Any], command: list[str]) -> None:
    for name, value in spec["rlimits"].items():
        kind = getattr(resource, name)
        _, hard = resource.getrlimit(kind)
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))
    if spec["no_new_privs"]:
        _prctl(PR_SET_NO_NEW_PRIVS, 1)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # ignored by Python, and an ignored signal survives exec
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execve(command[0], command, spec["env"])
    except OSError as error:
        sys.stderr.write(f"cannot start {command[0]}: {error.strerror}\n")
        sys.stderr.flush()
        os._exit(127)


def _descendants(root: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    parent = int(file.read().rpartition(b")")[2].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(name))
    found, queue = [], [root]
    while queue:
        below = children.get(queue.pop(), [])
        found += below
        queue += below
    return found


def _kill_below(root: int) -> None:
    """SIGKILL until nothing is left below: stopped first, so that a fork bomb cannot outrun the scan."""
    deadline = time.monotonic() + 1.0
    while time.monotonic() < deadline:
        found = _descendants(root)
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in found:
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    continue
        if not _reap():
            return
        time.sleep(0.001)


def _reap(main: int = 0, status: list[int] | None = None) -> bool:
    """Reap what has ended; False when no child is left. The main child's wait status goes into `status`."""
    while True:
        try:
            pid, code = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return False
        if pid == 0:
            return True
        if pid == main and status is not None:
            status.append(code)


def _watch(main: int) -> None:
    status: list[int] = []
    while not status:
        number = signal.sigwait({signal.SIGCHLD, signal.SIGTERM})
        if number == signal.SIGTERM:
            break
        _reap(main, status)
    _kill_below(os.getpid())
    os._exit(os.waitstatus_to_exitcode(status[0]) & 0xFF if status else 0)


def run(spec: dict[str, Any], command: list[str]) -> None:
    for path in spec["cgroups"]:
        with open(path, "w") as file:
            file.write("0")
    if spec["cpus"]:
        os.sched_setaffinity(0, spec["cpus"])
    if not spec["warden"]:
        _die_with(spec["parent"], signal.SIGKILL)
        _become(spec, command)
    _die_with(spec["parent"], signal.SIGTERM)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD, signal.SIGTERM})
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    warden = os.getpid()
    main = os.fork()
    if main == 0:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD, signal.SIGTERM})
        os.setsid()
        _die_with(warden, signal.SIGKILL)
        _become(spec, command)
    os.close(spec["keep_fd"])
    _watch(main)


if __name__ == "__main__":
    run(json.loads(sys.argv[1]), sys.argv[2:])
