"""Which of a project's files a Python file needs, by its imports and by the files that its strings name."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

MAX_PARSED = 2_000


def imported_files(file: Path, roots: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """What `file` imports from `roots`, through the imports of what it imports.

    Returns:
        Plain modules, and the folders of whole packages; neither holds `file` itself. Modules of the interpreter's
        own libraries are not below `roots` and so are in neither.
    """
    modules: list[Path] = []
    packages: list[Path] = []
    waiting = [file]
    seen = {file}
    parsed = 0
    while waiting and parsed < MAX_PARSED:
        path = waiting.pop()
        parsed += 1
        for found in _resolved(path, roots):
            if found in seen:
                continue
            seen.add(found)
            if found.is_dir():
                packages.append(found)
                inside = [item for item in sorted(found.rglob("*.py")) if item not in seen]
            else:
                modules.append(found)
                inside = [found]
            seen.update(inside)
            waiting += inside
    return modules, packages


def named_files(module: Path) -> Iterator[Path]:
    """Files beside a module, or below it, that one of its string constants names ("words.txt", "data/a.csv")."""
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            name = node.value
            plain = 2 < len(name) < 200 and name.isprintable() and not name.startswith(("/", "~"))
            if plain and ".." not in name and (module.parent / name).is_file():
                yield module.parent / name


def _tree(path: Path) -> ast.Module:
    """The syntax tree; an empty one for a file that does not parse: nothing can import it either."""
    try:
        return ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return ast.Module(body=[], type_ignores=[])


def _resolved(path: Path, roots: Sequence[Path]) -> Iterator[Path]:
    """Files and package folders that the imports of one file mean."""
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from find_module(alias.name.split("."), roots)
        elif isinstance(node, ast.ImportFrom):
            start = node.module.split(".") if node.module else []
            bases = roots if node.level == 0 else [_above(path, node.level)]
            for alias in node.names:
                yield from find_module([*start, alias.name], bases)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in ("import_module", "__import__") and isinstance(node.args[0].value, str):
                yield from find_module(node.args[0].value.split("."), roots)


def _above(path: Path, level: int) -> Path:
    return path.parents[level - 1] if level <= len(path.parents) else path.parent


def find_module(parts: Sequence[str], bases: Sequence[Path]) -> Iterator[Path]:
    """The first module or whole package on the way of a dotted name, below the first base that has it."""
    for base in bases:
        here = base
        for part in parts:
            if not part or part == "*":
                break
            here = here / part
            if (here / "__init__.py").is_file():
                yield here
                return
            module = Path(f"{here}.py")
            if module.is_file():
                yield Path(os.path.normpath(module))
                return
            if not here.is_dir():
                break
