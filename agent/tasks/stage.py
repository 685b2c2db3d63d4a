"""A copy of what a run of the program may see of its project: importable sources, never tests, cases or secrets.

The copy is mounted read-only in place of the project, and a candidate is laid over its one file. Nothing else of the
project exists for the candidate: what is not copied cannot be read, and what is copied is not the user's own file.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from codeopt.agent.tasks.imports import imported_files, named_files
from codeopt.agent.tasks.model import Task
from codeopt.config import is_library, is_project

MAX_FILE_MB = 64
MAX_TOTAL_MB = 512
MAX_FILES = 20_000
ELSEWHERE = "/codeopt/project"
_NOT_SOURCES = {"__pycache__", "node_modules", "site-packages", "dist-packages", "lib64", "CVS"}
_NOT_UNLESS_PACKAGE = {"build", "dist", "out", "target", "venv", "env", "wheels"}
_TESTS = {"tests", "test"}
_TEST_FILE = re.compile(r"(test_.*|.*_test|conftest)\.py$")
_CODE = {".py", ".pyi", ".so", ".h", ".hpp", ".hh", ".hxx", ".inl"}
_INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"\n]+)"', re.MULTILINE)


@dataclass(frozen=True)
class Stage:
    """A staged project.

    Attributes:
        root_host: Folder with the copy.
        root_inside: Where it is to be seen: the project's own path, or another where that one is taken.
        root_origin: The folder that was copied.
        files: Number of files in the copy.
        skipped: What was left out although it could be needed, each with the reason, for the report.
    """

    root_host: Path
    root_inside: str
    root_origin: Path
    files: int
    skipped: tuple[str, ...] = ()

    def host(self, path: str | Path) -> Path:
        """Where the copy of a project's file lies."""
        return self.root_host / Path(path).relative_to(self.root_origin)

    def inside(self, path: str | Path) -> str:
        """The path under which a project's file or folder is seen by the program."""
        return str(Path(self.root_inside) / Path(path).relative_to(self.root_origin))


def stage(task: Task, destination: Path) -> Stage:
    """Copy what `task` may see of its project into `destination`, which is made if need be.

    Everything in the copy can be read by any user: a sandbox runs as another one.

    Raises:
        OSError: The disk is full, or a file cannot be read.
    """
    if task.language == "cpp":
        origin, wanted, notes = _cpp(task)
    else:
        origin, wanted, notes = _python(task)
    destination.mkdir(parents=True, exist_ok=True)
    copy = _Copy(origin, destination, notes)
    for path in wanted:
        copy.add(path)
    for folder in (destination, *(path for path in destination.rglob("*") if path.is_dir())):
        folder.chmod(0o755)
    inside = ELSEWHERE if _taken(origin) else str(origin)
    return Stage(destination, inside, origin, copy.files, tuple(copy.skipped))


@dataclass
class _Copy:
    """The copy under way: what it has, and what it had to leave."""

    origin: Path
    destination: Path
    skipped: list[str]
    files: int = 0
    size: int = 0
    done: set[Path] = field(default_factory=set)

    def add(self, path: Path) -> None:
        if path in self.done:
            return
        self.done.add(path)
        size = path.stat().st_size
        if size > MAX_FILE_MB << 20:
            self.skipped.append(f"{path.relative_to(self.origin)}: over {MAX_FILE_MB} MB")
        elif self.files >= MAX_FILES or self.size + size > MAX_TOTAL_MB << 20:
            if not self.skipped or not self.skipped[-1].startswith("the rest"):
                self.skipped.append(f"the rest, from {path.relative_to(self.origin)} on: over the size limit")
        else:
            target = self.destination / path.relative_to(self.origin)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            target.chmod(0o644)
            self.files += 1
            self.size += size


def _python(task: Task) -> tuple[Path, list[Path], list[str]]:
    """The folder to copy from, the files in the order of their importance, and notes on what was refused."""
    origin = Path(task.project)
    file = Path(task.file) if task.file else None
    roots = [Path(root) for root in task.roots]
    library = bool(roots) and is_library(roots[0])
    guard = _Guard(origin, frozenset(_private(task)), with_tests=library)
    wanted: list[Path] = []
    trees: list[Path] = []
    if file is not None:
        wanted.append(file)
        top = _top_level(file, roots[0])
        if top != file:
            trees.append(top)
            # Shared libraries that a wheel brings along; its extensions look for them beside the package.
            bundled = top.with_name(f"{top.name}.libs")
            if library and bundled.is_dir():
                trees.append(bundled)
        if not library:
            modules, packages = imported_files(file, roots)
            wanted += [path for path in modules if guard.allows(path)]
            trees += packages
            wanted += [
                path for module in [file, *modules] for path in named_files(module) if guard.allows(path)
            ]
    if not library and is_project(origin):
        trees += _project_trees(origin, roots)
    every = [path for tree in dict.fromkeys(trees) for path in _files(tree, guard)]
    wanted += sorted(every, key=lambda path: path.suffix not in _CODE)
    return origin, wanted, guard.notes


