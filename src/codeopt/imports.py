"""The modules that a Python program imports."""

from __future__ import annotations

import ast
import sys
import warnings


def parsed(text: str) -> ast.Module | None:
    """The tree of a program, with no warning about it; None where it does not parse."""
    try:
        with warnings.catch_warnings(action="ignore"):
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def imported(tree: ast.AST) -> set[str]:
    """Top-level modules that a program imports, the standard library's and relative ones left out."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            found.add(node.module.split(".")[0])
    return {name for name in found if name not in sys.stdlib_module_names}
