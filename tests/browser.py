"""A headless Chromium, driven over two pipes: what a page asks for, what it complains of, and how long it takes to open."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
WAIT_S = 60


def found() -> str:
    """Path of a Chromium; "" where none is installed."""
    return next((path for name in NAMES if (path := shutil.which(name))), "")


@dataclass
class Visit:
    """What opening a page came to.

    Attributes:
        seconds: From the request to the load event and the first frame after it.
        requests: Addresses that were asked for, the page's own first.
        complaints: Messages of the console and the log, exceptions, dialogs.
    """

    seconds: float = 0.0
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


class Browser:
    """One browser with one page; see https://chromedevtools.github.io/devtools-protocol/ for the methods."""

    def __init__(self) -> None:
        self._home = tempfile.mkdtemp(prefix="codeopt-browser-")
        ends = os.pipe(), os.pipe()
        to_browser, self._in, self._out, from_browser = (fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 20) for pair in ends for end in pair)
        for pair in ends:
            for end in pair:
                os.close(end)
        # The browser reads its descriptor 3 and writes 4.
        words = [
            sys.executable, "-c", f"import os, sys; os.dup2({to_browser}, 3); os.dup2({from_browser}, 4); os.execv(sys.argv[1], sys.argv[1:])",
            found(), "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage", "--remote-debugging-pipe",
            f"--user-data-dir={self._home}", "about:blank",
        ]  # fmt: skip
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(words, pass_fds=(to_browser, from_browser), stdout=quiet, stderr=quiet, start_new_session=True)
        os.close(to_browser)
        os.close(from_browser)
        self._rest = b""
        self._number = 0
        self._session = ""
        self.visit = Visit()
        self._loaded = False
        page = next(one for one in self.call("Target.getTargets")["targetInfos"] if one["type"] == "page")
        self._session = self.call("Target.attachToTarget", targetId=page["targetId"], flatten=True)["sessionId"]
        for name in ("Page", "Network", "Log", "Runtime"):
            self.call(f"{name}.enable")

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._in)
        os.close(self._out)
        shutil.rmtree(self._home, ignore_errors=True)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The answer to a command."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._in, json.dumps(message).encode() + b"\0")
        wanted = self._number
        while True:
            told = self._read()
            if told.get("id") == wanted:
                assert "error" not in told, (method, told)
                return dict(told["result"])

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            part = os.read(self._out, 1 << 20)
            assert part, "the browser has ended"
            self._rest += part
        line, _, self._rest = self._rest.partition(b"\0")
        told: dict[str, Any] = json.loads(line)
        self._note(told.get("method", ""), told.get("params", {}))
        return told

    def _note(self, method: str, of: dict[str, Any]) -> None:
        if method == "Network.requestWillBeSent":
            self.visit.requests.append(of["request"]["url"])
        elif method in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Page.javascriptDialogOpening"):
            self.visit.complaints.append(json.dumps(of)[:400])
        elif method == "Log.entryAdded":
            self.visit.complaints.append(of["entry"]["text"])
        elif method == "Page.loadEventFired":
            self._loaded = True

    def open(self, file: Path, *, width: int = 1280, dark: bool = False) -> Visit:
        """Open a file and wait until it is drawn."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self.visit, self._loaded = Visit(), False
        began = time.monotonic()
        self.call("Page.navigate", url=file.absolute().as_uri())
        while not self._loaded and time.monotonic() - began < WAIT_S:
            self._read()
        self.call("Page.captureScreenshot", format="jpeg", quality=1)
        self.visit.seconds = time.monotonic() - began
        return self.visit

    def value(self, expression: str) -> Any:
        """What an expression is in the page, seen by the browser's own hand: the page's policy does not hold for it."""
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def press(self, key: str, code: int) -> None:
        """Press and let go of a key."""
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **(text if kind == "keyDown" else {}))

    def picture(self, file: Path, *, whole: bool = True) -> None:
        """A screenshot as PNG."""
        file.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"]))

    def printed(self) -> bytes:
        """The page as PDF."""
        return base64.b64decode(self.call("Page.printToPDF", printBackground=True)["data"])


def pages_of(pdf: bytes) -> int:
    """Pages of a PDF."""
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", pdf))
