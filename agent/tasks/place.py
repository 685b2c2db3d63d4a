"""Where a Python file stands: its project, the folders it is imported from, and the name its package knows it by."""

from __future__ import annotations

import ast
import os
from pathlib import Path

from codeopt import config
from codeopt.errors import UserError
from codeopt.types import Record


class Place(Record):
    """`project` holds every root; `roots[0]` is the one from which the file is `module`. Paths are absolute."""

    project: str
    roots: tuple[str, ...]
    module: str


def place_of(path: Path, narrower: str | None = None) -> Place:
    """The place of a Python file that exists and parses.

    Args:
        path: The file.
        narrower: A folder inside the detected project that is to be the whole project.

    Raises:
        UserError: `narrower` does not hold the file's package, or reaches beyond the detected project.
    """
    path = Path(os.path.abspath(path))
    own = path.parent
    while (own / "__init__.py").exists() and own.parent != own:
        own = own.parent
    library = config.library_of(path)
    if library is not None and all(part.isidentifier() for part in path.relative_to(library).with_suffix("").parts):
        own = library  # of a package without __init__.py as well
    project = _narrowed(config.project_root(path), own, narrower)
    source = project / "src" if project is not None else None
    levels = _relative_levels(path) - len(path.parent.relative_to(own).parts)
    if levels > 0:
        own = _namespace_root(own, levels, source, project)
    roots = [own]
    if project is not None and source is not None:
        roots += [folder for folder in (source, project) if folder.is_dir() and folder not in roots]
    holder = project if project is not None and own.is_relative_to(project) else own
    parts = path.relative_to(own).with_suffix("").parts
    if parts[-1] == "__init__" and len(parts) > 1:
        parts = parts[:-1]
    return Place(project=str(holder), roots=tuple(str(folder) for folder in roots), module=".".join(parts))


def _narrowed(detected: Path | None, own: Path, narrower: str | None) -> Path | None:
    if narrower is None:
        return detected
    folder = Path(os.path.abspath(narrower))
    if not own.is_relative_to(folder) or (detected is not None and not folder.is_relative_to(detected)):
        holder = detected or own
        raise UserError(f"project = {str(folder)!r} must hold {own} and lie in {holder}", "leave it out, or name such a folder")
    return folder


def _relative_levels(path: Path) -> int:
    """The most dots in front of a relative import; a file with any is part of a package."""
    tree = ast.parse(path.read_bytes())
    return max((node.level for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)), default=0)


def _namespace_root(own: Path, levels: int, source: Path | None, project: Path | None) -> Path:
    """The root of a package without __init__.py whose relative imports climb `levels` above `own`."""
    for folder in (source, project):
        if folder is not None and own != folder and own.is_relative_to(folder):
            return folder
    for _ in range(levels):
        own = own.parent
    return own
