"""Functions of Python sources as programs of their own: each with what it uses of its module, and nothing else.

Nothing is imported: what a function uses is read from the syntax tree. Taken are functions whose module-level names are
imports of harmless modules of the standard library, plain functions and constants.
"""

from __future__ import annotations

import ast
import importlib.metadata
import importlib.util
import json
import shutil
import sys
import tempfile
import tomllib
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from codeopt import config
from codeopt.errors import UserError

HARMLESS = frozenset(
    ["__future__", "abc", "array", "base64", "binascii", "bisect", "calendar", "cmath", "collections", "copy", "datetime", "decimal", "difflib", "enum", "fractions", "functools", "hashlib", "heapq", "html", "itertools", "json", "keyword", "math", "numbers", "operator", "re", "statistics", "string", "struct", "textwrap", "types", "typing", "unicodedata", "urllib", "zlib"]
)
IMPURE = frozenset(["open", "input", "print", "exec", "eval", "compile", "globals", "locals", "vars", "__import__", "breakpoint", "exit", "quit"])
FEWEST_NODES = 25
MOST_LINES = 150
_NEVER = {"tests", "test", "testing", "docs", "examples", "build", "dist", "vendor", "_vendor", "node_modules"}
Bound = dict[str, ast.stmt]


@dataclass(frozen=True)
class Function:
    """A function as a program. `name`: "package.module.function"."""

    name: str
    file: Path


class Sources:
    """Python files below a folder.

    Attributes:
        name: "package version", or the folder's name.
        licence: As its metadata state it; "" where they do not.
    """

    def __init__(self, name: str, licence: str, root: Path, package: str = "") -> None:
        self.name, self.licence = name, licence
        self._root, self._package = root, package
        self._folder = Path(tempfile.mkdtemp(prefix="codeopt-functions-"))
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)

    def functions(self, skipped: dict[str, int]) -> Iterator[Function]:
        """Those that can be taken out, each in a folder of its own; the others are counted by why not."""
        files = [self._root] if self._root.is_file() else sorted(self._root.rglob("*.py"))
        for path in files:
            parts = path.relative_to(self._root).with_suffix("").parts
            if any(part in _NEVER or part.startswith(("test_", ".")) for part in parts):
                continue
            try:
                text = path.read_text("utf-8")
                tree = ast.parse(text)
            except (OSError, SyntaxError, ValueError, RecursionError):
                skipped["the file does not parse"] = skipped.get("the file does not parse", 0) + 1
                continue
            module = ".".join([part for part in (self._package, *parts) if part and part != "__init__"])
            bound = _bound(tree)
            for node in tree.body:
                if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or bound.get(node.name) is not node:
                    continue
                made = alone(node, bound, text)
                if isinstance(made, Refusal):
                    skipped[made.why] = skipped.get(made.why, 0) + 1
                    continue
                yield self._put(f"{module}.{node.name}", node.name, made)

    def _put(self, name: str, function: str, text: str) -> Function:
        place = self._folder / name
        place.mkdir(exist_ok=True)
        (place / "program.py").write_text(text, "utf-8")
        said = {"project": ".", "kind": "function", "function": function}
        (place / config.NAME).write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in said.items()), "utf-8")
        return Function(name, place / "program.py")


@dataclass(frozen=True)
class Refusal:
    """Why a function is not taken."""

    why: str


def find(name: str) -> Sources:
    """A folder of Python files, or an installed package or a module of the standard library by its name.

    Raises:
        UserError: There is neither, or it holds no Python.
    """
    folder = Path(name)
    if folder.is_dir():
        if not any(folder.rglob("*.py")):
            raise UserError(f"{folder} holds no task and no Python", f"give a folder with {config.NAME} files, or with .py files")
        return Sources(folder.resolve().name, _stated(folder), folder)
    spec = importlib.util.find_spec(name) if name.isidentifier() else None
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        raise UserError(f"there is no suite, folder or Python package {name!r}", "see docs/data.md for what a source is")
    origin = Path(spec.origin)
    root = origin.parent if spec.submodule_search_locations else origin
    package = name
    if name in sys.stdlib_module_names:
        version = ".".join(map(str, sys.version_info[:3]))
        return Sources(f"python {version}: {name}", "PSF-2.0", root, package)
    owners = importlib.metadata.packages_distributions().get(name, [])
    if not owners:
        return Sources(name, "", root, package)
    about = importlib.metadata.metadata(owners[0]).json
    return Sources(f"{about['name']} {about['version']}", _licence(about), root, package)


