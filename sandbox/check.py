"""What `codeopt sandbox check` finds out: which kinds work here, and what each holds against, by trying."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

from codeopt.errors import UserError
from codeopt.sandbox.choose import KINDS, choose, find_interpreter
from codeopt.sandbox.protocol import Channel, Launch, Limits, Mount, Sandbox

PROBE = Path(__file__).resolve().parent / "runner" / "probe.py"
IMAGE_PYTHON = "/usr/bin/python3"
PROBE_LIMITS = Limits(memory_mb=256, pids=32, tmp_mb=8)


@dataclass(frozen=True)
class Probe:
    """What a program could do inside a sandbox.

    Attributes:
        uid: The user id it saw.
        network: It had a route to the world.
        writable: Places outside /tmp that it could write to.
        host_files: It saw a file of the user's that was not given to it.
        forks: Children alive at once, where the limit was `PROBE_LIMITS.pids`.
        memory_held: Exceeding the memory limit was stopped.
    """

    uid: int
    network: bool
    writable: tuple[str, ...]
    host_files: bool
    forks: int
    memory_held: bool

    @property
    def isolates(self) -> bool:
        """Whether a program that nobody trusts may run there."""
        holds = self.memory_held and self.forks <= PROBE_LIMITS.pids
        return holds and not (self.network or self.writable or self.host_files)


@dataclass(frozen=True)
class Row:
    """One kind of sandbox: `probe` is what was seen inside, or `error` why it cannot work and what to do."""

    kind: str
    probe: Probe | None = None
    error: UserError | None = None
    note: str = ""


def probe(sandbox: Sandbox, python: str | None = None) -> Probe:
    """Start the probe program in the sandbox and read its one answer.

    Args:
        python: The interpreter, ours by default; `IMAGE_PYTHON` for the one in the image.

    Raises:
        UserError: The program did not start or did not answer.
    """
    path, mounts = IMAGE_PYTHON, tuple[Mount, ...]()
    if python != IMAGE_PYTHON:
        interpreter = find_interpreter(python)
        path, mounts = interpreter.path, interpreter.mounts
    script = Mount(PROBE, "/run/codeopt/probe.py")
    limits = (str(PROBE_LIMITS.memory_mb), str(PROBE_LIMITS.pids))
    with tempfile.NamedTemporaryFile(prefix="codeopt-canary-") as canary:
        argv = (path, "-I", sandbox.inside(script), *limits, canary.name)
        channel = sandbox.start(Launch(argv=argv, mounts=(*mounts, script), limits=PROBE_LIMITS))
        try:
            return _answer(channel)
        finally:
            channel.kill()


def _answer(channel: Channel) -> Probe:
    channel.sock.settimeout(60)
    text = b""
    try:
        while not text.endswith(b"\n") and (block := channel.sock.recv(65536)):
            text += block
    except TimeoutError:
        raise UserError("the probe did not answer within a minute", "the machine may be overloaded") from None
    if not text:
        said = (channel.stderr_tail().strip().splitlines() or ["it said nothing"])[-1]
        raise UserError(f"the probe ended without an answer: {said}", "try another kind: --sandbox")
    seen = json.loads(text)
    return Probe(
        uid=seen["uid"],
        network=seen["network"],
        writable=tuple(seen["writable"]),
        host_files=seen["host_files"],
        forks=seen["forks"],
        memory_held=seen["memory_held"],
    )


def check(kind: str) -> Row:
    """Try one kind of sandbox."""
    try:
        sandbox = choose(kind, trusted=True)
        try:
            found = probe(sandbox, IMAGE_PYTHON if kind == "docker-image" else None)
            return Row(kind, probe=found, note=sandbox.note)
        finally:
            sandbox.close()
    except UserError as error:
        return Row(kind, error=error)


def check_all() -> list[Row]:
    """Try every kind that can be named, in the order of `KINDS`."""
    return [check(kind) for kind in KINDS if kind != "auto"]
