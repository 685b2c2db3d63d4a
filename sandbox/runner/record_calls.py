"""Record the real calls of a function: what went in, how often, how long.

Arguments are encoded before the call, because the call may change them. Encoding every call of a hot function would
cost more than the run, so after the first calls a sample is drawn (reservoir), and further calls are encoded only
while encoding stays a small share of the run, in order to catch the slowest ones.
"""

from __future__ import annotations

import hashlib
import heapq
import random
import threading
import time
from typing import Any

from .hook_functions import like

OVERHEAD = 0.2
GRACE_S = 0.5


class Recorder:
    """Wraps a function; only the outermost of nested calls counts."""

    def __init__(
        self, codec: Any, module_name: str, max_calls: int = 64, max_bytes: int = 32 << 20, seed: int = 0
    ) -> None:
        self._codec, self._module_name = codec, module_name
        self.max_calls, self.max_bytes = max_calls, max_bytes
        self._random = random.Random(seed)
        self._inside = threading.local()
        self._lock = threading.Lock()
        self.total_calls = 0
        self.total_seconds = 0.0
        self.encode_seconds = 0.0
        self.not_encodable = 0
        self.why: list[str] = []
        self._sampled: list[bytes] = []
        self._offered = 0
        self._slowest: list[tuple[float, int, bytes]] = []
        self._known: dict[bytes, dict[str, Any]] = {}
        self._first = time.perf_counter()

    def wrap(self, function: Any, skip: int = 0) -> Any:
        """A function that records and then calls `function`. `skip` leading arguments (a class) are not recorded."""

        def wrapper(*args: Any, **kwargs: Any) -> Any:
            if getattr(self._inside, "on", False):
                return function(*args, **kwargs)
            self._inside.on = True
            try:
                blob = self._encode(function, args[skip:], kwargs)
                started = time.perf_counter()
                try:
                    return function(*args, **kwargs)
                finally:
                    self._account(blob, time.perf_counter() - started)
            finally:
                self._inside.on = False

        return like(function, wrapper)

    def _encode(self, function: Any, args: Any, kwargs: Any) -> bytes:
        """The encoded call, or b"" where this one is skipped or cannot be encoded."""
        now = time.perf_counter()
        cheap = self.encode_seconds < GRACE_S + OVERHEAD * (now - self._first)
        chosen = self._random.random() * (self.total_calls + 1) < self.max_calls
        if not (cheap or (chosen and self.encode_seconds < 4 * (GRACE_S + OVERHEAD * (now - self._first)))):
            return b""
        self._adopt_main(function)
        try:
            blob: bytes = self._codec.encode({"args": list(args), "kwargs": kwargs})
        except self._codec.Unencodable as error:
            self.not_encodable += 1
            if len(self.why) < 5 and str(error) not in self.why:
                self.why.append(str(error)[:300])
            blob = b""
        self.encode_seconds += time.perf_counter() - now
        return blob if len(blob) <= self.max_bytes // 4 else b""

    def _adopt_main(self, function: Any) -> None:
        """Objects of a script's own classes must name the module under which others can import them."""
        scope = getattr(function, "__globals__", {})
        if scope.get("__name__") != "__main__":
            return
        for value in list(scope.values()):
            if isinstance(value, type) and value.__module__ == "__main__":
                value.__module__ = self._module_name

    def _account(self, blob: bytes, seconds: float) -> None:
        with self._lock:
            self.total_calls += 1
            self.total_seconds += seconds
            if not blob:
                return
            key = hashlib.blake2b(blob, digest_size=16).digest()
            entry = self._known.get(key)
            if entry is not None:
                entry["count"] += 1
                entry["seconds"] = max(entry["seconds"], seconds)
                return
            self._offered += 1
            entry = {"blob": blob, "seconds": seconds, "count": 1}
            kept = False
            if len(self._sampled) < self.max_calls:
                self._sampled.append(key)
                kept = True
            else:
                place = self._random.randrange(self._offered)
                if place < self.max_calls:
                    dropped, self._sampled[place] = self._sampled[place], key
                    self._forget(dropped)
                    kept = True
            item = (seconds, self._offered, key)
            room = max(2, self.max_calls // 8)
            if len(self._slowest) < room:
                heapq.heappush(self._slowest, item)
                kept = True
            elif seconds > self._slowest[0][0]:
                dropped = heapq.heapreplace(self._slowest, item)[2]
                self._forget(dropped)
                kept = True
            if kept:
                self._known[key] = entry

    def _forget(self, key: bytes) -> None:
        if key not in self._sampled and all(key != item[2] for item in self._slowest):
            self._known.pop(key, None)

    def calls(self) -> list[dict[str, Any]]:
        """Distinct recorded calls, slowest first among those that fit into max_bytes, at most max_calls."""
        slow = {item[2] for item in self._slowest}
        order = sorted(self._known.items(), key=lambda pair: (pair[0] not in slow, -pair[1]["seconds"]))
        kept: list[dict[str, Any]] = []
        total = 0
        for _, entry in order[: self.max_calls]:
            if total + len(entry["blob"]) <= self.max_bytes:
                total += len(entry["blob"])
                kept.append(entry)
        return kept
