"""Time the lines of chosen functions: line_profiler where it is importable, else a trace function of our own."""

from __future__ import annotations

import os
import sys
import time
from types import FrameType
from typing import Any, Callable

from .hook_functions import Hooks, plain_function

Key = tuple[str, str]


class Lines:
    """Collects (file, line) -> [count, seconds] for the functions in `wanted` ((file, qualified name))."""

    def __init__(self, wanted: list[Key], hooks: Hooks) -> None:
        self.wanted = wanted
        self.hooks = hooks
        self.found: dict[tuple[str, str, int], list[float]] = {}
        self._profiler: Any = None
        try:
            from line_profiler import LineProfiler
        except ImportError:
            self.tool = "settrace"
        else:
            self.tool, self._profiler = "line_profiler", LineProfiler()
        self._codes: dict[Any, Key] = {}
        for file, qualname in wanted:
            hooks.add(file, qualname, self._register(file, qualname))

    def _register(self, file: str, qualname: str) -> Callable[[Any], Any]:
        def register(function: Any) -> Any:
            plain = plain_function(function)
            code = getattr(plain, "__code__", None)
            if code is not None:
                self._codes[code] = (file, qualname)
                if self._profiler is not None:
                    self._profiler.add_function(plain)
                    # Versions before 5 may give the function another code object.
                    self._codes[plain.__code__] = (file, qualname)
            return function

        return register

    def run(self, action: Callable[[], Any]) -> None:
        """Run `action` with the lines timed. What was seen counts even where it is stopped halfway."""
        if self._profiler is None:
            sys.settrace(_Tracer(self._codes, self.found).called)
            try:
                action()
            finally:
                sys.settrace(None)
            return
        self._profiler.enable_by_count()
        try:
            action()
        finally:
            self._profiler.disable_by_count()
            self._collect()

    def _collect(self) -> None:
        stats = self._profiler.get_stats()
        by_place = {(os.path.realpath(code.co_filename), code.co_firstlineno): key for code, key in self._codes.items()}
        self.found.clear()
        for (file, first, _), timings in stats.timings.items():
            key = by_place.get((os.path.realpath(file), first))
            if key is None:
                continue
            for line, hits, ticks in timings:
                spent = self.found.setdefault((*key, line), [0, 0.0])  # type: ignore[misc]
                spent[0] += hits
                spent[1] += ticks * stats.unit

    def plain(self) -> dict[str, Any]:
        return {"tool": self.tool, "lines": [[*key, *value] for key, value in self.found.items()]}


class _Tracer:
    """A line's time runs until the next line of the same call, so it holds what the line calls."""

    def __init__(self, codes: dict[Any, Key], found: dict[tuple[str, str, int], list[float]]) -> None:
        self._codes = codes
        self._last: dict[int, tuple[int, float]] = {}
        self.found = found

    def called(self, frame: FrameType, event: str, argument: Any) -> Any:
        return self._line if event == "call" and frame.f_code in self._codes else None

    def _line(self, frame: FrameType, event: str, argument: Any) -> Any:
        now = time.perf_counter()
        last = self._last.pop(id(frame), None)
        if last is not None:
            file, qualname = self._codes[frame.f_code]
            spent = self.found.setdefault((file, qualname, last[0]), [0, 0.0])
            spent[0] += 1
            spent[1] += now - last[1]
        if event == "line":
            self._last[id(frame)] = (frame.f_lineno, time.perf_counter())
        return self._line
