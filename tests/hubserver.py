"""A small HTTP server that speaks as much of the hub's protocol as fetching a model or a dataset's file, and pushing a dataset, takes."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """A running hub.

    Attributes:
        url: For HF_ENDPOINT.
        models: Files of each model or dataset, by ORG/NAME.
        licence: On every model card.
        gated: Models that nobody is let into.
        breaks: Bytes after which the next answer for a file breaks off, once.
        fetched: (file, first byte) of each download that was begun.
        tokens: Authorization headers that came.
        pushed: Files of each dataset that was made here, by ORG/NAME.
        private: Whether it was made so.
        commits: How many were made.
        writes: Whether anybody may.
    """

    url: str
    models: Mapping[str, Mapping[str, bytes]]
    licence: str = "apache-2.0"
    gated: set[str] = field(default_factory=set)
    breaks: dict[str, int] = field(default_factory=dict)
    fetched: list[tuple[str, int]] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    pushed: dict[str, dict[str, bytes]] = field(default_factory=dict)
    private: dict[str, bool] = field(default_factory=dict)
    commits: int = 0
    writes: bool = True


@contextmanager
def serve(models: Mapping[str, Mapping[str, bytes]]) -> Iterator[Hub]:
    """A hub that has these models."""
    hub = Hub("", models)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            return

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            hub.tokens.add(self.headers.get("Authorization", ""))
            path = unquote(urlsplit(self.path).path)
            if found := re.fullmatch(r"/api/datasets/([^/]+/[^/]+)", path):
                self._pushed(found[1])
            elif found := re.fullmatch(r"/api/models/([^/]+/[^/]+)(/revision/[^/]+)?", path):
                self._about(found[1])
            elif found := re.fullmatch(r"/api/models/([^/]+/[^/]+)/tree/[^/]+", path):
                held = hub.models.get(found[1], {})
                listed = [{"type": "file", "path": file, "size": len(data), "oid": hashlib.sha1(data).hexdigest()} for file, data in held.items()]
                self._send(200, json.dumps(listed).encode(), {"Content-Type": "application/json"})
            elif found := re.fullmatch(r"/(?:datasets/)?([^/]+/[^/]+)/resolve/[^/]+/(.+)", path):
                self._file(found[1], found[2])
            else:
                self._refuse(404, "", "no such page")

        def do_POST(self) -> None:
            hub.tokens.add(self.headers.get("Authorization", ""))
            path = unquote(urlsplit(self.path).path)
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if not hub.writes:
                self._refuse(403, "", "Forbidden")
            elif path == "/api/validate-yaml":
                self._json({"errors": [], "warnings": []})
            elif path == "/api/repos/create":
                asked = json.loads(body)
                name = f"{asked['organization']}/{asked['name']}"
                hub.pushed[name], hub.private[name] = {}, asked["private"] if "private" in asked else asked["visibility"] == "private"
                self._json({"url": f"{hub.url}/datasets/{name}", "id": name})
            elif found := re.fullmatch(r"/api/datasets/([^/]+/[^/]+)/preupload/main", path):
                files = [{"path": one["path"], "uploadMode": "regular", "shouldIgnore": False} for one in json.loads(body)["files"]]
                self._json({"files": files})
            elif found := re.fullmatch(r"/api/datasets/([^/]+/[^/]+)/commit/main", path):
                for line in map(json.loads, body.splitlines()):
                    if line["key"] == "file":
                        hub.pushed[found[1]][line["value"]["path"]] = base64.b64decode(line["value"]["content"])
                    elif line["key"] == "deletedFile":
                        del hub.pushed[found[1]][line["value"]["path"]]
                hub.commits += 1
                self._json({"commitUrl": f"{hub.url}/datasets/{found[1]}/commit/{COMMIT}", "commitOid": COMMIT})
            else:
                self._refuse(404, "", "no such page")

        def _pushed(self, name: str) -> None:
            if name not in hub.pushed:
                self._refuse(401, "RepoNotFound", "Invalid username or password.")
                return
            siblings = [{"rfilename": file} for file in hub.pushed[name]]
            self._json({"id": name, "sha": COMMIT, "private": hub.private[name], "tags": [], "siblings": siblings, "downloads": 0, "likes": 0})

        def _json(self, value: Any) -> None:
            self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

        def _about(self, name: str) -> None:
            if name not in hub.models:
                # As the hub does, which does not tell strangers which private models there are.
                self._refuse(401, "RepoNotFound", "Invalid username or password.")
                return
            siblings = [{"rfilename": file, "size": len(data)} for file, data in hub.models[name].items()]
            body = {
                "id": name, "modelId": name, "sha": COMMIT, "private": False, "tags": [f"license:{hub.licence}"], "siblings": siblings,
                "cardData": {"license": hub.licence}, "downloads": 0, "likes": 0, "gated": "manual" if name in hub.gated else False,
            }  # fmt: skip
            data = json.dumps(body).encode()
            self._send(200, data, {"Content-Type": "application/json"})

        def _file(self, name: str, file: str) -> None:
            if name in hub.gated:
                self._refuse(403, "GatedRepo", "Access is restricted.")
            elif name not in hub.models:
                self._refuse(401, "RepoNotFound", "Invalid username or password.")
            elif file not in hub.models[name]:
                self._refuse(404, "EntryNotFound", "Entry not found")
            else:
                data = hub.models[name][file]
                asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
                first = int(asked[1]) if asked else 0
                headers = {"ETag": f'"{hashlib.sha256(data).hexdigest()}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
                if asked:
                    headers["Content-Range"] = f"bytes {first}-{len(data) - 1}/{len(data)}"
                if self.command == "GET":
                    hub.fetched.append((file, first))
                end = hub.breaks.pop(file, None) if self.command == "GET" else None
                self._send(206 if asked else 200, data[first:], headers, end)

        def _refuse(self, status: int, code: str, message: str) -> None:
            self._send(status, b"{}", {"X-Error-Code": code, "X-Error-Message": message, "Content-Type": "application/json"})

        def _send(self, status: int, data: bytes, headers: dict[str, str], end: int | None = None) -> None:
            self.send_response(status)
            for key, value in headers.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data[:end])
            if end is not None:
                self.close_connection = True

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    hub.url = f"http://127.0.0.1:{httpd.server_address[1]}"
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join()
