"""A process of our own that answers one request after the other, in lines of JSON."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import IO, Any

from codeopt.errors import EngineRestarted, SandboxBroken, UserError

GRACE_S = 60.0


class Peer:
    """The process of a module, seen from its parent.

    It ends when the parent does, whatever ends that one, and knows nothing of Ctrl-C. The constructor does not wait for it.

    Args:
        module: Run with `python -m`; it answers its first line, `hello`, once it is ready.
        hello: What it has to know.
    """

    def __init__(self, module: str, hello: dict[str, Any]) -> None:
        self._module = module
        self._hello = hello
        self._process = self._started()

    def _started(self) -> subprocess.Popen[str]:
        words = [sys.executable, "-m", self._module]
        process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)
        self._write(process, self._hello)
        return process

    @staticmethod
    def _write(process: subprocess.Popen[str], request: dict[str, Any]) -> None:
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # whoever reads then finds the end
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()

    def _reply(self) -> dict[str, Any]:
        """What it answers. Raises UserError and EngineRestarted as it did, SandboxBroken where it has ended."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SandboxBroken(f"a process of a lane has ended ({self._process.wait()})")
        reply: dict[str, Any] = json.loads(line)
        if "user_error" in reply:
            raise UserError(*reply["user_error"])
        if "restarted" in reply:
            raise EngineRestarted(reply["restarted"])
        return reply

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Its reply. Raises as `_reply`; EngineRestarted where it had ended and another one stands in its place."""
        self._write(self._process, request)
        try:
            return self._reply()
        except EngineRestarted:
            raise
        except SandboxBroken as broken:
            self.close()
            self._process = self._started()
            self.ready()
            raise EngineRestarted(str(broken)) from broken

    def ready(self) -> str:
        """Wait until it is, once; the name of its sandbox.

        Raises:
            UserError: No such sandbox works here.
            SandboxBroken: It ended.
        """
        return str(self._reply()["ran_in"])

    def close(self) -> None:
        """End it, and its sandbox with it. Idempotent."""
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
        try:
            self._process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


Answer = Callable[[dict[str, Any]], None]


def answering(replies: IO[str]) -> Answer:
    """What writes a reply to the parent."""

    def answer(reply: dict[str, Any]) -> None:
        replies.write(json.dumps(reply) + "\n")
        replies.flush()

    return answer


@contextlib.contextmanager
def told(answer: Answer) -> Iterator[None]:
    """Around a request: what a parent knows how to take is its reply."""
    try:
        yield
    except UserError as error:
        answer({"user_error": (error.message, error.hint)})
    except EngineRestarted as error:
        answer({"restarted": str(error)})


def main(serve: Callable[[IO[str], IO[str]], None]) -> None:
    """The process itself: serves until its parent closes its end."""
    channel, sys.stdout = sys.stdout, sys.stderr  # what libraries print is no reply
    try:
        serve(sys.stdin, channel)
    except BrokenPipeError:  # the parent was killed
        os.dup2(os.open(os.devnull, os.O_WRONLY), channel.fileno())
