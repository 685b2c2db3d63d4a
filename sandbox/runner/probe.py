"""Runs inside a sandbox for `codeopt sandbox check`: tries what a sandbox should not let it do.

Sends one line of JSON over CODEOPT_CHANNEL. Arguments: memory limit in MiB, process limit, a file of
the host that should not be visible. Standard library only.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
import time


def channel() -> socket.socket:
    kind, _, value = os.environ["CODEOPT_CHANNEL"].partition(":")
    if kind == "fd":
        return socket.socket(fileno=int(value))
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.connect(value)
    return sock


def network() -> bool:
    """Whether there is a route to the world; no packet is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("192.0.2.1", 9))
        except OSError:
            return False
    return True


def writable() -> list[str]:
    """Places outside /tmp that can be written to."""
    places = ["/", "/usr", "/etc", "/var", "/run", "/dev", os.path.dirname(sys.executable)]
    found = []
    for place in places:
        name = os.path.join(place, f".codeopt-probe-{os.getpid()}")
        with contextlib.suppress(OSError):
            os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            os.unlink(name)
            found.append(place)
    return found


def forks(limit: int) -> int:
    """How many children could be alive at once, at most limit + 50."""
    children: list[int] = []
    with contextlib.suppress(OSError):
        while len(children) < limit + 50:
            pid = os.fork()
            if pid == 0:
                time.sleep(60)
                os._exit(0)
            children.append(pid)
    for pid in children:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    return len(children)


def memory_held(megabytes: int) -> bool:
    """Whether a child that fills half as much again as the limit is stopped."""
    pid = os.fork()
    if pid == 0:
        try:
            held = [bytearray(b"x") * (1 << 20) for _ in range(megabytes + megabytes // 2)]
        except MemoryError:
            os._exit(1)
        os._exit(0 if held else 1)
    _, status = os.waitpid(pid, 0)
    return status != 0


def main() -> None:
    megabytes, limit, canary = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    with channel() as sock:
        answer = {
            "uid": os.getuid(),
            "network": network(),
            "writable": writable(),
            "host_files": os.path.exists(canary),
            "forks": forks(limit),
            "memory_held": memory_held(megabytes),
        }
        sock.sendall(json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    main()
