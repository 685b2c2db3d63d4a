"""Where the time of calls or of a script goes: first functions, by sampling, then lines, in the hottest of them.

Request: mode "calls" with blobs; or mode "script" with what op_record takes (script, argv, module_mode, stdin, cwd,
or pytest and args); seconds (20); functions (8, how many are looked into line by line).
Reply: tool, seconds (one profiled run), rows ({"file", "line", "function", "share", "count", "note"}, largest share
first), functions ({"file", "qualname", "share", "own_share", "calls"}), error.

`share` is of the whole profiled time and holds what a line or function calls; `own_share` is a function's time less
that of other functions of the user's that it calls. `calls` is 0 where it is not known. A row with line 0 is a
library function. Each pass runs in a process of its own: a script runs twice, with the same input.
"""

from __future__ import annotations

import os
import time
from typing import Any, Callable

from .hook_functions import Hooks, module_text
from .inputs_trial import in_child, invoke
from .profile_lines import Key, Lines
from .profile_sample import Files, Sampled, sample
from .run_script import Deadline, OutOfTime, run_program

ENOUGH_S = 0.25
MOST_ROWS = 60
MIN_SHARE = 0.005
HOT_SHARE = 0.03


def run(request: dict[str, Any], context: Any) -> dict[str, Any]:
    seconds = float(request.get("seconds") or 20.0)
    files = files_of(request, context)
    runner = calls_runner if request.get("mode", "calls") == "calls" else script_runner
    limit = seconds / 2
    first = in_child(lambda: first_pass(runner, request, context, files, limit), limit + 5.0)
    if first is None or not first["seconds"]:
        why = (first or {}).get("error") or "the profiled run crashed or did not end in %.0f s" % limit
        return {"tool": "", "seconds": 0.0, "rows": [], "functions": [], "error": why}
    wanted = hottest(first, context, int(request.get("functions") or 8), request)
    # The line timer is slower than sampling by far: it gets what is left, and partial counts are good shares.
    second = (
        in_child(lambda: second_pass(runner, request, context, wanted, limit), limit + 5.0)
        if wanted
        else None
    )
    lines = (second or {}).get("lines") or []
    return {
        "tool": first["tool"] + (" + " + second["tool"] if second and lines else ""),
        "seconds": first["seconds"] / max(first["rounds"], 1),
        "rows": rows_of(first, lines, runner is calls_runner),
        "functions": functions_of(first, lines),
        "error": first["error"],
    }


def files_of(request: dict[str, Any], context: Any) -> Files:
    roots = list(context.project)
    texts = {}
    if context.module is not None:
        roots.append(os.path.dirname(context.file))
        texts[os.path.realpath(context.file)] = module_text(context)
    if request.get("script") and not request.get("module_mode"):
        roots.append(os.path.dirname(os.path.abspath(request["script"])))
    return Files(roots, texts)


Runner = Callable[[dict[str, Any], Any, Hooks, float, Callable[[Callable[[], Any]], None]], dict[str, Any]]


def calls_runner(
    request: dict[str, Any],
    context: Any,
    hooks: Hooks,
    limit: float,
    under: Callable[[Callable[[], Any]], None],
) -> dict[str, Any]:
    """Rounds of fresh copies of the calls, decoded outside of the profiled part, until there is enough to see."""
    hooks.install()
    function = live_function(context)
    rounds, spent, error = 0, 0.0, ""
    until = time.monotonic() + limit
    deadline = Deadline(limit)
    try:
        with deadline:
            while spent < ENOUGH_S and rounds < 1000 and time.monotonic() < until:
                calls = [context.codec.decode_live(blob) for blob in request["blobs"]]
                started = time.perf_counter()
                under(lambda calls=calls: call_all(function, calls))  # type: ignore[misc]
                spent += time.perf_counter() - started
                rounds += 1
    except OutOfTime:
        error = "stopped after %.0f s" % limit
    return {"rounds": max(rounds, 1), "error": error}


def call_all(function: Any, calls: list[dict[str, Any]]) -> None:
    for call in calls:
        try:
            invoke(function, call)
        except Exception:
            # Raising is behaviour too; its time counts like any other.
            continue


def live_function(context: Any) -> Any:
    """The function as it is bound now: hooks may have put another in its place."""
    value = context.module
    for part in context.function_name.split("."):
        value = getattr(value, part)
    return value


