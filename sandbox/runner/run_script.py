"""Run a script, `python -m` module or pytest in this process, as the user would, with functions hooked.

The user's module may run as `__main__`: then its text is compiled by the hooks too, so that the function is
wrapped where it is defined.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from types import FrameType, ModuleType
from typing import Any

from .hook_functions import Hooks, module_text


class OutOfTime(KeyboardInterrupt):
    """The time is up. A KeyboardInterrupt, because that is what pytest and careful programs let through."""


class Deadline:
    """Raises OutOfTime in the main thread after `seconds`, again and again, until left."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.passed = False

    def _ring(self, signum: int, frame: FrameType | None) -> None:
        self.passed = True
        raise OutOfTime()

    def __enter__(self) -> Deadline:
        self._old = signal.signal(signal.SIGALRM, self._ring)
        signal.setitimer(signal.ITIMER_REAL, max(self.seconds, 0.001), 1.0)
        return self

    def __exit__(self, *_: Any) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self._old)


def command_of(request: dict[str, Any], context: Any, hooks: Hooks) -> tuple[Callable[[], Any], list[str]]:
    """What to run and its argv.

    Keys of the request: script, argv, module_mode; or pytest (paths) and args.
    """
    if request.get("pytest"):
        paths, extra = list(request["pytest"]), list(request.get("args") or ())
        plugins = request.get("plugins")
        return (lambda: run_pytest(paths + extra, plugins)), ["pytest"]
    name, argv = request["script"], [str(item) for item in request.get("argv") or ()]
    if request.get("module_mode"):
        return (lambda: run_module(name, context, hooks)), [name, *argv]
    return (lambda: run_file(name, context, hooks)), [name, *argv]


def run_pytest(arguments: list[str], plugins: list[Any] | None = None) -> int:
    """pytest in this process. The cache plugin would write beside the tests, which are read-only."""
    import pytest

    quiet = ["-q", "--no-header", "-p", "no:cacheprovider", "-p", "no:randomly", "-p", "no:xdist"]
    return int(pytest.main([*arguments, *quiet], plugins=plugins or []))


def run_file(path: str, context: Any, hooks: Hooks) -> None:
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
    same = context.module is not None and os.path.realpath(path) == os.path.realpath(context.file)
    if same:
        text: Any = module_text(context)
    else:
        with open(path, "rb") as file:
            text = file.read()
    _execute(hooks.compile(text, path), path, None, None)


def run_module(name: str, context: Any, hooks: Hooks) -> None:
    spec = importlib.util.find_spec(name)
    if spec is not None and spec.submodule_search_locations is not None:
        spec = importlib.util.find_spec(name + ".__main__")
    if spec is None or spec.loader is None or not spec.origin:
        raise ModuleNotFoundError("No module named %s that can be run" % name)
    same = context.module is not None and os.path.realpath(spec.origin) == os.path.realpath(context.file)
    text = module_text(context) if same else spec.loader.get_data(spec.origin)  # type: ignore[attr-defined]
    sys.argv[0] = spec.origin
    _execute(hooks.compile(text, spec.origin), spec.origin, spec, spec.parent)


def _execute(code: Any, path: str, spec: Any, package: str | None) -> None:
    module = ModuleType("__main__")
    module.__dict__.update(
        __file__=path, __spec__=spec, __package__=package, __builtins__=sys.modules["builtins"]
    )
    sys.modules["__main__"] = module
    exec(code, module.__dict__)  # the user's own script, inside the sandbox


def run_program(request: dict[str, Any], context: Any, hooks: Hooks) -> dict[str, Any]:
    """Run it until its end or until request["seconds"].

    Returns:
        {"exit": exit code or the last line of the error, "seconds": wall-clock, "timed_out": bool, "error": str}
    """
    action, argv = command_of(request, context, hooks)
    if request.get("cwd") and os.path.isdir(request["cwd"]):
        os.chdir(request["cwd"])
    saved = sys.argv, list(sys.path), sys.modules.get("__main__"), sys.stdin
    sys.argv = argv
    _feed(request.get("stdin") or b"")
    ending: Any = 0
    error = ""
    deadline = Deadline(float(request.get("seconds") or 60.0))
    started = time.perf_counter()
    try:
        with deadline:
            code = action()
            ending = code if isinstance(code, int) else 0
    except SystemExit as stop:
        ending = (
            stop.code if isinstance(stop.code, int) else (0 if stop.code is None else str(stop.code)[:300])
        )
    except OutOfTime:
        ending = "stopped after %.0f s" % deadline.seconds
    except BaseException as failure:
        ending = traceback.format_exception_only(type(failure), failure)[-1].strip()[:300]
        error = "".join(traceback.format_exception(type(failure), failure, failure.__traceback__)[-4:])[
            -1500:
        ]
    seconds = time.perf_counter() - started
    sys.argv, sys.path[:], main, sys.stdin = saved
    if main is not None:
        sys.modules["__main__"] = main
    return {"exit": ending, "seconds": seconds, "timed_out": deadline.passed, "error": error}


def _feed(data: Any) -> None:
    """Make `data` the standard input, for Python and for C."""
    raw = data.encode("utf-8", "surrogateescape") if isinstance(data, str) else bytes(data)
    with tempfile.TemporaryFile() as file:
        file.write(raw)
        file.flush()
        file.seek(0)
        os.dup2(file.fileno(), 0)
    sys.stdin = open(0, encoding="utf-8", errors="surrogateescape", closefd=False)  # noqa: SIM115
