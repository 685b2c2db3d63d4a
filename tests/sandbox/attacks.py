"""Starts small hostile programs in a sandbox and hears what they could do."""

from __future__ import annotations

import json
import socket
import struct
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest

from codeopt.errors import UserError
from codeopt.sandbox.choose import find_interpreter
from codeopt.sandbox.protocol import Channel, Launch, Limits, Mount, Sandbox

REPOSITORY = Path(__file__).resolve().parents[2]
NSFORK = REPOSITORY / "sandbox" / "runner" / "nsfork.py"
ALL, ISOLATED = ("docker", "bubblewrap", "process"), ("docker", "bubblewrap")
LIMITS = Limits(memory_mb=256, pids=24, tmp_mb=8)
PRELUDE = """
import json, os, socket, sys, time
kind, _, value = os.environ["CODEOPT_CHANNEL"].partition(":")
if kind == "fd":
    sock = socket.socket(fileno=int(value))
else:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.connect(value)
def say(thing):
    sock.sendall(json.dumps(thing).encode() + b"\\n")
"""


def get(kind: str, sandboxes: dict[str, Sandbox | UserError]) -> Sandbox:
    found = sandboxes[kind]
    if isinstance(found, UserError):
        pytest.skip(str(found))
    return found


def start(
    sandbox: Sandbox, program: str, *arguments: str, mounts: tuple[Mount, ...] = (), **launch: Any
) -> Channel:
    python = find_interpreter()
    argv = (python.path, "-I", "-c", PRELUDE + textwrap.dedent(program), *arguments)
    launch.setdefault("limits", LIMITS)
    channel = sandbox.start(Launch(argv=argv, mounts=(*python.mounts, *mounts), **launch))
    channel.sock.settimeout(30)
    return channel


def heard(channel: Channel, lines: int = 1) -> list[tuple[Any, int]]:
    """(what was said, the sender's pid by the kernel) for so many messages."""
    said: list[tuple[Any, int]] = []
    while len(said) < lines:
        data, extra, _, _ = channel.sock.recvmsg(65536, socket.CMSG_SPACE(12))
        if not data:
            raise AssertionError(f"ended after {said}: {channel.stderr_tail()}")
        pid = struct.unpack("iii", extra[0][2][:12])[0]
        said += [(json.loads(line), pid) for line in data.splitlines()]
    return said


def answer(sandbox: Sandbox, program: str, *arguments: str, **launch: Any) -> Any:
    channel = start(sandbox, program, *arguments, **launch)
    try:
        return heard(channel)[0][0]
    finally:
        channel.kill()


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] in (b"Z", b"X")
    except OSError:
        return True


def wait_until_gone(pids: list[int]) -> list[int]:
    """Those still alive after some seconds."""
    deadline = time.monotonic() + 10
    while (alive := [pid for pid in pids if not gone(pid)]) and time.monotonic() < deadline:
        time.sleep(0.02)
    return alive
