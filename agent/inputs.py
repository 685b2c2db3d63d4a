"""The inputs of a task, whatever its kind; kept in the run's folder so that a resumed run judges on the same ones."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import msgpack

from codeopt.agent.function_inputs import THOROUGH, Effort, function_sources, function_workload
from codeopt.agent.program_inputs import program_sources, program_workload
from codeopt.agent.workshop import Workshop
from codeopt.errors import UserError
from codeopt.sandbox.verdict import Judge
from codeopt.sandbox.workload import Case, Workload, nothing

INPUTS_FILE = "inputs.msgpack"


def build_workload(
    shop: Workshop, judge: Judge, seed: int, run: Path | None = None, effort: Effort = THOROUGH
) -> Workload:
    """Make the workload, or read it back from an earlier process of the same run; tell the judge what else is asked.

    Args:
        effort: What the inputs of a function may cost to make.

    Raises:
        UserError: The baseline cannot be run, checked or timed on any input; its peak memory cannot be read, and the task
            limits it; the disk is full.
    """
    judge.memory = shop.memory_limit()
    judge.sanitizer = shop.sanitizer(judge.baseline)
    stored = _read(run / INPUTS_FILE) if run is not None else None
    function = shop.task.kind == "function"
    if stored is not None:
        visible, timed, facts = stored
        sources = function_sources if function else program_sources
        hidden, hidden_timed = sources(shop, judge, visible, facts, seed)
        if function and timed[0].kind != "grown":
            hidden_timed = nothing
        return _endless(
            Workload(
                visible,
                timed,
                hidden,
                hidden_timed,
                repeat=int(facts["repeat"]),
                not_encodable=int(facts["not_encodable"]),
                notes=tuple(facts["notes"]),
                grew=bool(facts.get("grew")),
            )
        )
    if function:
        workload, facts = function_workload(shop, judge, seed, effort)
    else:
        workload, facts = program_workload(shop, judge, seed)
    if run is not None:
        _write(run / INPUTS_FILE, workload, facts)
    return _endless(workload)


def _endless(workload: Workload) -> Workload:
    """With fresh inputs for the search's own test where a generator makes them; a user's held-out cases are kept back."""
    if workload.timed[0].kind != "grown":
        return workload
    return replace(workload, fresh_timed=workload.hidden_timed)


def _write(path: Path, workload: Workload, facts: dict[str, object]) -> None:
    """Written whole or not at all."""
    body = {
        "visible": [asdict(case) for case in workload.visible],
        "timed": [asdict(case) for case in workload.timed],
        "facts": {
            **facts,
            "repeat": workload.repeat,
            "not_encodable": workload.not_encodable,
            "notes": list(workload.notes),
        },
    }
    part = path.with_suffix(".part")
    try:
        part.write_bytes(msgpack.packb(body))
        os.replace(part, path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise UserError(f"cannot write {path} ({error.strerror})", "free the disk and run again") from error


def _read(path: Path) -> tuple[tuple[Case, ...], tuple[Case, ...], dict[str, Any]] | None:
    if not path.is_file():
        return None
    # Written by codeopt itself, from bytes that are opaque to it.
    body = msgpack.unpackb(path.read_bytes(), max_bin_len=2**31 - 1)
    return _cases(body["visible"]), _cases(body["timed"]), body["facts"]


def _cases(rows: Sequence[dict[str, object]]) -> tuple[Case, ...]:
    made = []
    for row in rows:
        row["calls"] = tuple(row["calls"])  # type: ignore[arg-type]
        row["argv"] = tuple(row["argv"])  # type: ignore[arg-type]
        made.append(Case(**row))  # type: ignore[arg-type]
    return tuple(made)
