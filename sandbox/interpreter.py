"""The user's Python: which one it is, what is installed in it, and what a sandbox must show for it to start.

Everything is learnt by running that interpreter: it may be another version than ours, in another environment.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from codeopt.errors import UserError
from codeopt.sandbox.protocol import Mount
from codeopt.sandbox.system import covered_by_system

MINIMUM = (3, 9)
_NEVER = frozenset({"tests", "test", "testing", "cases", "docs", "doc", "build", "dist", "node_modules"})

_DESCRIBE = """
import _imp, importlib.machinery, json, os, pkgutil, site, sys, sysconfig
venv = sys.prefix != sys.base_prefix
user = site.getusersitepackages() if site.ENABLE_USER_SITE is not None else ""
packages = [p for p in dict.fromkeys(site.getsitepackages()) if os.path.isdir(p)]
config = os.path.join(sys.prefix, "pyvenv.cfg")
open_venv = venv and os.path.exists(config) and any(
    line.replace(" ", "").strip().lower() == "include-system-site-packages=true" for line in open(config))
if os.path.isdir(user) and (not venv or open_venv):
    site.addsitedir(user)
    packages.append(user)
editable = {}
for name, module in list(sys.modules.items()):
    if name.startswith("__editable__"):
        editable.update(getattr(module, "MAPPING", {}))
libraries = set()
try:
    import ctypes, ssl, sqlite3
except ImportError:
    pass
try:
    with open("/proc/self/maps") as maps:
        libraries = {line.split(None, 5)[5].strip() for line in maps if "/" in line}
except OSError:
    pass
