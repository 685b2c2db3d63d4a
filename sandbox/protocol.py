"""The contract of a sandbox: start one process apart from everything, talk to it over a socket, kill it.

A sandbox kind is any class that fits `Sandbox`; it is found by name in `codeopt.sandbox.choose`. What is said
over the socket (loading a program, sampling it, profiling it) is the same for all kinds and lives in
`codeopt.sandbox.session`. Nothing that comes back is ever unpickled, imported or evaluated.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from codeopt.types import Usage


@dataclass(frozen=True)
class Limits:
    """What a session may use. A candidate that exceeds one is stopped and judged, never the engine.

    Attributes:
        memory_mb: Resident memory of the whole session (address space in the process sandbox), no swap.
        pids: Processes and threads.
        tmp_mb: Size of the only writable place, a fresh tmpfs on /tmp.
        output_mb: Bytes of one answer, and of one program's stdout.
        cpus: Cores the session is pinned to; empty means all.
        address_space: Whether a kind may also limit the address space of each process. Off for sanitizers, which reserve
            terabytes of it and use little.
    """

    memory_mb: int = 4096
    pids: int = 256
    tmp_mb: int = 512
    output_mb: int = 64
    cpus: tuple[int, ...] = ()
    address_space: bool = True


@dataclass(frozen=True)
class Mount:
    """A host path that is visible, read-only, at `inside`."""

    host: Path
    inside: str


@dataclass(frozen=True)
class Launch:
    """One process to start.

    Attributes:
        argv: The program and its arguments, as paths inside.
        mounts: What it can see besides the system's own /usr, /lib and the like.
        env: Its whole environment; nothing of the parent's is inherited.
        limits: What it may use.
        namespaced_forks: The process may create user namespaces for its children (the namespaced fork server).
    """

    argv: tuple[str, ...]
    mounts: tuple[Mount, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    namespaced_forks: bool = False


class Channel(Protocol):
    """A started process. `sock` is a connected AF_UNIX stream socket with SO_PASSCRED set at this end.

    The process finds its end through the environment variable CODEOPT_CHANNEL: "fd:N" or "unix:PATH".
    """

    sock: socket.socket

    def cpu_ns(self) -> int | None:
        """CPU time of everything in the session so far, from its cgroup; None where there is none to read."""

    def usage(self) -> Usage:
        """What the session used so far; after `kill`, what it used until then."""

    def processes(self) -> int | None:
        """How many processes the session has now; None where they cannot be counted."""

    def out_of_memory(self) -> bool:
        """Whether the kernel killed something in the session for lack of memory."""

    def stderr_tail(self) -> str:
        """The last few KiB of what the process itself wrote to stderr."""

    def kill(self) -> None:
        """Stop everything in the session and remove what it left. Idempotent; returns within about a second."""


class Sandbox(Protocol):
    """A way to run a program that nobody trusts.

    Attributes:
        name: "docker", "bubblewrap" or "process".
        note: One line that a report shows: what it is, what it does not protect against.
    """

    name: str
    note: str

    def inside(self, mount: Mount) -> str:
        """The path under which a mounted host path is seen by the process."""

    def start(self, launch: Launch) -> Channel:
        """Start the process.

        Raises:
            SandboxUnavailable: The engine or the image is not there (any more).
        """

    def close(self) -> None:
        """Remove everything the sandbox still holds. Idempotent."""
