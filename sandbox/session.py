"""The parent's side of a session: sends a program in, times samples of it, takes bytes back.

The clock and the CPU time are read here, outside the sandbox. A session that breaks its protocol, times out or
dies is killed; what it left unanswered becomes a status of the candidate's, never an error of the engine's.
"""

from __future__ import annotations

import compileall
import math
import os
import random
import signal
import socket
import struct
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import msgpack

from codeopt.errors import SandboxBroken
from codeopt.sandbox.protocol import Channel, Launch, Limits, Mount, Sandbox
from codeopt.types import Status

RUNNER = Path(__file__).resolve().parent / "runner"
MSGPACK = Path(msgpack.__file__).resolve().parent
HEADER = struct.Struct(">Q")
CREDENTIALS = struct.Struct("3i")
# CPU time of the session beyond the sample's own process that is more than the kernel's bookkeeping.
ELSEWHERE_S, ELSEWHERE = 0.002, 0.1
REMEMBERED = 256  # samples whose processes are known
TICK_S = 0.02  # to which the kernel tells when a process started
AROUND_S = 10.0  # for what surrounds a sample: arguments before it, extras and the end after it
CREDENTIALS_SPACE = socket.CMSG_SPACE(CREDENTIALS.size)
# One thread per library unless the task asks for more: threads after a fork hang OpenMP and Numba.
ONE_THREAD = {
    name: "1"
    for name in (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "NUMEXPR_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
        "ARROW_IO_THREADS",
    )
}


class Broken(Exception):
    """The session cannot go on; `status` says what that means for the candidate."""

    def __init__(self, status: Status, evidence: str) -> None:
        super().__init__(evidence)
        self.status = status
        self.evidence = evidence


@dataclass(frozen=True)
class Sample:
    """One timed region.

    Attributes:
        status: OK, or why there is no answer.
        answer: Encoded outcomes (functions) or stdout (programs).
        wall_s: Seconds by the parent's clock from GO to the answer's last byte.
        cpu_s: CPU seconds of the whole session in the same region (its cgroup: helper processes and daemons too;
            where there is none to read, of the sample's process); None where it could not be read.
        prep_s: Seconds from the request until the sample said that it is ready: what is done before the clock.
        early_s: CPU seconds of the sample's process until GO, where that is a fork of its own; else None.
        evidence: First useful lines of what went wrong.
        after, stdout: Only when asked for: encoded arguments after the call, bytes printed.
        exit: Exit status of a program, -N for signal N.
    """

    status: Status
    answer: bytes = b""
    wall_s: float = 0.0
    cpu_s: float | None = None
    prep_s: float = 0.0
    early_s: float | None = None
    evidence: str = ""
    after: bytes = b""
    stdout: bytes = b""
    exit: int = 0
    stderr: str = ""


@dataclass(frozen=True)
class Runtime:
    """What a session needs to start: the interpreter, what it may see, how it is limited."""

    python: str
    mounts: tuple[Mount, ...] = ()
    limits: Limits = field(default_factory=Limits)
    env: Mapping[str, str] = field(default_factory=dict)
    namespaced: bool = False
    threads: int = 1


def cpu_clock(pid: int) -> float | None:
    """CPU seconds of a whole process (all threads, also of a zombie), by its POSIX CPU-time clock.

    The clock id is made as glibc's clock_getcpuclockid makes it; reading another process's needs no rights.
    """
    try:
        return time.clock_gettime_ns((~pid << 3) | 2) / 1e9
    except OSError:
        return None


@cache
def _compile_runner() -> None:
    """Byte code for the runner: without it every session compiles it again. Where it cannot be kept, they do."""
    compileall.compile_dir(RUNNER, quiet=2)


