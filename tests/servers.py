"""A small OpenAI-compatible HTTP server that does what a script says, one step a request."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Step:
    """What to do with one chat request.

    Attributes:
        text: Answer, streamed in pieces.
        usage: Tokens in and out to report; None reports none.
        finish: finish_reason of the last piece; "" sends none.
        status: HTTP status; other than 200 sends `error` as the error's message.
        error, code, param: Of an error.
        headers: Further headers.
        hang_s: Seconds of silence before the first piece.
        drop_after: Break the connection after so many pieces.
        raw: Body to send instead, as it is.
        reasoning: Text for `reasoning_content` before the answer.
    """

    text: str = ""
    usage: tuple[int, int] | None = (100, 50)
    finish: str = "stop"
    status: int = 200
    error: str = "scripted"
    code: str | None = None
    param: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    hang_s: float = 0.0
    drop_after: int | None = None
    raw: bytes | None = None
    reasoning: str = ""


@dataclass
class Server:
    """A running server.

    Attributes:
        url: Base URL for a client.
        requests: Body of every chat request so far.
        keys: Authorization header of every chat request so far.
    """

    url: str
    steps: list[Step]
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)


@contextmanager
def serve(*steps: Step, models: Sequence[str] = ()) -> Iterator[Server]:
    """A server that takes one step a request; the last step is repeated. It lists `models`."""
    state = Server("", list(steps))
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            return

        def do_GET(self) -> None:
            listed = [{"id": name, "object": "model", "created": 0, "owned_by": "x"} for name in models]
            self._send(200, json.dumps({"object": "list", "data": listed}).encode(), "application/json", {})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                step = state.steps[min(len(state.requests), len(state.steps) - 1)]
                state.requests.append(body)
                state.keys.append(self.headers.get("Authorization", ""))
            state.stopping.wait(step.hang_s)
            if step.raw is not None:
                self._send(step.status, step.raw, "text/event-stream", step.headers)
            elif step.status != 200:
                error = {"error": {"message": step.error, "code": step.code, "param": step.param, "type": "x"}}
                self._send(step.status, json.dumps(error).encode(), "application/json", step.headers)
            else:
                self._stream(step)

        def _send(self, status: int, body: bytes, kind: str, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _stream(self, step: Step) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            pieces = [step.text[i : i + 7] for i in range(0, len(step.text), 7)]
            deltas: list[dict[str, str]] = [{"role": "assistant", "content": ""}]
            deltas += [{"reasoning_content": step.reasoning}] if step.reasoning else []
            deltas += [{"content": piece} for piece in pieces]
            for number, delta in enumerate(deltas):
                if step.drop_after == number:
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True
                    return
                self._piece({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
            if step.finish:
                self._piece({"choices": [{"index": 0, "delta": {}, "finish_reason": step.finish}]})
            if step.usage:
                tokens_in, tokens_out = step.usage
                counts = {"prompt_tokens": tokens_in, "completion_tokens": tokens_out, "total_tokens": 0}
                self._piece({"choices": [], "usage": counts})
            self._chunk(b"data: [DONE]\n\n")
            self._chunk(b"")

        def _piece(self, content: dict[str, Any]) -> None:
            event = {"id": "x", "object": "chat.completion.chunk", "created": int(time.time()), "model": "m", **content}
            self._chunk(b"data: " + json.dumps(event).encode() + b"\n\n")

        def _chunk(self, data: bytes) -> None:
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            """Clients that hang up are part of the tests."""

    httpd = Quiet(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    httpd.block_on_close = False
    state.url = f"http://127.0.0.1:{httpd.server_address[1]}/v1"
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        state.stopping.set()
        httpd.shutdown()
        httpd.server_close()
        thread.join()


def closed_port() -> int:
    """A port of this machine where nothing listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port
