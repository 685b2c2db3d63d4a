"""Run the user's tests on the pristine module with a stub in the function's place.

Request: tests (paths inside), args, seconds (60), cwd. context.remote carries the stub's calls.
Reply: passed, failed, errors, skipped, failures ({"test", "message"}), crossed, not_crossable, why, gone (why the
candidate stopped answering, ""), exit, timed_out, error.

A test reaches the candidate through the named function only: what it does with other functions of the file runs
the pristine text.
"""

from __future__ import annotations

from typing import Any

from .hook_functions import Hooks, is_classmethod
from .pytest_stub import Results, Stub
from .run_script import run_program


def run(request: dict[str, Any], context: Any) -> dict[str, Any]:
    stub = Stub(context.codec, context.remote)
    skip = 1 if is_classmethod(context) else 0
    hooks = Hooks()
    hooks.add(context.file, context.function_name, lambda function: stub.wrap(function, skip))
    hooks.install()
    results = Results()
    request = {**request, "pytest": request["tests"], "plugins": [results]}
    ran = run_program(request, context, hooks)
    error = ran["error"]
    if not hooks.applied:
        error = "the function is not defined in %s" % context.file
    return {
        "passed": results.passed,
        "failed": results.failed,
        "errors": results.errors,
        "skipped": results.skipped,
        "failures": results.failures,
        "crossed": stub.crossed,
        "not_crossable": stub.not_crossable,
        "why": stub.why,
        "gone": stub.gone,
        "exit": ran["exit"],
        "timed_out": ran["timed_out"],
        "error": error,
    }