def script_runner(
    request: dict[str, Any],
    context: Any,
    hooks: Hooks,
    limit: float,
    under: Callable[[Callable[[], Any]], None],
) -> dict[str, Any]:
    hooks.install()
    ran: dict[str, Any] = {}
    under(lambda: ran.update(run_program({**request, "seconds": limit}, context, hooks)))
    error = ran["error"] or ("stopped after %.0f s" % limit if ran["timed_out"] else "")
    return {"rounds": 1, "error": error, "exit": ran["exit"]}


def first_pass(
    runner: Runner, request: dict[str, Any], context: Any, files: Files, limit: float
) -> dict[str, Any]:
    merged = Sampled()

    def under(action: Callable[[], Any]) -> None:
        one = sample(action, files)
        merged.tool = one.tool
        merged.seconds += one.seconds
        for name in ("whole", "own", "library", "lines", "calls"):
            mine = getattr(merged, name)
            for key, value in getattr(one, name).items():
                mine[key] = mine.get(key, 0) + value

    outcome = runner(request, context, Hooks(), limit, under)
    return {**merged.plain(), **outcome}


def second_pass(
    runner: Runner, request: dict[str, Any], context: Any, wanted: list[Key], limit: float
) -> dict[str, Any]:
    hooks = Hooks()
    lines = Lines(wanted, hooks)
    runner(request, context, hooks, limit, lines.run)
    return lines.plain()


def hottest(first: dict[str, Any], context: Any, most: int, request: dict[str, Any]) -> list[Key]:
    """The functions to look into: the one to optimise, and those with most time of their own."""
    found: list[Key] = []
    if context.function is not None and request.get("mode", "calls") == "calls":
        found.append((context.file, context.function_name))
    total = first["seconds"] or 1.0
    for file, qualname, own in sorted(first["own"], key=lambda row: -row[2]):
        if own / total >= HOT_SHARE and qualname != "<module>" and (file, qualname) not in found:
            found.append((file, qualname))
    return found[:most]


def rows_of(first: dict[str, Any], lines: list[Any], with_library: bool) -> list[dict[str, Any]]:
    """Timed lines scaled to the share of their function; sampled lines for functions that were not timed."""
    total = first["seconds"] or 1.0
    whole = {(file, qualname): value / total for file, qualname, value in first["whole"]}
    spent: dict[Key, float] = {}
    for file, qualname, _, _, seconds in lines:
        spent[file, qualname] = spent.get((file, qualname), 0.0) + seconds
    rows = []
    for file, qualname, line, count, seconds in lines:
        share = whole.get((file, qualname), 0.0) * seconds / (spent[file, qualname] or 1.0)
        rows.append(row(file, line, qualname, share, int(count), ""))
    for file, line, qualname, value in first["lines"]:
        if (file, qualname) not in spent:
            rows.append(
                row(file, line, "" if qualname == "<module>" else qualname, value / total, 0, "sampled")
            )
    if with_library:
        for file, name, value in first["library"]:
            note = "" if file.startswith(("<", "~")) else os.path.basename(os.path.dirname(file))
            rows.append(
                row(file, 0, name, value / total, 0, "library function %s" % note if note else "built-in")
            )
    rows = [one for one in rows if one["share"] >= MIN_SHARE]
    return sorted(rows, key=lambda one: -one["share"])[:MOST_ROWS]


def row(file: str, line: int, function: str, share: float, count: int, note: str) -> dict[str, Any]:
    return {
        "file": file,
        "line": line,
        "function": function,
        "share": min(1.0, share),
        "count": count,
        "note": note,
    }


def functions_of(first: dict[str, Any], lines: list[Any]) -> list[dict[str, Any]]:
    total = first["seconds"] or 1.0
    own = {(file, qualname): value for file, qualname, value in first["own"]}
    calls = {(file, qualname): value for file, qualname, value in first["calls"]}
    found = []
    for file, qualname, value in first["whole"]:
        key = (file, qualname)
        found.append(
            {
                "file": file,
                "qualname": qualname,
                "share": min(1.0, value / total),
                "own_share": min(1.0, own.get(key, 0.0) / total),
                "calls": calls.get(key) or entries(key, lines),
            }
        )
    return sorted(found, key=lambda one: -one["own_share"])


def entries(key: Key, lines: list[Any]) -> int:
    """Calls of a function, from how often its first line ran; a loop in the first line makes that too many."""
    own = [(line, int(count)) for file, qualname, line, count, _ in lines if (file, qualname) == key]
    return min(own)[1] if own else 0
