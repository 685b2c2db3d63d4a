"""Which names in a Python program the libraries that it ran under have deprecated or dropped, by reading it alone."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any

from codeopt.datasets.deprecations import GROUPS, OLDEST, Group
from codeopt.imports import imported, parsed

_IMPORTS = re.compile(r"\bfrom[\s\\]+([\w.]+)[\s\\]+import\b|\bimport[\s\\]+([\w., \t\\]+)")
"""What may be an import, wherever it stands: comments and strings make it too many, never too few."""
_AS = re.compile(r"\.[\w.]+|\bas\s+\w+")


def deprecated(text: str, versions: Mapping[str, str]) -> tuple[str, ...]:
    """The deprecated and dropped names that a Python program uses, each with its story, sorted.

    Names are followed through the program's imports: `np.float_`, `from datetime import datetime; datetime.utcnow()`.

    Args:
        text: The program; one that does not parse as Python has none.
        versions: Library ("python", "numpy") -> the version it ran under. Of a library that is not here only those names
            count which no version in current use has any more.

    Returns:
        Like "numpy.trapz (deprecated in 2.0)", "numpy.product (removed in 2.0)".
    """
    names, methods = _table()
    found = set()
    used, _ = _facts(text)
    libraries = {name.split(".")[0] for name, _ in used}
    for name, attribute in used:
        parts = name.split(".")
        held = [names.get(".".join(parts[: at + 1])) for at in range(len(parts))]
        group = next((one for one in held if one is not None), None)
        if group is not None:
            found |= _told(".".join(parts[: held.index(group) + 1]), group, versions)
        elif attribute in methods and methods[attribute].library in libraries:
            found |= _told(f"{methods[attribute].library}: .{attribute}", methods[attribute], versions)
    return tuple(sorted(found))


def versions_of(text: str, machine: Mapping[str, Any], language: str = "python") -> dict[str, str]:
    """What a program ran under, as far as the fingerprint in its run's trace says.

    Args:
        text: The program.
        machine: `RunStarted.machine`: `libraries` (distribution -> version), `provides` (module -> distribution, where they
            differ), `interpreter` (version of the Python that ran it) and `compilers`.
        language: "python", else the compilers are told.

    Returns:
        "python" and the distributions that it imports, or the compilers, each with its version.
    """
    if language != "python":
        return {str(name): str(version) for name, version in _mapping(machine.get("compilers")).items()}
    found = {}
    if python := machine.get("interpreter") or machine.get("python"):
        found["python"] = str(python)
    libraries, provides = _mapping(machine.get("libraries")), _mapping(machine.get("provides"))
    for module in sorted(_facts(text)[1]):
        name = str(provides.get(module, module))
        if name in libraries:
            found[name] = str(libraries[name])
    return found


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


@lru_cache(maxsize=256)
def _facts(text: str) -> tuple[frozenset[tuple[str, str]], frozenset[str]]:
    """What a program uses (see `_used`), and the modules that it imports. A run asks for its first program again and again."""
    # Most programs import nothing, or nothing that matters here, and parsing is most of what a pair costs.
    if "import" not in text:
        return frozenset(), frozenset()
    words = {word for of, own in _IMPORTS.findall(text) for word in re.findall(r"\w+", of.split(".")[0] or _AS.sub("", own) or of)}
    tree = parsed(text) if any(word in _roots() or word not in sys.stdlib_module_names for word in words) else None
    if tree is None:
        return frozenset(), frozenset()
    return frozenset(_used(list(ast.walk(tree)))), frozenset(imported(tree))


def _used(nodes: Sequence[ast.AST]) -> Iterator[tuple[str, str]]:
    """(dotted name, "") of what is imported or reached through an import, ("", attribute) of other attributes."""
    bound: dict[str, str] = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, ""
                bound[alias.asname or alias.name.split(".")[0]] = alias.name if alias.asname else alias.name.split(".")[0]
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield name, ""
                bound[alias.asname or alias.name] = name
    for node in nodes:
        if isinstance(node, ast.Attribute):
            parts = [node.attr]
            inner = node.value
            while isinstance(inner, ast.Attribute):
                parts.append(inner.attr)
                inner = inner.value
            if isinstance(inner, ast.Name) and inner.id in bound:
                yield ".".join((bound[inner.id], *reversed(parts))), ""
            else:
                yield "", node.attr


@cache
def _roots() -> frozenset[str]:
    """Modules whose import can lead to a name of the table."""
    names, methods = _table()
    return frozenset(name.split(".")[0] for name in names) | {group.library for group in methods.values()}


@cache
def _table() -> tuple[dict[str, Group], dict[str, Group]]:
    """Names, and methods."""
    names = {name: group for group in GROUPS if group.kind == "name" for name in group.names.split()}
    methods = {name: group for group in GROUPS if group.kind == "method" for name in group.names.split()}
    return names, methods


def _told(name: str, group: Group, versions: Mapping[str, str]) -> set[str]:
    """The story of a name under these versions; none where it is not deprecated there."""
    version = versions.get(group.library, "")
    if group.removed and _number(version or OLDEST[group.library]) >= _number(group.removed):
        return {f"{name} (removed in {group.removed})"}
    if version and _number(version) >= _number(group.since):
        return {f"{name} (deprecated in {group.since})"}
    return set()


def _number(version: str) -> tuple[int, ...]:
    match = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(map(int, match[0].split("."))) if match else ()
