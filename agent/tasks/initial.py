"""A first `codeopt.toml`: what can be found out about a file or a repository, and every other key as a comment with its meaning.

Nothing is run: what is found comes from names, from syntax trees and from `detect`.
"""

from __future__ import annotations

import ast
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from codeopt import config
from codeopt.agent.tasks import cuda
from codeopt.agent.tasks.detect import CPP, PYTHON, detect
from codeopt.agent.tasks.functions import entry_points, functions_of
from codeopt.agent.tasks.model import Task
from codeopt.config import Settings
from codeopt.errors import UserError
from codeopt.imports import parsed

SOURCES = (*PYTHON, *CPP, cuda.SUFFIX)
BESIDE = ("__init__.py", "__main__.py", "conftest.py", "setup.py")
ENVIRONMENTS = (".venv", "venv")
SKIPPED = {*ENVIRONMENTS, "node_modules", "build", "dist", "site-packages", "__pycache__"}
GENERATOR = ("size", "seed")
MOST_FILES, MOST_TESTS, MOST_NAMED, MOST_BYTES = 2000, 8, 8, 1 << 20
TASK_NAMES = {"timeout": "timeout_s", "rel_tol": "rel", "abs_tol": "abs"}
"""Keys whose field of a task has another name."""
_TEST = re.compile(r"test_.*\.py|.*_test\.py")
_QUOTED = re.compile(r'"([^"]+)"')


@dataclass(frozen=True)
class Initial:
    """A file to write.

    Attributes:
        path: Where it belongs.
        settings: What is in force in it; paths are relative to its folder.
        shown: Values that were found and are not in force, by key: another file of the folder may need other ones.
        notes: What a person should know.
    """

    path: Path
    settings: Settings
    shown: dict[str, Any]
    notes: tuple[str, ...]

    def text(self) -> str:
        """The file. Every key is in it, those that are not in force as comments."""
        lines = [
            "# What codeopt optimize, verify and eval take as said about the files in this folder and below it;",
            "# flags of the command line win over it. Keys behind a # are not in force. More: docs/tasks.md of codeopt.",
            *(f"# {line}" for note in self.notes for line in note.splitlines()),
        ]
        for key, meaning in config.described().items():
            value = getattr(self.settings, key)
            lines += ["", f"# {meaning} It is {config.allowed(key)}."]
            if value is not None:
                lines.append(f"{key} = {_toml(value)}")
            else:
                lines.append(f"# {key} = {_toml(self.shown.get(key, _example(key, meaning)))}")
        return "\n".join(lines) + "\n"


def initial(target: str) -> Initial:
    """What to write for FILE, FILE:FUNCTION or a folder.

    Raises:
        UserError: There is no such thing, it is an installed library's, or it has a `codeopt.toml` already.
    """
    head, colon, function = target.rpartition(":")
    named = colon and Path(head).is_file()
    path = Path(os.path.abspath(Path(head if named else target).expanduser()))
    folder = path if path.is_dir() else path.parent
    if not path.exists():
        raise UserError(f"no such file or folder: {target}", "give a source file, or a repository's folder")
    if config.library_of(path) is not None or config.is_library(path):
        raise UserError(f"{path} is installed", "say it by flags: codeopt writes to no installed library")
    if (folder / config.NAME).exists() or (folder / config.NAME).is_symlink():
        raise UserError(f"{folder / config.NAME} is there already", "edit it, or move it away first")
    if path.is_dir():
        return _for_folder(path)
    return _for_file(path, function if named else None)


def _for_file(path: Path, function: str | None) -> Initial:
    folder, notes = path.parent, [f"Written for {path.name}."]
    above = config.find(path)
    said = Settings()
    if above is not None:
        notes.append(f"{os.path.relpath(above, folder)} does not count here any more: what it says is repeated below.")
        said = config.load(path)
    if function is not None:
        said = said.model_copy(update={"function": function})
    found: dict[str, Any] = {}
    is_python = path.suffix.lower() in PYTHON
    generators = _generators(path) if is_python or path.suffix.lower() in CPP else []
    if said.inputs is None and generators:
        found["inputs"] = f"{folder / generators[0]}"
        if len(generators) > 1:
            notes.append(f"Other generators of inputs: {', '.join(generators[1:MOST_NAMED])}.")
    if said.tests is None and is_python and (tests := _tests_of(path)):
        found["tests"] = tuple(tests)
    asked = said.model_copy(update=found)
    shown: dict[str, Any] = {}
    task = None
    try:
        task = detect(path, asked)
    except UserError as error:
        notes.append(f"codeopt optimize {path.name} says: {' '.join(str(error).split())}")
    if task is not None:
        facts = {"kind": task.kind} | ({"function": task.function} if task.function else {})
        if task.kind == "kernel":
            found, asked = {}, said
        if task.cases and said.cases is None:
            found["cases"] = task.cases
        if _alone(path, generators):
            found |= facts
        else:
            shown |= facts
            notes.append("Other programs lie in this folder: function and kind are not in force, for they would hold for those, too.")
        if task.language == "cpp" and task.kind == "program":
            shown |= {"compiler": Path(task.compiler).name, "flags": task.flags}
    elif is_python and (names := _functions(path)):
        shown["function"] = names[0]
    return Initial(folder / config.NAME, _relative(said.model_copy(update=found), folder), shown, tuple(notes))


