"""A function by the name under which its module is imported: `module:function`, installed or of the person's project.

The module's file is looked for in the folders in which the program's interpreter looks for modules. Nothing is
imported, here or there: that would run the module and every package above it.
"""

from __future__ import annotations

import ast
import difflib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from codeopt import config
from codeopt.agent.tasks.detect import detect, read_source
from codeopt.agent.tasks.functions import functions_of
from codeopt.agent.tasks.model import Task
from codeopt.agent.tasks.tools import interpreter
from codeopt.config import Settings
from codeopt.errors import UserError
from codeopt.sandbox.interpreter import Interpreter, find_interpreter


def target(text: str, flags: Settings | None = None) -> Task:
    """The task that FILE, FILE:FUNCTION or MODULE:FUNCTION is.

    Args:
        text: What the user typed.
        flags: As for `detect`.

    Raises:
        UserError: As for `detect`; there is no such module, it has no Python source, or its name has two meanings.
    """
    flags = flags or Settings()
    head, _, function = text.rpartition(":")
    if not (head and _dotted(function)) or Path(text).exists():
        return detect(Path(text), flags)
    if flags.function is not None:
        raise UserError(f"{text} names a function already", f"leave out --function {flags.function}")
    flags = flags.model_copy(update={"function": function})
    if Path(head).is_file() or head.endswith(".py") or not _dotted(head):
        return detect(Path(head), flags)
    said = flags.resolved(Path.cwd()).over(config.load(Path.cwd() / head))
    python = find_interpreter(interpreter(said.python))
    file = _located(head, function, python)
    _defined(file, head, function)
    return detect(file, flags.model_copy(update={"python": python.path}))


def _dotted(name: str) -> bool:
    return all(part.isidentifier() for part in name.split("."))


def _located(name: str, function: str, python: Interpreter) -> Path:
    """The source file of a module: the project's own, or the one that the interpreter would import."""
    if name in python.inside:
        raise UserError(f"{name} is a part of {python.path}, which reads no file of it", "name a function that a .py file defines")
    here = Path.cwd()
    root = config.project_root(here / name) or here
    places = [str(folder) for folder in dict.fromkeys((here, root / "src", root))]
    own, installed = (_look(name, folders, python.suffixes).source for folders in (places, python.folders))
    if own and installed and not own.samefile(installed):
        raise UserError(f"{name} is {own} here and {installed} where it is installed", f"name the file, with --function {function}")
    if found := own or installed:
        return found
    raise _missing(name, function, _look(name, [*places, *python.folders], python.suffixes), python.path)


class _Look(NamedTuple):
    """How far a module's name leads.

    Attributes:
        left: The parts of it that are not there.
        file: The file of the last part that is there; "" for a package without __init__.py.
        folders: Where the first part that is not there was looked for; none below a module that is no package.
    """

    left: list[str]
    file: str
    folders: Sequence[str]

    @property
    def source(self) -> Path | None:
        """The file, where the whole name leads to Python source."""
        return Path(self.file) if not self.left and self.file.endswith(".py") else None


def _look(name: str, folders: Sequence[str], suffixes: Sequence[str]) -> _Look:
    """Follow a module's name as an import does, which takes a compiled file before its source."""
    parts, file = name.split("."), ""
    for number, part in enumerate(parts):
        bases = [base for folder in folders for base in (f"{folder}/{part}/__init__", f"{folder}/{part}")]
        files = (base + suffix for base in bases for suffix in (*suffixes, ".py", ".pyc"))
        found = next(filter(os.path.isfile, files), "")
        portions = [f"{folder}/{part}" for folder in folders if os.path.isdir(f"{folder}/{part}")]
        if not found and not portions:
            return _Look(parts[number:], file, folders)
        file, folders = found, portions
        if found:
            folders = [os.path.dirname(found)] if os.path.basename(found).startswith("__init__.") else []
    return _Look([], file, folders)


def _missing(name: str, function: str, look: _Look, python: str) -> UserError:
    """Why a name leads to no source file."""
    known = name.split(".")[: -len(look.left) or None]
    if not look.left and look.file:
        return UserError(f"{name} is compiled ({look.file})", "name a function that a .py file defines")
    if known and look.left and not look.folders:
        owner = ".".join(known)
        return UserError(f"{owner} is no package: {look.file}", f"did you mean {owner}:{'.'.join([*look.left, function])}?")
    listed = (item.split(".")[0] for folder in look.folders if os.access(folder, os.R_OK) for item in os.listdir(folder))
    inside = sorted({item for item in listed if item.isidentifier() and not item.startswith("__")})
    if not look.left:
        hint = f"name a module in it, such as {name}.{inside[0]}:{function}" if inside else "name a module"
        return UserError(f"{name} is a package without __init__.py", hint)
    near = difflib.get_close_matches(look.left[0], inside, n=1)
    meant = ".".join([*known, *near, *look.left[1:]])
    hint = f"did you mean {meant}:{function}?" if near else "name its file, or another --python"
    return UserError(f"no module {name} in this project or under {python}", hint)


def _defined(file: Path, module: str, function: str) -> None:
    """Refuse a function that the module only imports, and say where it is."""
    source = read_source(file)
    try:
        tree, functions = ast.parse(source), functions_of(source)
    except (SyntaxError, ValueError, RecursionError):
        return  # `detect` says it
    first, *rest = function.split(".")
    if any(item.qualname.split(".")[0] == first for item in functions):
        return
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    body = list(tree.body)
    for node in body:
        if isinstance(node, ast.Try | ast.If):
            body += [*node.body, *node.orelse]
        elif isinstance(node, ast.ImportFrom) and node.module:
            origin = f"{package.rsplit('.', node.level - 1)[0]}.{node.module}" if node.level else node.module
            for alias in node.names:
                if (alias.asname or alias.name) == first:
                    meant = ".".join([alias.name, *rest])
                    raise UserError(f"{module} only imports {first}, from {origin}", f"name {origin}:{meant}")
