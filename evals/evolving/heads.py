"""What a program's own docstring says is wanted of it."""

from __future__ import annotations

import ast
from pathlib import Path

from codeopt import config
from codeopt.agent.tasks.detect import PYTHON


def head_of(file: Path) -> str:
    """The head of a task's function with its docstring, without its body; "" where there is no such Python function."""
    function = config.load(file).function
    if file.suffix.lower() not in PYTHON or not function:
        return ""
    try:
        tree = ast.parse(file.read_text("utf-8", "replace"))
    except (SyntaxError, ValueError, RecursionError):
        return ""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == function and ast.get_docstring(node) is not None:
            node.body = node.body[:1]
            return ast.unparse(node) + "\n"
    return ""