def _licence(about: dict[str, str | list[str]]) -> str:
    """What a distribution says: its expression, else its classifiers, else the first line of its licence field."""
    if about.get("license_expression"):
        return str(about["license_expression"])
    classified = [line.rpartition("::")[2].strip() for line in about.get("classifier", ()) if line.startswith("License ::")]
    return "; ".join(classified) or (str(about.get("license", "")).strip().splitlines() or [""])[0][:100]


def _stated(folder: Path) -> str:
    """The licence that the nearest pyproject.toml states."""
    for place in (folder.resolve(), folder.resolve().parent):
        file = place / "pyproject.toml"
        if file.is_file():
            try:
                stated = tomllib.loads(file.read_text("utf-8")).get("project", {}).get("license", "")
            except (tomllib.TOMLDecodeError, UnicodeDecodeError, AttributeError):
                return ""
            return str(stated.get("text", "") if isinstance(stated, dict) else stated)
    return ""


def alone(node: ast.FunctionDef | ast.AsyncFunctionDef, bound: Bound, text: str) -> str | Refusal:
    """The text of a program with this function and all that it uses of its module, in the module's order."""
    why = _unfit(node)
    if why:
        return Refusal(why)
    taken: dict[ast.stmt, None] = {node: None}
    waiting: list[ast.stmt] = [node]
    while waiting:
        part = waiting.pop()
        for name in sorted(_mentioned(part)):
            if name in IMPURE:
                return Refusal("it reads, prints or evaluates")
            home = bound.get(name)
            if home is None or home in taken:
                continue
            if why := _unusable(home):
                return Refusal(why)
            taken[home] = None
            waiting.append(home)
    parts = sorted(taken, key=lambda one: one.lineno)
    if sum((part.end_lineno or part.lineno) - part.lineno + 1 for part in parts) > MOST_LINES:
        return Refusal(f"it needs more than {MOST_LINES} lines")
    lines = text.splitlines(keepends=True)
    return "\n\n".join(_segment(part, lines) for part in parts) + "\n"


def _segment(part: ast.stmt, lines: list[str]) -> str:
    first = min([part.lineno, *(item.lineno for item in getattr(part, "decorator_list", ()))])
    return "".join(lines[first - 1 : part.end_lineno]).rstrip()


def _unfit(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """Why a function is none for generated inputs; "" where it may be."""
    inside = list(ast.walk(node))
    if isinstance(node, ast.AsyncFunctionDef) or any(isinstance(part, ast.Yield | ast.YieldFrom | ast.Await) for part in inside):
        return "it is a generator or a coroutine"
    if node.decorator_list:
        return "it is decorated"
    if node.args.vararg or node.args.kwarg:
        return "it takes any number of arguments"
    if not [*node.args.posonlyargs, *node.args.args]:
        return "it takes no arguments"
    if any(isinstance(part, ast.Global | ast.Nonlocal | ast.Import | ast.ImportFrom) for part in inside):
        return "it has state, or imports inside"
    loops = (ast.For, ast.While, ast.comprehension, ast.Call)
    if len(inside) < FEWEST_NODES or not any(isinstance(part, loops) for part in inside):
        return "it is too small"
    return ""


def _unusable(home: ast.stmt) -> str:
    """Why a definition of the module cannot come along; "" where it can."""
    if isinstance(home, ast.Import | ast.ImportFrom):
        names = [alias.name for alias in home.names] if isinstance(home, ast.Import) else [home.module or ""]
        local = isinstance(home, ast.ImportFrom) and home.level > 0
        if local or any(name.partition(".")[0] not in HARMLESS for name in names):
            return "it uses modules beyond the harmless ones of the standard library"
        return ""
    if isinstance(home, ast.FunctionDef):
        return "it uses a decorated function" if home.decorator_list else ""
    if isinstance(home, ast.Assign | ast.AnnAssign):
        return ""
    return "it uses a class or a name that is bound in a block"


def _bound(tree: ast.Module) -> Bound:
    """Module-level names by the statement that binds them last; blocks count as what they are."""
    bound: Bound = {}
    for statement in tree.body:
        for name in _binds(statement):
            bound[name] = statement
    return bound


def _binds(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
    elif isinstance(statement, ast.Import | ast.ImportFrom):
        yield from ((alias.asname or alias.name).partition(".")[0] for alias in statement.names)
    else:
        for part in ast.walk(statement):
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                yield part.id
            elif isinstance(part, ast.FunctionDef | ast.ClassDef):
                yield part.name
            elif isinstance(part, ast.Import | ast.ImportFrom):
                yield from ((alias.asname or alias.name).partition(".")[0] for alias in part.names)


def _mentioned(part: ast.stmt) -> set[str]:
    return {name.id for name in ast.walk(part) if isinstance(name, ast.Name)}