modules = {m.name for m in pkgutil.iter_modules()} | set(sys.builtin_module_names)
frozen = filter(_imp.is_frozen, [*modules, *getattr(_imp, "_frozen_module_names", list)()])
print(json.dumps({
    "version": ".".join(map(str, sys.version_info[:3])), "info": sys.version_info[:2],
    "implementation": sys.implementation.name, "executable": sys.executable,
    "prefixes": [sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix],
    "stdlib": [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")],
    "packages": packages, "path": [p for p in sys.path if os.path.isdir(p)], "editable": editable,
    "libraries": sorted(p for p in libraries if p.startswith("/") and os.path.isfile(p)),
    "modules": sorted(modules), "inside": sorted({*sys.builtin_module_names, *frozen}),
    "suffixes": importlib.machinery.EXTENSION_SUFFIXES,
}))
"""
_VERSIONS = """
import importlib.metadata as m, json, sys
found = {}
for name in json.load(sys.stdin):
    try:
        found[name] = m.version(name)
    except m.PackageNotFoundError:
        pass
print(json.dumps(found))
"""
_LIBRARIES = """
import importlib.metadata as m, json, sys
def holds(name):
    try:
        record = "\\n" + (m.distribution(name).read_text("RECORD") or "")
    except m.PackageNotFoundError:
        return False
    return "\\n" + name + "/" in record or "\\n" + name + "." in record
names = json.load(sys.stdin)
found = {name: (name, m.version(name)) for name in names if holds(name)}
left = [name for name in names if name not in found]
# of every file of every distribution: some hundred milliseconds
table = m.packages_distributions() if left and hasattr(m, "packages_distributions") else {}
for name in left:
    for one in table.get(name, ())[:1]:
        found[name] = (one, m.version(one))
print(json.dumps(found))
"""
_AVAILABLE = """
import importlib.util as u, json, sys
found = []
for name in json.load(sys.stdin):
    try:
        if u.find_spec(name) is not None:
            found.append(name)
    except (ImportError, ValueError, AttributeError):
        pass
print("\\n" + json.dumps(found))
"""
_NAMES = """
import importlib, json, pkgutil, sys
found = {}
for name in json.load(sys.stdin):
    try:
        module = importlib.import_module(name)
    except ImportError:
        continue
    if not hasattr(module, "__getattr__"):
        found[name] = [*dir(module), *(m.name for m in pkgutil.iter_modules(getattr(module, "__path__", [])))]
print("\\n" + json.dumps(found))
"""
COMMON = (
    "builtins", "array", "bisect", "cmath", "collections", "copy", "dataclasses", "datetime", "decimal", "enum", "fractions",
    "functools", "hashlib", "heapq", "io", "itertools", "json", "math", "numbers", "operator", "os", "random", "re", "statistics",
    "string", "struct", "sys", "textwrap", "time", "types", "typing",
)  # fmt: skip
"""Modules of the standard library whose import does nothing that anybody would see."""


@dataclass(frozen=True)
class Interpreter:
    """A Python and what stands around it.

    Attributes:
        path: The executable as it was named: a virtual environment's is kept as such.
        version: "3.12.4".
        implementation: "cpython", "pypy".
        prefixes: The environment's prefix first, then the base's; no duplicates.
        site_packages: Where distributions are installed, user site included where it counts.
        mounts: What a sandbox must show, read-only and at the same paths, for it to start and import.
        modules: Top-level modules that can be imported.
        folders: Where it looks for modules, in this order; those of editable installs come last.
        inside: Modules that it holds itself, built in or frozen: it reads no file of theirs.
        suffixes: How the files of its extension modules end.
    """

    path: str
    version: str
    implementation: str
    prefixes: tuple[str, ...]
    site_packages: tuple[str, ...]
    mounts: tuple[Mount, ...] = field(repr=False)
    modules: frozenset[str] = field(repr=False)
    folders: tuple[str, ...] = field(repr=False)
    inside: frozenset[str] = field(repr=False)
    suffixes: tuple[str, ...] = field(repr=False)

    def versions(self, names: Iterable[str]) -> dict[str, str]:
        """The installed versions of these distributions; what is not installed is left out."""
        found: dict[str, str] = json.loads(_ask(self.path, _VERSIONS, json.dumps(sorted(set(names)))))
        return found

    def libraries(self, modules: Iterable[str]) -> dict[str, tuple[str, str]]:
        """Distribution and version of each of these top-level modules that one has installed here."""
        return dict(_libraries(self.path, frozenset(modules) & self.modules))

    def available(self, names: Iterable[str]) -> frozenset[str]:
        """Those of these modules (dotted or not) that can be found; asks the interpreter once for all new ones.

        A dotted name imports its parent packages in that interpreter.
        """
        wanted = frozenset(names)
        plain = {name for name in wanted if "." not in name}
        found = plain & self.modules
        unknown = wanted - found
        if not unknown:
            return frozenset(found)
        return frozenset(found) | _available(self.path, frozenset(unknown))

    def names(self) -> Mapping[str, frozenset[str]]:
        """The names in each module of `COMMON` (and its submodules), asked once; those that make names on demand are left out."""
        return _names(self.path)

    def has(self, module: str) -> bool:
        """Whether the module can be found."""
        return module in self.available((module,))


def _ask(path: str, program: str, text: str = "") -> str:
    """What the program prints under the interpreter, isolated from our environment and folder."""
    try:
        done = subprocess.run(
            [path, "-I", "-c", program], input=text, capture_output=True, text=True, timeout=60, cwd="/"
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UserError(f"{path} does not run: {error}", "name a Python with --python") from error
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        raise UserError(f"{path} is not a working Python: {said}", "name a Python 3.9 or newer with --python")
    return done.stdout


@cache
def _available(path: str, names: frozenset[str]) -> frozenset[str]:
    # a package may print when it is imported: the answer is the last line
    return frozenset(json.loads(_ask(path, _AVAILABLE, json.dumps(sorted(names))).strip().splitlines()[-1]))


@cache
def _libraries(path: str, modules: frozenset[str]) -> Mapping[str, tuple[str, str]]:
    if not modules:
        return {}
    found = json.loads(_ask(path, _LIBRARIES, json.dumps(sorted(modules))))
    return {module: (name, version) for module, (name, version) in found.items()}


@cache
def _names(path: str) -> Mapping[str, frozenset[str]]:
    answer = json.loads(_ask(path, _NAMES, json.dumps(COMMON)).strip().splitlines()[-1])
    return {module: frozenset(names) for module, names in answer.items()}


def find_interpreter(python: str | None = None) -> Interpreter:
    """The interpreter for the user's code: the named one, else the active virtual environment's, else ours.

    Raises:
        UserError: It is missing, is no Python, or is older than 3.9.
    """
    if python is None:
        active = os.environ.get("VIRTUAL_ENV")
        if active and Path(active, "bin", "python").exists():
            python = str(Path(active, "bin", "python"))
        else:
            python = sys.executable
    elif os.sep not in python:
        found = shutil.which(python)
        if found is None:
            raise UserError(f"there is no {python} on the PATH", "give --python the path of an interpreter")
        python = found
    path = os.path.abspath(os.path.expanduser(python))
    if os.path.isdir(path) and os.path.exists(os.path.join(path, "bin", "python")):
        path = os.path.join(path, "bin", "python")
    if not os.path.isfile(path):
        raise UserError(f"there is no interpreter {path}", "give --python the path of an interpreter")
    return _describe(path)


@cache
def _describe(path: str) -> Interpreter:
    try:
        facts: dict[str, Any] = json.loads(_ask(path, _DESCRIBE))
        info = tuple(facts["info"])
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is not a Python", "give --python the path of an interpreter") from error
    if info < MINIMUM:
        raise UserError(
            f"{path} is Python {facts['version']}, older than {MINIMUM[0]}.{MINIMUM[1]}",
            "name a newer one: --python",
        )
    # a shim (pyenv) runs the real one only with its own shell and settings around it
    with open(path, "rb") as file:
        if file.read(2) == b"#!":
            path = facts["executable"]
    return Interpreter(
        path=path,
        version=facts["version"],
        implementation=facts["implementation"],
        prefixes=tuple(dict.fromkeys(facts["prefixes"])),
        site_packages=tuple(facts["packages"]),
        mounts=_outermost(_needed(path, facts)),
        modules=frozenset(facts["modules"]),
        folders=tuple(dict.fromkeys((*facts["path"], *map(os.path.dirname, facts["editable"].values())))),
        inside=frozenset(facts["inside"]),
        suffixes=tuple(facts["suffixes"]),
    )


def interpreter_mounts(python: str) -> tuple[Mount, ...]:
    """What a sandbox must show, read-only, for this interpreter to start and find its packages."""
    return find_interpreter(python).mounts


def _needed(path: str, facts: dict[str, Any]) -> Iterator[Mount]:
    """Everything, with repeats; what the system shows anyway is left out by `_outermost`."""
    home = Path.home()
    for prefix in facts["prefixes"]:
        for place in dict.fromkeys((prefix, os.path.realpath(prefix))):
            # a prefix that is a home directory or above one would show everything the user has
            if place == "/" or home == Path(place) or Path(place) in home.parents:
                continue
            yield Mount(Path(place), place)
    for folder in (*facts["stdlib"], *facts["packages"]):
        if os.path.isdir(folder):
            yield Mount(Path(folder), folder)
    hop = path
    while True:
        yield Mount(Path(os.path.realpath(hop)), hop)
        if not os.path.islink(hop):
            break
        hop = os.path.normpath(os.path.join(os.path.dirname(hop), os.readlink(hop)))
    for library in facts["libraries"]:
        if library.startswith("/nix/store/"):
            yield Mount(Path("/nix/store"), "/nix/store")
        elif not library.startswith("/etc/"):
            yield Mount(Path(library), library)
    known = {*facts["packages"], *facts["stdlib"]}
    for root in facts["path"]:
        inside_prefix = any(root.startswith(prefix.rstrip("/") + "/") for prefix in facts["prefixes"])
        if root not in known and not inside_prefix:
            yield from _importable(Path(root))
    for target in facts["editable"].values():
        place = Path(target if os.path.exists(target) else f"{target}.py")
        if place.exists():
            yield Mount(place.resolve(), str(place))


def _importable(root: Path) -> Iterator[Mount]:
    """The modules and packages in an editable project's folder: not its tests, data or dotfiles."""
    for child in sorted(root.iterdir()):
        name = child.stem
        if not name.isidentifier() or name in _NEVER or name == "conftest" or name.startswith("test_"):
            continue
        if (child.is_file() and child.suffix in (".py", ".so")) or (child.is_dir() and not child.suffix):
            yield Mount(child.resolve(), str(child))


def _outermost(mounts: Iterable[Mount]) -> tuple[Mount, ...]:
    """Without what the system shows anyway and what lies within another mount at the same place."""
    kept: list[Mount] = []
    for mount in sorted(set(mounts), key=lambda mount: (mount.inside.count("/"), mount.inside)):
        if covered_by_system(mount.inside):
            continue
        if any(mount.inside == other.inside or mount.inside.startswith(other.inside + "/") for other in kept):
            continue
        kept.append(mount)
    return tuple(kept)
