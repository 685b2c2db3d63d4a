"""What has to be kept of a task so that a pair can be run again when its files are gone: a generator's text, or cases."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from codeopt import config
from codeopt.agent.tasks.cases import read_cases
from codeopt.agent.tasks.model import Task

MOST_BYTES = 200_000
KEY = "kept_inputs"


def kept_inputs(task: Task) -> dict[str, Any]:
    """{} where inputs are made from the function alone; else under `KEY` what `restore` takes.

    Cases are kept up to `MOST_BYTES`, the first ones first.
    """
    kept: dict[str, Any] = {}
    if task.inputs:
        file, _, name = task.inputs.rpartition(":")
        kept = {"generator": Path(file).read_text("utf-8"), "name": name}
    elif task.cases:
        rows, size = [], 0
        for case in read_cases(Path(task.cases)):
            given, wanted = Path(case.stdin).read_bytes(), Path(case.stdout).read_bytes()
            size += len(given) + len(wanted)
            if size > MOST_BYTES:
                break
            rows.append({"stdin": _packed(given), "stdout": _packed(wanted)})
        kept = {"cases": rows}
    if kept:
        kept |= {"float_tol": task.float_tol}
    return {KEY: kept} if kept else {}


def restore(place: Path, program: str, language: str, kind: str, function: str, kept: dict[str, Any]) -> Path:
    """A program put back as a task in a new folder; the file to give to the engine."""
    place.mkdir(parents=True)
    file = place / ("program.cpp" if language == "cpp" else "program.py")
    file.write_text(program, "utf-8")
    said: dict[str, Any] = {"project": ".", "kind": kind}
    if function:
        said["function"] = function
    if kept.get("float_tol"):
        said["float_tol"] = kept["float_tol"]
    if "generator" in kept:
        (place / "make.py").write_text(str(kept["generator"]), "utf-8")
        said["inputs"] = f"make.py:{kept['name']}"
    elif "cases" in kept:
        (place / "cases").mkdir()
        said["cases"] = "cases"
        for number, row in enumerate(kept["cases"]):
            (place / "cases" / f"input.{number}.txt").write_bytes(_unpacked(row["stdin"]))
            (place / "cases" / f"output.{number}.txt").write_bytes(_unpacked(row["stdout"]))
    lines = [f"{key} = {json.dumps(value)}" for key, value in said.items()]
    (place / config.NAME).write_text("\n".join(lines) + "\n", "utf-8")
    return file


def _packed(data: bytes) -> str:
    """Text as it is, other bytes in base 64 behind a mark."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return "base64:" + base64.b64encode(data).decode("ascii")
    return "text:" + text


def _unpacked(text: str) -> bytes:
    form, _, body = text.partition(":")
    return body.encode("utf-8") if form == "text" else base64.b64decode(body)
