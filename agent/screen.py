"""Checks on a candidate that run nothing: does it parse, is the function still there, was it tried already."""

from __future__ import annotations

import ast
import hashlib
import re

from codeopt.agent.constraints import breach
from codeopt.agent.monitors import slips
from codeopt.agent.powers import new_power
from codeopt.agent.signatures import function_changed
from codeopt.agent.tasks.kernel import CANDIDATE, module_class
from codeopt.agent.tasks.model import Task
from codeopt.sandbox.interpreter import Interpreter

_CPP_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/|(\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*')", re.DOTALL)


def fingerprint(source: str, language: str, flags: tuple[str, ...] = ()) -> str:
    """Equal for sources that differ only in comments, layout and docstrings; SHA-256 in hex."""
    if language == "python":
        try:
            text = ast.dump(without_docstrings(ast.parse(source)))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            text = source
    else:
        text = " ".join(_CPP_COMMENT.sub(lambda match: match[1] or " ", source).split())
    return hashlib.sha256("\0".join((text, *flags)).encode("utf-8", "surrogatepass")).hexdigest()


def without_docstrings(tree: ast.Module) -> ast.Module:
    """`tree` itself, with its docstrings taken out."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                node.body = node.body[1:] or [ast.Pass()]
    return tree


def screen(source: str, baseline: str, task: Task, interpreter: Interpreter | None = None) -> str:
    """"" for a candidate that may be run, else why not, in one line.

    Args:
        interpreter: Under which Python runs; without one, what depends on it is not looked at.
    """
    if task.language != "python":
        refused = new_power(source, baseline, task.language) if source.strip() else "the file is empty"
        return refused or breach(source, baseline, task)
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return f"does not parse: {error}"
    reason = new_power(source, baseline, task.language)
    if reason:
        return reason
    if task.kind == "kernel" and not module_class(source):
        return f"it defines no class {CANDIDATE}"
    if task.kind == "function" and (reason := function_changed(tree, ast.parse(baseline), task.function)):
        return reason
    return breach(source, baseline, task) or (slips(source, baseline, task, interpreter) if interpreter is not None else "")
