"""Call the baseline once on an encoded input, in a forked child, and see whether it survives.

A child for each call, so that a crash, an endless loop in C, a cache or a lot of memory stays with that call.
"""

from __future__ import annotations

import gc
import hashlib
import inspect
import json
import os
import resource
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any, NamedTuple

import msgpack

from . import lazy

ITEMS = 1000
SMALL = 1 << 16
WAITING = 0.25
PREEMPTED_S = 0.05
IMPORTS_S = 2.0  # for the first call, which may import
NEVER = ("MemoryError", "RecursionError", "SystemExit", "KeyboardInterrupt", "NotImplementedError", "OutOfTime")
DOUBTFUL = ("TypeError", "AttributeError", "NameError", "UnboundLocalError")


class Outcome(NamedTuple):
    """What became of a call.

    Attributes:
        ok: It returned, or raised in a way that is part of its behaviour.
        seconds: Time of the call alone.
        raised: Name of the exception's class, "" for none.
        why: Why it is not ok.
        unencodable: Why the answer cannot be encoded, "" where it can.
        explicit: The exception was raised by a raise or an assert of the function's own file.
        answer: A digest of a small answer: equal for equal answers.
    """

    ok: bool
    seconds: float
    raised: str = ""
    why: str = ""
    unencodable: str = ""
    explicit: bool = False
    answer: str = ""


class Trials:
    """Tries calls of context.function; `limit_s` and `memory_mb` bound each."""

    def __init__(self, context: Any, limit_s: float, memory_mb: int = 2048) -> None:
        self.context, self.limit_s, self.memory_mb = context, limit_s, memory_mb
        self.tried = 0
        self.rejected = 0
        self.not_encodable = 0
        self.why: list[str] = []
        self.last_why = ""
        self._limit_s = max(limit_s, IMPORTS_S)

    def encode(self, call: dict[str, Any]) -> bytes:
        """The encoded call, or b"" (counted) where it cannot be encoded."""
        try:
            blob: bytes = self.context.codec.encode(call)
        except self.context.codec.Unencodable as error:
            self._unencodable(str(error))
            return b""
        return blob

    def run(self, blob: bytes) -> Outcome:
        """One call in a child process."""
        self.tried += 1
        outcome = self._fork(blob)
        if outcome.ok and outcome.unencodable:
            self._unencodable("the answer: " + outcome.unencodable)
            outcome = outcome._replace(ok=False, why=outcome.unencodable)
        if not outcome.ok:
            self.rejected += 1
            self.last_why = outcome.why
        return outcome

    def _unencodable(self, why: str) -> None:
        self.not_encodable += 1
        if why[:300] not in self.why and len(self.why) < 5:
            self.why.append(why[:300])

    def _fork(self, blob: bytes) -> Outcome:
        reader, writer = os.pipe()
        sys.stdout.flush()
        before = lazy.known()
        pid = os.fork()
        if pid == 0:
            try:
                os.close(reader)
                os.setpgid(0, 0)
                found = json.dumps(self._child(blob)).encode()
                os.write(writer, found + b"\n" + lazy.imported_since(before))
            finally:
                os._exit(0)
        os.close(writer)
        try:
            ready, _, _ = select.select([reader], [], [], self._limit_s + 1.0)
            data = os.read(reader, 65536) if ready else b""
        finally:
            os.close(reader)
            status = kill_group(pid)
        first, self._limit_s = self._limit_s != self.limit_s, self.limit_s
        if not data:
            late = not ready or (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGALRM)
            why = "it did not end in %.1f s" % self.limit_s if late else "it crashed"
            return Outcome(False, self.limit_s, why=why)
        found, _, names = data.partition(b"\n")
        if lazy.adopt(names.decode("utf-8", "replace").split("\n")):
            # The time was that of the imports.
            return self._fork(blob)
        outcome = Outcome(*json.loads(found))
        if first and outcome.seconds > self.limit_s:
            return Outcome(False, self.limit_s, why="it did not end in %.1f s" % self.limit_s)
        return outcome

    def _child(self, blob: bytes) -> list[Any]:
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        limit_memory(self.memory_mb)
        call = self.context.codec.decode_live(blob)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, self._limit_s)
        # What was there before the call is no garbage of its.
        gc.freeze()
        watch = Watch()
        try:
            result = invoke(self.context.function, call)
            seconds = watch.seconds()
        except BaseException as error:
            return self._raised(error, watch.seconds())
        unencodable = answer = ""
        try:
            encoded = self.context.codec.encode(result)
            if len(blob) + len(encoded) < SMALL:
                # A function that answers None has its effect on its arguments.
                after = self.context.codec.encode([call["args"], call["kwargs"]]) if result is None else b""
                answer = hashlib.blake2b(encoded + after, digest_size=8).hexdigest()
        except self.context.codec.Unencodable as error:
            unencodable = str(error)[:300]
        return [True, seconds, "", "", unencodable, False, answer]

    def _raised(self, error: BaseException, seconds: float) -> list[Any]:
        """An exception is behaviour where the function's own code raises it; a TypeError from a guess is not."""
        name = type(error).__name__
        frames = traceback.extract_tb(error.__traceback__)
        last = frames[-1] if frames else None
        explicit = last is not None and (last.line or "").lstrip().startswith(("raise", "assert"))
        inside = last is not None and os.path.realpath(last.filename) == os.path.realpath(self.context.file)
        ok = name not in NEVER and inside and (explicit or name not in DOUBTFUL)
        text = "%s: %s" % (name, str(error)[:200])
        return [ok, seconds, name, "" if ok else text, "", explicit and inside]


class Watch:
    """Seconds since it was made: CPU time where the call computes, so that a busy machine does not count."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def seconds(self) -> float:
        wall, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
        waits = wall > PREEMPTED_S and cpu < WAITING * wall
        return wall if waits else min(wall, cpu)


def invoke(function: Any, call: dict[str, Any]) -> Any:
    """Call it to the end of its work: a coroutine is awaited, a generator's first items are taken."""
    result = function(*call["args"], **call["kwargs"])
    if inspect.iscoroutine(result):
        import asyncio  # it takes longer to import than an operation has to do

        return asyncio.run(result)
    if inspect.isgenerator(result):
        return [item for _, item in zip(range(ITEMS), result)]
    return result


def limit_memory(megabytes: int) -> None:
    """Bound what this process may map beyond what it has now, so that growth ends in a MemoryError."""
    with open("/proc/self/statm") as file:
        now = int(file.read().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = now + (megabytes << 20)
    if soft == resource.RLIM_INFINITY or wanted < soft:
        resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))


def in_child(action: Callable[[], Any], seconds: float) -> Any:
    """Plain data that `action` returns in a child process; None where it crashed or was late."""
    reader, writer = os.pipe()
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reader)
            os.setpgid(0, 0)
            with os.fdopen(writer, "wb") as pipe:
                pipe.write(msgpack.packb(action()))
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)
    os.close(writer)
    data, until = b"", time.monotonic() + seconds
    try:
        while True:
            ready, _, _ = select.select([reader], [], [], max(0.0, until - time.monotonic()))
            piece = os.read(reader, 1 << 20) if ready else b""
            data += piece
            if not piece:
                break
    finally:
        os.close(reader)
        kill_group(pid)
    return msgpack.unpackb(data, strict_map_key=False) if data and ready else None


def kill_group(pid: int) -> int:
    """Kill a child that leads its own process group, and reap it; returns its wait status."""
    for kill in (os.killpg, os.kill):
        try:
            kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    return os.waitpid(pid, 0)[1]