def _started(pid: int) -> float:
    """When a process started, in seconds since boot, to a clock tick; inf where that cannot be read."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
    except OSError:
        return math.inf


class Session:
    """A started runner.

    Raises from the constructor: SandboxUnavailable; SandboxBroken when the runner does not answer.
    """

    def __init__(self, sandbox: Sandbox, runtime: Runtime, *, rng: random.Random | None = None) -> None:
        _compile_runner()
        self._rng = rng or random.Random()
        self._cap = runtime.limits.output_mb << 20
        runner = Mount(RUNNER, "/opt/codeopt/runner")
        packer = Mount(MSGPACK, "/opt/codeopt/msgpack")
        self.runner_path = sandbox.inside(runner)
        env = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "PYTHONHASHSEED": "0",
            "PYTHONDONTWRITEBYTECODE": "1",
            "CODEOPT_MSGPACK": sandbox.inside(packer),
            **({} if runtime.threads > 1 else ONE_THREAD),
            **runtime.env,
        }
        if runtime.threads > 1:
            env["OMP_NUM_THREADS"] = str(runtime.threads)
        launch = Launch(
            argv=(runtime.python, f"{self.runner_path}/boot.py"),
            mounts=(runner, packer, *runtime.mounts),
            env=env,
            limits=runtime.limits,
            namespaced_forks=runtime.namespaced,
        )
        self.channel: Channel = sandbox.start(launch)
        self._sock = self.channel.sock
        self._buffer = bytearray()
        self._pid = 0
        self._sampled: dict[int, float] = {}
        self.alive = True
        try:
            self._send({"do": "hello", "output_cap": self._cap, "namespaced": runtime.namespaced})
            self._receive(time.monotonic() + 30)
            # No text of a candidate's has run yet: this is the server, and no sample may come from it.
            self._server = self._pid
        except Broken as broken:
            tail = self.channel.stderr_tail().strip()
            raise SandboxBroken(f"the sandbox did not start: {tail[-400:] or broken.evidence}") from broken

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Kill everything in the session. Idempotent."""
        self.alive = False
        self.channel.kill()

    # --- frames -------------------------------------------------------------------------------------------

    def _send(self, message: Mapping[str, Any]) -> None:
        body = msgpack.packb(message, use_bin_type=True, unicode_errors="surrogatepass")
        try:
            self._sock.settimeout(60)
            self._sock.sendall(HEADER.pack(len(body)) + body)
        except OSError as error:
            raise self._broken(Status.CRASHED, f"the program's process has gone ({error})") from error

    def _byte(self, value: bytes) -> None:
        try:
            self._sock.sendall(value)
        except OSError as error:
            raise self._broken(Status.CRASHED, f"the program's process has gone ({error})") from error

    def _broken(self, status: Status, evidence: str) -> Broken:
        if status is Status.CRASHED and self.channel.out_of_memory():
            status, evidence = Status.OUT_OF_MEMORY, "the memory limit was reached"
        self.close()
        return Broken(status, evidence)

    def _fill(self, deadline: float) -> None:
        """More bytes into the buffer; `self._pid` becomes their sender, as the kernel attached it."""
        left = deadline - time.monotonic()
        if left <= 0:
            raise self._broken(Status.TIMEOUT, "no answer in time")
        self._sock.settimeout(left)
        try:
            part, ancillary, _, _ = self._sock.recvmsg(1 << 18, CREDENTIALS_SPACE)
        except TimeoutError:
            raise self._broken(Status.TIMEOUT, "no answer in time") from None
        except OSError as error:
            raise self._broken(Status.CRASHED, str(error)) from error
        if not part:
            raise self._broken(Status.CRASHED, self._last_words())
        for level, kind, data in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS:
                self._pid = CREDENTIALS.unpack(data[: CREDENTIALS.size])[0]
        self._buffer += part

    def _last_words(self) -> str:
        tail = self.channel.stderr_tail().strip()
        return tail[-600:] or "the program's process ended without an answer"

    def _frame(self, deadline: float) -> tuple[bytes, int]:
        """One frame, and the pid of the process that sent its last bytes (0: not known)."""
        while len(self._buffer) < HEADER.size:
            self._fill(deadline)
        (length,) = HEADER.unpack_from(self._buffer)
        if length > self._cap + (1 << 20):
            raise self._broken(Status.OUTPUT_LIMIT, f"an answer of {length >> 20} MiB exceeds {self._cap >> 20} MiB")
        end = HEADER.size + length
        while len(self._buffer) < end:
            self._fill(deadline)
        body = bytes(self._buffer[HEADER.size : end])
        del self._buffer[:end]
        return body, self._pid

    def _parse(self, body: bytes) -> dict[str, Any]:
        try:
            message = msgpack.unpackb(
                body,
                raw=False,
                strict_map_key=False,
                unicode_errors="surrogatepass",
                max_bin_len=self._cap + (1 << 20),
            )
        except Exception as error:  # msgpack raises ValueError, its own classes and UnicodeError on bad data
            raise self._broken(Status.TAMPERED, f"a malformed frame ({type(error).__name__})") from error
        if not isinstance(message, dict):
            raise self._broken(Status.TAMPERED, "a malformed frame")
        if "sealed" in message:
            name = str(message["sealed"], "utf-8", "replace") if isinstance(message["sealed"], bytes) else "?"
            raise self._broken(Status.TAMPERED, f"it changes {name[:200]} under the sandbox's server")
        return message

    def _receive(self, deadline: float) -> dict[str, Any]:
        return self._parse(self._frame(deadline)[0])

    # --- calls --------------------------------------------------------------------------------------------

    def preload(self, names: Sequence[str], project: Sequence[str], seconds: float = 120) -> None:
        """Import those of the modules that are installed libraries, not the project's own. Raises Broken."""
        self._send({"do": "preload", "names": list(names), "project": list(project)})
        self._receive(time.monotonic() + seconds)

    def load(self, request: Mapping[str, Any], seconds: float = 120) -> dict[str, Any]:
        """Import a program (see runner/load.py for the fields).

        Returns the reply: `threads`, `jit`, `persistent`, or `error` and `type`.
        Raises Broken when the import ends or hangs the process.
        """
        self._send({"do": "load", **request})
        return self._receive(time.monotonic() + seconds)

    def warm(self, calls: Sequence[bytes], seconds: float = 120) -> None:
        """Call the function in the runner itself, so that its JIT compiles before the forks."""
        self._send({"do": "warm", "calls": list(calls)})
        self._receive(time.monotonic() + seconds)

    def sample(
        self, calls: Sequence[bytes], *, repeat: int = 1, limit_s: float = 30, extras: bool = False, forks: bool = True
    ) -> Sample:
        """Time `repeat` fresh copies of each call, in one region. An empty list measures the floor.

        Where the program `forks`, an answer from the server itself, or from the sample before, is tampering.
        """
        return self._timed({"do": "sample", "calls": list(calls), "repeat": repeat}, limit_s, extras, forks)

    def execute(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        cwd: str = "",
        limit_s: float = 30,
    ) -> Sample:
        """Time one run of a program inside the sandbox, from before exec until after its exit."""
        message = {
            "do": "exec",
            "argv": list(argv),
            "stdin": stdin,
            "env": dict(env or {}),
            "cwd": cwd,
            "pad": self._rng.randrange(0, 4096),
        }
        return self._timed(message, limit_s, extras=False, forks=False)

    def _timed(self, message: Mapping[str, Any], limit_s: float, extras: bool, forks: bool) -> Sample:
        asked = time.perf_counter()
        try:
            self._send(message)
            return self._sample(limit_s, extras, asked, forks)
        except Broken as broken:
            evidence = broken.evidence
            if broken.status is Status.TIMEOUT:
                evidence = f"still running after {limit_s:.3g} s"
            return Sample(broken.status, evidence=evidence)

    def _sample(self, limit_s: float, extras: bool, asked: float, forks: bool) -> Sample:
        body, pid = self._frame(time.monotonic() + AROUND_S + limit_s)
        prep = time.perf_counter() - asked
        ready = self._parse(body)
        if "end" in ready:
            return self._ended(ready)
        if "ready" not in ready:
            raise self._broken(Status.TAMPERED, "an answer before the question")
        if forks and pid:
            self._is_new(pid)
        all_before = self.channel.cpu_ns()
        cpu_before = cpu_clock(pid) if pid else None
        deadline = time.monotonic() + limit_s
        started = time.perf_counter()
        self._byte(b"G")
        body, by = self._frame(deadline)
        wall = time.perf_counter() - started
        cpu_after = cpu_clock(pid) if pid else None
        all_after = self.channel.cpu_ns()
        answer = self._parse(body)
        if "end" in answer:
            return self._ended(answer)
        if not isinstance(answer.get("answer"), bytes):
            raise self._broken(Status.TAMPERED, "a malformed answer")
        if forks and by != pid:
            raise self._broken(Status.TAMPERED, "the answer comes from another process than the one that was asked")
        cpu = cpu_after - cpu_before if cpu_after is not None and cpu_before is not None else None
        if cpu is not None and all_before is not None and all_after is not None:
            everything = (all_after - all_before) / 1e9
            # The process's own clock is the finer one; the session's counts where others worked for it.
            if everything - cpu > max(ELSEWHERE_S, ELSEWHERE * cpu):
                cpu = everything
        self._byte(b"X" if extras else b"B")
        deadline = time.monotonic() + AROUND_S + limit_s
        more = self._receive(deadline) if extras else {}
        end = more if "end" in more else self._receive(deadline)
        if "end" not in end:
            raise self._broken(Status.TAMPERED, "more frames than answers")
        if answer.get("failed"):
            return Sample(Status.WRONG_OUTPUT, wall_s=wall, cpu_s=cpu, prep_s=prep, evidence=str(answer["failed"])[:2000])
        signal_number = int(answer.get("signal", 0))
        sample = Sample(
            Status.OK,
            answer["answer"],
            wall,
            cpu,
            prep,
            cpu_before if forks else None,
            evidence=str(more.get("where", ""))[-2000:],
            after=_bytes(more.get("after")),
            stdout=_bytes(more.get("stdout")),
            exit=-signal_number if signal_number else int(answer.get("exit", 0)),
            stderr=_bytes(answer.get("stderr")).decode("utf-8", "replace"),
        )
        if len(sample.answer) >= self._cap:
            return Sample(Status.OUTPUT_LIMIT, evidence=f"{self._cap >> 20} MiB of output or more", exit=sample.exit)
        return self._signalled(sample, signal_number) if signal_number else sample

    def _is_new(self, pid: int) -> None:
        """A sample is a fork of its own: what it remembers ends with it (cheats.md, row 7)."""
        before = self._sampled.pop(pid, None)
        # A number that comes again may be another process: floods of forks use up all numbers within seconds.
        if pid == self._server or (before is not None and _started(pid) < before + TICK_S):
            raise self._broken(Status.TAMPERED, "samples are answered without a fork of their own")
        self._sampled[pid] = time.clock_gettime(time.CLOCK_BOOTTIME)
        if len(self._sampled) > REMEMBERED:
            del self._sampled[next(iter(self._sampled))]

    def _signalled(self, sample: Sample, number: int) -> Sample:
        if number == signal.SIGXFSZ:
            return _failed(sample, Status.OUTPUT_LIMIT, f"more than {self._cap >> 20} MiB of output")
        if number == signal.SIGKILL and self.channel.out_of_memory():
            return _failed(sample, Status.OUT_OF_MEMORY, "the memory limit was reached")
        return _failed(sample, Status.CRASHED, f"ended by {signal.Signals(number).name}")

    def _ended(self, end: Mapping[str, Any]) -> Sample:
        """The sample's process ended before it answered."""
        number = int(end.get("signal", 0))
        if number == signal.SIGXFSZ:
            return Sample(Status.OUTPUT_LIMIT, evidence=f"more than {self._cap >> 20} MiB of output")
        if number == signal.SIGKILL and self.channel.out_of_memory():
            return Sample(Status.OUT_OF_MEMORY, evidence="the memory limit was reached")
        if number:
            return Sample(Status.CRASHED, evidence=f"ended by {signal.Signals(number).name}", exit=-number)
        tail = self.channel.stderr_tail().strip()[-600:]
        if "MemoryError" in tail:
            return Sample(Status.OUT_OF_MEMORY, evidence="the memory limit was reached")
        return Sample(
            Status.CRASHED, evidence=tail or "the process left without an answer", exit=int(end.get("end", -1))
        )

    def invoke(self, call: bytes, limit_s: float = 30) -> bytes:
        """One untimed call: the encoded {"ok": value} or {"error": exception}, with "args" after it. Raises Broken."""
        self._send({"do": "invoke", "call": call})
        deadline = time.monotonic() + limit_s
        reply = self._receive(deadline)
        if "end" in reply:
            raise Broken(Status.CRASHED, self._ended(reply).evidence)
        self._receive(deadline)
        return _bytes(reply.get("answer"))

    def op(
        self,
        name: str,
        request: Mapping[str, Any],
        seconds: float,
        remote: Callable[[bytes], bytes] | None = None,
    ) -> dict[str, Any]:
        """Run `op_NAME` inside. Its reply is plain data; `error` in it says what failed. Raises Broken."""
        self._send({"do": "op", "name": name, "request": dict(request)})
        deadline = time.monotonic() + seconds
        while True:
            message = self._receive(deadline)
            if "remote" in message and remote is not None:
                self._send({"answer": remote(_bytes(message["remote"]))})
            elif "reply" in message:
                self._receive(deadline)
                reply = message["reply"]
                return reply if isinstance(reply, dict) else {"error": "a malformed reply"}
            else:
                raise Broken(Status.CRASHED, self._ended(message).evidence)

    def put(self, name: str, data: bytes, mode: int = 0o644) -> str:
        """Write a file into the sandbox's /tmp; returns its path inside. Raises Broken."""
        self._send({"do": "put", "name": name, "data": data, "mode": mode})
        return str(self._receive(time.monotonic() + 60)["path"])

    def run(
        self,
        commands: Sequence[Sequence[str]],
        *,
        files: Mapping[str, bytes] | None = None,
        outputs: Sequence[str] = (),
        seconds: float = 120,
        env: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Run commands in a fresh folder inside ("{folder}" in an argument is its path). Raises Broken.

        Returns {"results": [{"exit", "stdout", "stderr"}], "outputs": {name: bytes}}.
        """
        self._send(
            {
                "do": "run",
                "commands": [list(argv) for argv in commands],
                "files": dict(files or {}),
                "outputs": list(outputs),
                "seconds": seconds,
                "env": dict(env or {}),
            }
        )
        return self._receive(time.monotonic() + seconds * max(1, len(commands)) + 5)


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else b""


def _failed(sample: Sample, status: Status, evidence: str) -> Sample:
    tail = sample.stderr.strip()[-600:]
    return replace(sample, status=status, evidence=f"{evidence}\n{tail}".strip(), after=b"", stdout=b"", stderr="")