def _cpp(task: Task) -> tuple[Path, list[Path], list[str]]:
    """The file and the headers that it includes by quotes, through their own includes."""
    file = Path(task.file)
    folders = [file.parent / path for path in _include_folders(task.flags)]
    found = [file]
    for path in found:
        for name in _INCLUDE.findall(path.read_text(encoding="utf-8", errors="replace")):
            for folder in (path.parent, *folders):
                header = Path(os.path.normpath(folder / name))
                if not Path(name).is_absolute() and header.is_file():
                    if header not in found:
                        found.append(header)
                    break
    origin = Path(os.path.commonpath([path.parent for path in found]))
    return origin, found, []


def _include_folders(flags: tuple[str, ...]) -> Iterator[str]:
    for position, flag in enumerate(flags):
        if flag in ("-I", "-iquote") and position + 1 < len(flags):
            yield flags[position + 1]
        elif flag.startswith("-I"):
            yield flag[2:]


def _private(task: Task) -> Iterator[Path]:
    """What the candidate must not see, wherever it lies: it holds answers, or is how inputs are made."""
    for value in (*task.tests, task.cases, task.stdin, task.inputs.rpartition(":")[0], task.oracle.rpartition(":")[0], task.relations):
        if value:
            yield Path(value)


def _top_level(file: Path, root: Path) -> Path:
    """The package folder directly below `root` that holds `file`; the file itself where it is a plain module."""
    parts = file.relative_to(root).parts
    return file if len(parts) == 1 else root / parts[0]


def _project_trees(project: Path, roots: list[Path]) -> Iterator[Path]:
    """Everything importable of a project: its packages, its top-level modules, and all of a src folder."""
    source = project / "src"
    for root in (source, project):
        if root not in roots or not root.is_dir():
            continue
        for path in sorted(root.iterdir()):
            package = path.is_dir() and (root == source or (path / "__init__.py").exists())
            module = path.suffix == ".py" and path.name not in ("setup.py", "noxfile.py", "conftest.py")
            if package or module:
                yield path


@dataclass
class _Guard:
    """What is part of a copy and what never is."""

    project: Path
    private: frozenset[Path]
    with_tests: bool
    notes: list[str] = field(default_factory=list)

    def allows(self, path: Path) -> bool:
        """Whether a file or folder may be copied; judged by its own name, not by those above it."""
        name = path.name
        if name.startswith(".") or name in _NOT_SOURCES or not self.private.isdisjoint([path, *path.parents]):
            return False
        if path.is_symlink() and not path.resolve().is_relative_to(self.project.resolve()):
            self.notes.append(f"{path.relative_to(self.project)}: a link out of the project")
            return False
        if path.is_dir():
            if name in _TESTS and not self.with_tests:
                return False
            plain = name in _NOT_UNLESS_PACKAGE and not (path / "__init__.py").exists()
            return not (plain or name.endswith((".egg-info", ".dist-info")) or (path / "pyvenv.cfg").exists())
        if name.endswith((".pyc", ".pyo", ".patch", ".orig")) or not path.is_file():
            return False
        return self.with_tests or not _TEST_FILE.fullmatch(name)


def _files(tree: Path, guard: _Guard, above: frozenset[Path] = frozenset()) -> Iterator[Path]:
    """The files of a tree that may be copied; links that lead back up are not followed."""
    if not guard.allows(tree):
        return
    if not tree.is_dir():
        yield tree
        return
    real = tree.resolve()
    if real in above:
        return
    for path in sorted(tree.iterdir()):
        yield from _files(path, guard, above | {real})


def _taken(origin: Path) -> bool:
    """Whether the path is one that the sandbox itself fills, so that the copy has to be seen elsewhere."""
    system = ("/usr", "/lib", "/lib64", "/bin", "/sbin", "/etc", "/proc", "/sys", "/dev", "/opt/codeopt")
    if str(origin) in ("/", "/tmp", "/home", "/opt", "/var", "/run") or origin == Path.home():
        return True
    return is_library(origin) or any(origin.is_relative_to(path) for path in system)
