"""Run the user's script or tests with the function wrapped and bring back its real calls.

Request: script, argv, module_mode, stdin, cwd, or pytest (paths) and args; seconds, max_calls, max_bytes, seed.
Reply: calls ({"blob", "seconds", "count"}), total_calls, total_seconds, not_encodable, why, exit, share (of the run's
wall-clock inside the function), seconds, timed_out, error.

Not seen: calls in other processes that the program starts, and calls through references that were hidden before
(closures, partials, bound methods kept by an object).
"""

from __future__ import annotations

import inspect
from typing import Any

from .hook_functions import Hooks, is_classmethod
from .record_calls import Recorder
from .run_script import run_program


def run(request: dict[str, Any], context: Any) -> dict[str, Any]:
    recorder = Recorder(
        context.codec,
        context.module_name,
        int(request.get("max_calls") or 64),
        int(request.get("max_bytes") or 32 << 20),
        int(request.get("seed") or 0),
    )
    if inspect.iscoroutinefunction(context.function):
        return _empty("calls of an async function are not recorded")
    hooks = Hooks()
    skip = 1 if is_classmethod(context) else 0
    hooks.add(context.file, context.function_name, lambda function: recorder.wrap(function, skip))
    hooks.install()
    ran = run_program(request, context, hooks)
    wall = max(ran["seconds"] - recorder.encode_seconds, 1e-9)
    return {
        "calls": recorder.calls(),
        "total_calls": recorder.total_calls,
        "total_seconds": recorder.total_seconds,
        "not_encodable": recorder.not_encodable,
        "why": recorder.why,
        "exit": ran["exit"],
        "share": min(1.0, recorder.total_seconds / wall),
        "seconds": wall,
        "timed_out": ran["timed_out"],
        "error": ran["error"] if hooks.applied else "the function is not defined in %s" % context.file,
    }


def _empty(error: str) -> dict[str, Any]:
    return {
        "calls": [],
        "total_calls": 0,
        "total_seconds": 0.0,
        "not_encodable": 0,
        "why": [],
        "exit": error,
        "share": 0.0,
        "seconds": 0.0,
        "timed_out": False,
        "error": error,
    }
