"""A transformers model behind a server of its own, for a run that times programs between its answers.

It speaks as much of the chat completions protocol as `ChatClient` needs: a streamed answer to one request at a time. It has
no grammar to hold a model to a schema, and says so.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer
from typing import Any

from codeopt.agent.models import child, hf
from codeopt.agent.models.chat import Request
from codeopt.agent.models.endpoint import Endpoint
from codeopt.errors import UserError

LONGEST = 1 << 26  # bytes of a request


@contextmanager
def serving(name: str) -> Iterator[Endpoint]:
    """A running server of NAME_OR_DIR[@ADAPTER]; it is gone when the block ends.

    Raises:
        UserError: A library is missing, there is no such model or adapter, or it cannot be loaded.
    """
    hf.check_packages(name)
    hf.sources(name)  # what has to be fetched is fetched here, before anybody waits for a server
    with child.serving(__name__, [name], name) as endpoint:
        yield endpoint


class _Server(TCPServer):
    def __init__(self, model: hf.HfModel) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.model = model


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # whose chunks show an answer that broke off
    server: _Server
    _begun = False

    def do_GET(self) -> None:
        if self.path == "/v1/models":
            self._whole(200, {"object": "list", "data": [{"id": self.server.model.name, "object": "model"}]})
        else:
            self._refuse(404, f"there is no {self.path}", "")

    def do_POST(self) -> None:
        if self.path != "/v1/chat/completions":
            self._refuse(404, f"there is no {self.path}", "")
            return
        try:
            body = json.loads(self.rfile.read(min(LONGEST, int(self.headers["Content-Length"]))))
            request = _request(body)
        except (ValueError, KeyError, TypeError) as error:
            self._refuse(400, f"no request for a streamed answer ({error})", "")
            return
        if body.get("response_format"):
            self._refuse(400, "a model of transformers is not held to a form", "response_format")
            return
        self._begun = False
        try:
            reply = self.server.model.answer(request, lambda piece: self._piece({"content": piece}))
        except UserError as error:
            if self._begun:
                self._event({"error": {"message": str(error)}})
                self._end()
            else:
                self._refuse(400, str(error), "messages")
            return
        self._piece({}, reply.finish)
        counts = {"prompt_tokens": reply.tokens_in, "completion_tokens": reply.tokens_out}
        self._event({"choices": [], "usage": {**counts, "total_tokens": sum(counts.values())}})
        self._end()

    def _piece(self, delta: dict[str, str], finish: str | None = None) -> None:
        if not self._begun:
            self._begun = True
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.send_header("Connection", "close")
            self.end_headers()
        self._event({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})

    def _event(self, content: dict[str, Any]) -> None:
        about = {"id": "answer", "object": "chat.completion.chunk", "created": 0, "model": self.server.model.name}
        self._chunk(b"data: " + json.dumps({**about, **content}).encode() + b"\n\n")

    def _end(self) -> None:
        self._chunk(b"data: [DONE]\n\n")
        self._chunk(b"")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def _refuse(self, status: int, message: str, parameter: str) -> None:
        self._whole(status, {"error": {"message": message, "param": parameter, "type": "invalid_request_error"}})

    def _whole(self, status: int, content: dict[str, Any]) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        # One thread answers: a connection that stays open would keep the next one waiting.
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Nobody reads it."""


def _request(body: dict[str, Any]) -> Request:
    """A request in the protocol's form. Raises KeyError, TypeError or ValueError where it is none that we answer."""
    if body["stream"] is not True:
        raise ValueError("stream is false")
    messages = tuple({"role": str(one["role"]), "content": str(one["content"])} for one in body["messages"])
    temperature, top_p = body.get("temperature"), body.get("top_p")
    return Request(
        "", messages, int(body["max_tokens"]), None if temperature is None else float(temperature), int(body.get("seed") or 0),
        None if top_p is None else float(top_p),
    )  # fmt: skip


def main() -> None:
    """The server's process."""
    voice = child.Voice()
    voice.wait_aside()
    import torch

    torch.set_num_threads(child.threads())
    try:
        model = hf.HfModel(sys.argv[1], batch=1)
    except UserError as error:
        voice.refuse(error)
        return
    with _Server(model) as server:
        voice.ready(f"http://127.0.0.1:{server.server_address[1]}/v1")
        server.serve_forever()


if __name__ == "__main__":
    main()
