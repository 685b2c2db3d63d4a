"""Sample where the time goes: pyinstrument where it is importable, else cProfile. One schema for both."""

from __future__ import annotations

import ast
import cProfile
import os
import pstats
import sys
import sysconfig
import time
from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Callable

RUNNER = os.path.dirname(os.path.abspath(__file__))
INTERVAL_S = 0.0005


class Files:
    """Which files are the user's own, and which function a line belongs to.

    Args:
        roots: Folders of the user's code.
        texts: Texts that stand in the place of a file's (real path -> text).
    """

    def __init__(self, roots: Iterable[str], texts: dict[str, str]) -> None:
        self._roots = [os.path.realpath(root) for root in roots if root]
        paths = sysconfig.get_paths()
        self._libraries = [
            os.path.realpath(paths[name]) for name in ("stdlib", "platstdlib", "purelib", "platlib")
        ]
        self._libraries += [RUNNER, os.path.realpath(os.path.dirname(os.__file__))]
        self._texts = texts
        self._spans: dict[str, list[tuple[int, int, str]]] = {}
        self._own: dict[str, bool] = {}

    def own(self, file: str) -> bool:
        if file not in self._own:
            self._own[file] = self._is_own(file)
        return self._own[file]

    def _is_own(self, file: str) -> bool:
        if file.startswith("<") or "site-packages" in file or "dist-packages" in file:
            return False
        real = os.path.realpath(file)
        # The deepest folder decides: a virtual environment may lie in a project, and a project under a prefix.
        inside = max([len(root) for root in self._roots if _under(real, root)] or [0])
        library = max([len(folder) for folder in self._libraries if _under(real, folder)] or [0])
        return inside > library

    def qualname(self, file: str, line: int) -> str:
        """The innermost function around a line, "<module>" where there is none."""
        if file not in self._spans:
            self._spans[file] = self._read(file)
        around = [span for span in self._spans[file] if span[0] <= line <= span[1]]
        return max(around)[2] if around else "<module>"

    def _read(self, file: str) -> list[tuple[int, int, str]]:
        from .hook_functions import definitions

        text = self._texts.get(os.path.realpath(file))
        try:
            if text is None:
                with open(file, encoding="utf-8") as source:
                    text = source.read()
            tree = ast.parse(text)
        except (OSError, SyntaxError, ValueError):
            return []
        found = []
        for qualname, node in definitions(tree):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            found.append((first, node.end_lineno or first, qualname))
        return found


def _under(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


Key = tuple[str, str]


class Sampled:
    """Seconds by function: `whole` (anywhere on the stack), `own` (the innermost function of the user's), lines."""

    def __init__(self) -> None:
        self.tool = ""
        self.seconds = 0.0
        self.whole: dict[Key, float] = defaultdict(float)
        self.own: dict[Key, float] = defaultdict(float)
        self.library: dict[Key, float] = defaultdict(float)
        self.lines: dict[tuple[str, int, str], float] = defaultdict(float)
        self.calls: dict[Key, int] = {}

    def add(self, stack: list[tuple[str, int, int, str]], seconds: float, files: Files) -> None:
        """One sample: (file, first line of the function, line, name) from the outermost frame inwards."""
        self.seconds += seconds
        seen = set()
        innermost: tuple[str, int, str] | None = None
        outside: Key | None = None
        for file, first, line, name in stack:
            if files.own(file):
                qualname = files.qualname(file, first) if name != "<module>" else "<module>"
                if (file, qualname) not in seen:
                    seen.add((file, qualname))
                    self.whole[file, qualname] += seconds
                innermost, outside = (file, line, qualname), None
            elif innermost is not None and outside is None:
                # The first library function that own code calls is the one whose name means something to it.
                outside = (file, name)
        if innermost is not None:
            self.own[innermost[0], innermost[2]] += seconds
            self.lines[innermost] += seconds
            if outside is not None:
                self.library[outside] += seconds

    def plain(self) -> dict[str, Any]:
        """As data that can leave the process."""
        return {
            "tool": self.tool,
            "seconds": self.seconds,
            "whole": [[*key, value] for key, value in self.whole.items()],
            "own": [[*key, value] for key, value in self.own.items()],
            "library": [[*key, value] for key, value in self.library.items()],
            "lines": [[*key, value] for key, value in self.lines.items()],
            "calls": [[*key, value] for key, value in self.calls.items()],
        }


def sample(action: Callable[[], Any], files: Files) -> Sampled:
    """Run `action` under a profiler."""
    try:
        from pyinstrument import Profiler
    except ImportError:
        return _count(action, files)
    result = Sampled()
    result.tool = "pyinstrument"
    profiler = Profiler(interval=INTERVAL_S, async_mode="disabled")
    profiler.start()
    try:
        action()
    finally:
        session = profiler.stop()
    for frames, seconds in session.frame_records:
        stack = [frame for frame in map(_frame, frames) if frame is not None]
        # What lies below the runner's last frame is the server, not the program.
        start = max([index + 1 for index, frame in enumerate(stack) if _under(frame[0], RUNNER)] or [0])
        result.add(stack[start:], seconds, files)
    return result


def _frame(identifier: str) -> tuple[str, int, int, str] | None:
    """Pyinstrument's frames: name, file, first line; then attributes, of which "l" is the current line."""
    head, *attributes = identifier.split("\x01")
    name, file, first = (head.split("\x00") + ["", "0"])[:3]
    if file.startswith("<") or not first.isdigit():
        return None
    current = next((part[1:] for part in attributes if part[:1] == "l" and part[1:].isdigit()), first)
    return file, int(first), int(current), name


def _count(action: Callable[[], Any], files: Files) -> Sampled:
    """The same from cProfile: exact calls, no lines, and a bias against small functions."""
    result = Sampled()
    result.tool = "cProfile"
    profiler = cProfile.Profile()
    started = time.perf_counter()
    try:
        profiler.runcall(action)
    finally:
        result.seconds = time.perf_counter() - started
    stats = pstats.Stats(profiler, stream=sys.stderr).stats  # type: ignore[attr-defined]
    for (file, first, name), (_, calls, own, whole, callers) in stats.items():
        if files.own(file):
            key = (file, files.qualname(file, first) if name != "<module>" else "<module>")
            result.whole[key] += whole
            result.own[key] += own
            result.calls[key] = result.calls.get(key, 0) + calls
            continue
        for (caller_file, caller_first, caller_name), spent in callers.items():
            if files.own(caller_file):
                module = caller_name == "<module>"
                caller = "<module>" if module else files.qualname(caller_file, caller_first)
                result.own[caller_file, caller] += spent[3]
                result.library[file, name] += spent[3]
    return result
