"""The result for an installed library: a patched copy that goes before it on the path. The library is never written to."""

from __future__ import annotations

import shlex
import shutil
from itertools import pairwise
from pathlib import Path

from codeopt.agent.tasks.model import Task
from codeopt.config import library_of
from codeopt.errors import UserError


def refuse_installed(task: Task) -> None:
    """Raise UserError for a task whose file is an installed library's: nothing is applied there."""
    if task.file and library_of(Path(task.file)) is not None:
        raise UserError(
            f"--apply: {task.file} is installed, and codeopt writes to no installed library",
            "leave it out: the run ends with a patched copy for PYTHONPATH, and with the command that patches the library",
        )


def patched_copy(run: Path, task: Task) -> dict[str, str]:
    """Make `RUN/patched`, which holds the module with the run's new file, its package around it.

    Only the folders on the way to the file are real; what else they hold is linked, but for __pycache__: the bytecode
    of the new text would be written into the library.

    Returns:
        The folder in which `best.patch` applies ("folder"), what makes Python use the copy ("use"), and the command
        that patches the library itself ("apply"); nothing where the file is not an installed library's.
    """
    if task.kind != "function" or library_of(Path(task.file)) is None:
        return {}
    folder, library = run / "patched", Path(task.roots[0])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    here, there = folder, library
    parts = Path(task.file).relative_to(library).parts
    for part, next_part in pairwise(parts):
        here, there = here / part, there / part
        here.mkdir()
        for item in there.iterdir():
            if item.name not in (next_part, "__pycache__"):
                (here / item.name).symlink_to(item)
    bundled = f"{parts[0]}.libs"  # shared libraries, which a wheel's extensions look for beside the package
    if (library / bundled).is_dir():
        (folder / bundled).symlink_to(library / bundled)
    shutil.copyfile(run / parts[-1], here / parts[-1])
    return {
        "folder": task.project,
        "use": f"PYTHONPATH={shlex.quote(str(folder))}",
        "apply": f"patch -p1 -d {shlex.quote(task.project)} < {shlex.quote(str(run / 'best.patch'))}",
    }
