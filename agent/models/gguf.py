"""A local GGUF model behind llama.cpp's own server, started and stopped by codeopt.

The server is a process of its own (`python -m codeopt.agent.models.gguf PATH ...`): a model that does not fit or crashes
takes nothing else down, and ending it frees all its memory. It listens on loopback, on a port that the system picks.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from codeopt.agent.models.endpoint import Endpoint
from codeopt.errors import UserError

PREFIX = "gguf:"
HOST = "the local model"
"""How its server is called before a person."""
START_S = 300.0
MAGIC = b"GGUF"


def threads() -> int:
    """All cores but one: with as many threads as cores, one other busy process stops the server nearly altogether."""
    return max(1, len(os.sched_getaffinity(0)) - 1)


@contextmanager
def serving(path: Path, *, parallel: int, context: int) -> Iterator[Endpoint]:
    """A running server of that model; it is gone when the block ends.

    Args:
        path: The GGUF file.
        parallel: Requests that are answered at a time.
        context: Tokens of prompt and answer together, for each of them.

    Raises:
        UserError: No such file, it is no GGUF file, xllamacpp is not installed, or the server does not start.
    """
    _check(path)
    command = [sys.executable, "-m", __name__, str(path.resolve()), "--parallel", str(parallel), "--context", str(context)]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, start_new_session=True)
        try:
            yield Endpoint(_address(process, log.fileno(), path), HOST, local=True)
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


def _check(path: Path) -> None:
    try:
        with open(path, "rb") as file:
            magic = file.read(len(MAGIC))
    except OSError as error:
        raise UserError(f"the model {path} cannot be read ({error.strerror})", "give gguf:PATH of a GGUF file") from None
    if magic != MAGIC:
        raise UserError(f"{path} is no GGUF file", "give gguf:PATH of a GGUF file")
    if importlib.util.find_spec("xllamacpp") is None:
        raise UserError("gguf: models need xllamacpp", 'pip install "codeopt[local]"')


def _address(process: subprocess.Popen[bytes], log: int, path: Path) -> str:
    """The server's base URL, as soon as it says that it is ready. Raises UserError where it ends first."""
    assert process.stdout is not None
    ready = select.select([process.stdout], [], [], START_S)[0]
    line = process.stdout.readline() if ready else b""
    if line:
        return str(json.loads(line)["url"])
    os.lseek(log, 0, os.SEEK_SET)
    told = os.read(log, 1 << 20).decode("utf-8", "replace").strip().splitlines()
    why = next((text for text in reversed(told) if "error" in text.lower()), told[-1] if told else "no reason given")
    raise UserError(f"the model {path.name} does not start: {why.strip()[-200:]}", "check the file and the free memory")


def main() -> None:
    """The server's process: prints its address as JSON, and serves until its standard input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("path")
    parser.add_argument("--parallel", type=int, required=True)
    parser.add_argument("--context", type=int, required=True)
    asked = parser.parse_args()
    import xllamacpp

    said = os.dup(1)
    os.dup2(2, 1)  # llama.cpp writes to both
    params = xllamacpp.CommonParams()
    params.model.path = asked.path
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.n_parallel = asked.parallel
    params.n_ctx = asked.context * asked.parallel
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads()
    params.warmup = False
    server = xllamacpp.Server(params)
    os.write(said, json.dumps({"url": f"{server.listening_address}/v1"}).encode() + b"\n")
    os.close(said)
    while os.read(0, 1):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