def _for_folder(folder: Path) -> Initial:
    notes, found = list[str](), dict[str, Any]()
    tests = next((name for name in ("tests", "test") if any(_test_files(folder / name))), "")
    if tests or (beside := [path.name for path in sorted(folder.glob("*.py")) if _TEST.fullmatch(path.name)]):
        found["tests"] = (tests,) if tests else tuple(beside[:MOST_TESTS])
    if name := next((name for name in ENVIRONMENTS if (folder / name / "bin" / "python").exists()), ""):
        found["python"] = f"./{name}"
    said = Settings.model_validate(found)
    programs = []
    for path in _sources(folder):
        try:
            task = detect(path, said.resolved(folder))
        except UserError:
            continue
        hottest = "# the function that the tests spend their time in" if task.kind == "function" else f"# a {task.kind}"
        what = f"--function {task.function}" if task.function else hottest
        programs.append(f"codeopt optimize {path.relative_to(folder)} {what}")
        if len(programs) == MOST_NAMED:
            break
    notes.append(f"Written for the whole of {folder.name}: name the function or the kind on the command line.")
    if programs:
        notes += ["Among what can be optimised:", *(f"  {line}" for line in programs)]
    return Initial(folder / config.NAME, said, {}, tuple(notes))


# --- what is there -------------------------------------------------------------------------------------------


def _walk(folder: Path) -> Iterator[Path]:
    """Files below a folder in a steady order, without hidden folders, environments and what was built; so many at most."""
    left = MOST_FILES
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in SKIPPED and not name.startswith("."))
        for name in sorted(names):
            yield Path(place, name)
            left -= 1
            if not left:
                return


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8") if path.stat().st_size <= MOST_BYTES else ""
    except (OSError, UnicodeDecodeError):
        return ""


def _test_files(folder: Path) -> Iterator[Path]:
    return (path for path in _walk(folder) if _TEST.fullmatch(path.name))


def _tests_of(path: Path) -> list[str]:
    """Test files of the project that import the file's module."""
    imports = re.compile(rf"^\s*(?:from|import)\b[^#\n]*\b{re.escape(path.stem)}\b", re.MULTILINE)
    root = config.project_root(path) or path.parent
    found = [str(test) for test in _test_files(root) if test != path and imports.search(_text(test))]
    return found[:MOST_TESTS]


def _generators(path: Path) -> list[str]:
    """Functions beside the file that take (size, seed), as "file.py:name"; those first whose file is named after it."""
    found = []
    for beside in sorted(path.parent.glob("*.py")):
        tree = None if beside == path else parsed(_text(beside))
        for node in tree.body if tree is not None else ():
            if isinstance(node, ast.FunctionDef) and tuple(argument.arg for argument in node.args.args) == GENERATOR:
                found.append(f"{beside.name}:{node.name}")
    return sorted(found, key=lambda name: path.stem not in name)


def _alone(path: Path, generators: list[str]) -> bool:
    """Whether no other program lies in the file's folder or below it."""
    own = {path.name, *BESIDE, *(name.partition(":")[0] for name in generators)}
    return all(
        file.parent == path.parent and (file.name in own or _TEST.fullmatch(file.name))
        for file in _walk(path.parent)
        if file.suffix.lower() in SOURCES and not _is_test(file, path.parent)
    )


def _is_test(file: Path, folder: Path) -> bool:
    return any(part in ("tests", "test") for part in file.relative_to(folder).parts[:-1])


def _sources(folder: Path) -> Iterator[Path]:
    return (
        file
        for file in _walk(folder)
        if file.suffix.lower() in SOURCES and file.name not in BESIDE and not _TEST.fullmatch(file.name) and not _is_test(file, folder)
    )


def _functions(path: Path) -> list[str]:
    try:
        return [item.qualname for item in entry_points(functions_of(_text(path)))]
    except (SyntaxError, ValueError, RecursionError):
        return []


# --- how it is said ------------------------------------------------------------------------------------------


def _relative(settings: Settings, folder: Path) -> Settings:
    """Paths as they are seen from the folder; those of the compiler and the interpreter stay absolute."""
    found: dict[str, Any] = {}
    for key in config.PATHS:
        value = getattr(settings, key)
        if isinstance(value, str):
            found[key] = os.path.relpath(value, folder)
        elif value is not None:
            found[key] = tuple(os.path.relpath(item, folder) for item in value)
    return settings.model_copy(update=found)


def _example(key: str, meaning: str) -> Any:
    """A value of the right form: the default of a task where it has one, else what the description quotes."""
    default = Task.model_fields[TASK_NAMES.get(key, key)].default if TASK_NAMES.get(key, key) in Task.model_fields else None
    if isinstance(default, int | float):  # bool too
        return default
    if quoted := _QUOTED.search(meaning) or _QUOTED.search(config.allowed(key)):
        return quoted[1]
    of = get_args(Settings.model_fields[key].annotation)
    return ("...",) if any(getattr(option, "__origin__", None) is tuple for option in of) else "..."


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return f"[{', '.join(map(_toml, value))}]"
