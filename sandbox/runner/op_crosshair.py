"""Inputs on which two versions of a function differ, by CrossHair's symbolic execution.

Request: source (text of the candidate's file), function (its name there), seconds (CPU seconds to search).
Reply: examples (for each a dict of parameter to the text of its value), error ("" or why there was no search). The
session holds the program as it is; the candidate is imported beside it in this operation's own process. All of the
reply may be the candidate's invention: it names inputs to try, and proves nothing.
"""

from __future__ import annotations

import importlib.util
import math
import sys
from typing import Any

from .load import OverlayLoader, resolve

MOST = 8


def run(request: dict[str, Any], context: Any) -> dict[str, Any]:
    try:
        import crosshair.core_and_libs  # noqa: F401  (registers what CrossHair knows of the library)
        from crosshair.diff_behavior import ExceptionEquivalenceType, diff_behavior
        from crosshair.fnutil import FunctionInfo
        from crosshair.options import DEFAULT_OPTIONS, AnalysisOptionSet
    except ImportError as error:
        return {"examples": [], "error": "CrossHair cannot be imported: %s" % error}
    candidate, _ = resolve(beside(context, request["source"]), request["function"])
    seconds = float(request["seconds"])
    # A path at a time, so that one that never ends does not use up all.
    options = DEFAULT_OPTIONS.overlay(
        AnalysisOptionSet(per_condition_timeout=seconds, per_path_timeout=math.sqrt(seconds))
    )
    pair = [FunctionInfo.from_fn(function) for function in (context.function, candidate)]
    found = diff_behavior(pair[0], pair[1], options, ExceptionEquivalenceType.SAME_TYPE)
    if isinstance(found, str):
        return {"examples": [], "error": found[:300]}
    return {"examples": [dict(item.args) for item in found[:MOST]], "error": ""}


def beside(context: Any, source: bytes) -> Any:
    """The candidate's module under a name of its own, in the same package."""
    name = context.module_name + "__codeopt_candidate"
    loader = OverlayLoader(name, context.file, source)
    spec = importlib.util.spec_from_file_location(name, context.file, loader=loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    loader.exec_module(module)
    return module
