"""A model's server in a process of its own, started and stopped by codeopt.

A model that does not fit or crashes takes nothing else down, and ending the process frees all its memory. It listens on
loopback, on a port that the system picks, says where in its first line, and ends when its standard input does.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from codeopt.agent.models.endpoint import Endpoint
from codeopt.errors import UserError

HOST = "the local model"
"""How such a server is called before a person."""
START_S = 300.0


def threads() -> int:
    """All cores but one: with as many threads as cores, one other busy process stops the server nearly altogether."""
    return max(1, len(os.sched_getaffinity(0)) - 1)


@contextmanager
def serving(module: str, words: Sequence[str], name: str) -> Iterator[Endpoint]:
    """A running server; its process is gone when the block ends.

    Args:
        module: What is run, with `words` as its arguments.
        name: Of the model, for messages.

    Raises:
        UserError: The server does not start.
    """
    # -P: the user's folder may hold a json.py.
    command = [sys.executable, "-P", "-m", module, *words]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, start_new_session=True)
        try:
            yield Endpoint(_address(process, log.fileno(), name), HOST, local=True)
        finally:
            for number in (signal.SIGTERM, signal.SIGKILL):
                if process.poll() is None:
                    process.send_signal(number)
                    try:
                        process.wait(10)
                    except subprocess.TimeoutExpired:
                        continue
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()


def _address(process: subprocess.Popen[bytes], log: int, name: str) -> str:
    """The server's base URL, as soon as it says that it is ready. Raises UserError where it ends first."""
    assert process.stdout is not None
    ready = select.select([process.stdout], [], [], START_S)[0]
    line = process.stdout.readline() if ready else b""
    if line:
        told = json.loads(line)
        if "refused" in told:
            raise UserError(*told["refused"])
        return str(told["url"])
    os.lseek(log, 0, os.SEEK_SET)
    said = os.read(log, 1 << 20).decode("utf-8", "replace").strip().splitlines()
    why = next((text for text in reversed(said) if "error" in text.lower()), said[-1] if said else "no reason given")
    raise UserError(f"the model {name} does not start: {why.strip()[-200:]}", "check the file and the free memory")


class Voice:
    """In the server's process: its first line, which nothing else may write, and its end."""

    def __init__(self) -> None:
        self._out = os.dup(1)
        os.dup2(2, 1)  # libraries write to both

    def ready(self, url: str) -> None:
        """It serves at that address."""
        self._say({"url": url})

    def refuse(self, error: UserError) -> None:
        """It cannot serve."""
        self._say({"refused": [error.message, error.hint]})

    def _say(self, told: dict[str, object]) -> None:
        os.write(self._out, json.dumps(told).encode() + b"\n")
        os.close(self._out)

    @staticmethod
    def wait() -> None:
        """End the process when whoever started it has gone."""
        while os.read(0, 1):
            pass
        os._exit(0)

    def wait_aside(self) -> None:
        """The same in a thread."""
        threading.Thread(target=self.wait, daemon=True).start()
