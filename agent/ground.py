"""What a run stands on: the machine, and the libraries that the task's program and its candidates may import there."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from codeopt.agent.tasks.model import Task
from codeopt.imports import imported, parsed
from codeopt.machine import fingerprint
from codeopt.sandbox.interpreter import find_interpreter


def ground_of(task: Task, more: Iterable[str] = ()) -> dict[str, Any]:
    """The machine's fingerprint, and for Python what is under the task's interpreter.

    Args:
        task: Its file's imports count, wherever in the file they stand.
        more: Further modules that a candidate may import.

    Returns:
        As `codeopt.machine.fingerprint`; for Python with "interpreter" (its version), "libraries" (distribution to version)
        and "provides" (module to distribution, where the names differ).

    Raises:
        UserError: The interpreter cannot be used.
    """
    machine = fingerprint()
    if task.language != "python":
        return machine
    interpreter = find_interpreter(task.python or None)
    file = Path(task.file) if task.file else None
    tree = parsed(file.read_text("utf-8", errors="replace")) if file is not None and file.is_file() else None
    found = interpreter.libraries({*more, *(imported(tree) if tree is not None else ())})
    machine["interpreter"] = interpreter.version
    if found:
        machine["libraries"] = dict(sorted(found.values()))
    if provides := {module: name for module, (name, _) in sorted(found.items()) if module != name}:
        machine["provides"] = provides
    return machine
