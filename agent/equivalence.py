"""`test_NAME_equivalence.py`: the checks of a run as a plain pytest file that needs nothing of codeopt."""

from __future__ import annotations

import math
from importlib import resources
from pathlib import Path

import jinja2

from codeopt.agent.tasks.model import Task
from codeopt.sandbox.runner import codec
from codeopt.sandbox.workload import Workload

MOST_INPUTS = 40
MOST_BYTES = 20_000


def write_equivalence_test(run: Path, task: Task, workload: Workload, flags: tuple[str, ...]) -> Path:
    """Write the test for the run's `original/` and new file; returns its path.

    Function inputs that are built-in values up to 20 kB are written out as literals; the others are counted.
    """
    name = Path(task.file)
    values: dict[str, object] = {
        "task": task,
        "name": name.name,
        "stem": name.stem,
        "flags": list(flags),
        "roots": list(task.roots),
        "rel": task.rel,
        "abs": task.abs,
        "float_tol": task.float_tol,
    }
    if task.kind == "function":
        values["calls"], values["left_out"] = literals(workload)
    else:
        folder = run / "equivalence_inputs"
        folder.mkdir(exist_ok=True)
        cases = []
        for number, case in enumerate(workload.visible[:MOST_INPUTS]):
            (folder / f"{number}.in").write_bytes(case.stdin)
            cases.append([f"{number}.in", list(case.argv)])
        values["cases"] = cases
    template = "test_function.py.j2" if task.kind == "function" else "test_program.py.j2"
    text = resources.files("codeopt.agent.prompts").joinpath(template).read_text("utf-8")
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    environment.filters["literal"] = repr
    path = run / f"test_{name.stem}_equivalence.py"
    path.write_text(environment.from_string(text).render(**values), "utf-8", errors="surrogatepass")
    return path


def literals(workload: Workload) -> tuple[list[str], int]:
    """Calls as source text "(args, kwargs)", and how many could not be written so."""
    out: list[str] = []
    left_out = 0
    # The plain test knows tolerances only, and an honest reordering may differ by more where numbers cancel.
    for case in (case for case in workload.visible if case.kind != "ill_conditioned"):
        for blob in case.calls:
            text = None
            if len(blob) <= MOST_BYTES and len(out) < MOST_INPUTS:
                call = codec.decode_plain(blob)
                if isinstance(call, dict):
                    text = literal(call.get("args")), literal(call.get("kwargs"))
            if text is None or None in text:
                left_out += 1
            else:
                out.append(f"({text[0]}, {text[1]})")
    return out, left_out


def literal(value: object) -> str | None:
    """Python source of a plain value; None where there is no literal for it."""
    if value is None or isinstance(value, bool | int | str | bytes):
        return repr(value)
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else f"float({str(value)!r})"
    if isinstance(value, list):
        return _joined("[", value, "]")
    if isinstance(value, dict):
        pairs = [(literal(key), literal(item)) for key, item in value.items()]
        if any(key is None or item is None for key, item in pairs):
            return None
        return "{" + ", ".join(f"{key}: {item}" for key, item in pairs) + "}"
    if isinstance(value, codec.Tagged):
        if value.kind == "tuple" and isinstance(value.value, list):
            return _joined("(", value.value, ",)" if value.value else ")")
        if value.kind in ("set", "frozenset") and isinstance(value.value, list):
            return _joined(f"{value.kind}([", value.value, "])")
    return None


def _joined(opening: str, items: list[object], closing: str) -> str | None:
    parts = [literal(item) for item in items]
    if any(part is None for part in parts):
        return None
    return opening + ", ".join(part for part in parts if part is not None) + closing


