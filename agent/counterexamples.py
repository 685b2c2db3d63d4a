"""Inputs on which a candidate differs from the program, searched for with CrossHair (an optional extra).

CrossHair runs the two functions on symbolic values, so it finds branches such as `if x == 123457` that no drawn input
would meet. What it finds becomes an input like any other; the usual check decides, and no verdict rests on CrossHair.
"""

from __future__ import annotations

import ast
import importlib.util
import sys

from codeopt.agent.workshop import Workshop
from codeopt.sandbox.runner.codec import Unencodable, encode
from codeopt.sandbox.session import Broken
from codeopt.sandbox.subject import CannotStart
from codeopt.sandbox.workload import Case

SECONDS = 5.0  # CPU seconds of the search
START_S = 20.0  # that starting CrossHair may take beyond it, on a busy machine
SHARE = 3  # the search takes one part in so many of what is left for the holdout and all around it
LEAST_S = 2.0  # under which it is not begun
MOST_LINES = 60
MOST_TEXT = 5_000
_SCALARS = {"int", "float", "str", "bool"}
_CONTAINERS = {"list", "dict", "tuple", "List", "Dict", "Tuple"}


def available() -> bool:
    """Whether CrossHair is installed beside codeopt."""
    return importlib.util.find_spec("crosshair") is not None


def reserve_s(shop: Workshop) -> float:
    """Seconds of a run to keep for the search; 0 where there will be none."""
    task = shop.task
    used = task.kind == "function" and available() and suited(shop.baseline_source(), task.function) is not None
    return SHARE * SECONDS if used else 0.0


def counterexamples(shop: Workshop, source: str, function: str = "", seconds: float = SECONDS) -> tuple[list[Case], str]:
    """Inputs on which `source` may differ from the program, and a note for the report.

    ([], "") where CrossHair is not installed or the function is none for it.

    Args:
        source: The candidate's text.
        function: Its name there, where it is another.
        seconds: CPU seconds that the search may take, at most `SECONDS`.
    """
    task = shop.task
    parameters = suited(shop.baseline_source(), task.function) if task.kind == "function" else None
    if parameters is None or not available():
        return [], ""
    ours = f"{sys.version_info.major}.{sys.version_info.minor}"
    theirs = shop.interpreter
    if theirs.implementation != "cpython" or theirs.version.rpartition(".")[0] != ours:
        return [], f"CrossHair was not used: it is installed for Python {ours}, the function runs under {theirs.version}"
    seconds = min(seconds, SECONDS)
    if seconds < LEAST_S:
        return [], "CrossHair was not used: no time left"
    request = {
        "source": source.encode("utf-8", "surrogateescape"),
        "function": function or task.function,
        "seconds": seconds,
    }
    try:
        # A session of its own: the candidate's code runs in it.
        with shop.tool_session() as session:
            reply = session.op("crosshair", request, 2 * seconds + START_S)
    except (Broken, CannotStart) as error:
        return [], f"CrossHair did not end: {_line(error.evidence)}"
    if reply.get("error"):
        return [], f"CrossHair could not search: {_line(str(reply['error']))}"
    rows = reply.get("examples")
    cases = [
        Case(f"x{number}", "crosshair", calls=(call,))
        for number, row in enumerate(rows if isinstance(rows, list) else [])
        if (call := _call(row, parameters)) is not None
    ]
    return cases, f"CrossHair searched for {seconds:.1f} s: {len(cases)} input(s) to check"


def suited(source: str, function: str) -> tuple[tuple[str, bool], ...] | None:
    """Parameters (name, keyword-only) of a function that CrossHair is good at; None for another.

    A plain function of at most `MOST_LINES` lines whose parameters are all annotated with int, float, str, bool, or
    lists, dicts and tuples of such.
    """
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError):
        return None
    node = next((item for item in body if isinstance(item, ast.FunctionDef) and item.name == function), None)
    if node is None or (node.end_lineno or 0) - node.lineno >= MOST_LINES or node.args.vararg or node.args.kwarg:
        return None
    if any(isinstance(part, ast.Yield | ast.YieldFrom) for part in ast.walk(node)):
        return None
    plain = [*node.args.posonlyargs, *node.args.args]
    every = [*plain, *node.args.kwonlyargs]
    if not every or not all(arg.annotation is not None and _plain(arg.annotation) for arg in every):
        return None
    return tuple((arg.arg, arg not in plain) for arg in every)


def _plain(node: ast.expr) -> bool:
    """Whether an annotation is made of scalars and containers of them."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        try:
            node = ast.parse(node.value, mode="eval").body
        except SyntaxError:
            return False
    if isinstance(node, ast.Name):
        return node.id in _SCALARS
    if not isinstance(node, ast.Subscript) or not isinstance(node.value, ast.Name) or node.value.id not in _CONTAINERS:
        return False
    parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    return all(_plain(part) or (isinstance(part, ast.Constant) and part.value is ...) for part in parts)


def _call(row: object, parameters: tuple[tuple[str, bool], ...]) -> bytes | None:
    """An encoded call from the texts of its values; None where they are not plain values."""
    args: list[object] = []
    kwargs: dict[str, object] = {}
    if not isinstance(row, dict):
        return None
    try:
        for name, keyword in parameters:
            text = row[name]
            if not isinstance(text, str) or len(text) > MOST_TEXT:
                return None
            value = literal(ast.parse(text, mode="eval").body)
            if keyword:
                kwargs[name] = value
            else:
                args.append(value)
        return encode({"args": args, "kwargs": kwargs})
    except (KeyError, SyntaxError, ValueError, TypeError, RecursionError, MemoryError, Unencodable):
        return None


def literal(node: ast.expr) -> object:
    """The value of a literal, also of inf, nan and set(). Raises ValueError for anything else; nothing is evaluated."""
    if isinstance(node, ast.Constant) and isinstance(node.value, bool | int | float | str | bytes | None):
        return node.value
    if isinstance(node, ast.Set):
        return {literal(item) for item in node.elts}
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "set" and not (node.args or node.keywords):
        return set()
    if isinstance(node, ast.Name) and node.id in ("inf", "nan"):
        return float(node.id)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = literal(node.operand)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return -value
    if isinstance(node, ast.List | ast.Tuple):
        items = [literal(item) for item in node.elts]
        return items if isinstance(node, ast.List) else tuple(items)
    if isinstance(node, ast.Dict) and all(key is not None for key in node.keys):
        return {literal(key): literal(value) for key, value in zip(node.keys, node.values) if key is not None}
    raise ValueError("not a plain value")


def _line(text: str) -> str:
    return (text.strip().splitlines() or [""])[-1][:200]
