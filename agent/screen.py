"""Checks on a candidate that run nothing: does it parse, is the function still there, was it tried already."""

from __future__ import annotations

import ast
import hashlib
import re

from codeopt.agent.powers import new_power
from codeopt.agent.tasks.kernel import CANDIDATE, module_class
from codeopt.agent.tasks.model import Task

_CPP_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/|(\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*')", re.DOTALL)


def fingerprint(source: str, language: str, flags: tuple[str, ...] = ()) -> str:
    """Equal for sources that differ only in comments, layout and docstrings; SHA-256 in hex."""
    if language == "python":
        try:
            text = ast.dump(_without_docstrings(ast.parse(source)))
        except SyntaxError:
            text = source
    else:
        text = " ".join(_CPP_COMMENT.sub(lambda match: match[1] or " ", source).split())
    return hashlib.sha256("\0".join((text, *flags)).encode("utf-8", "surrogatepass")).hexdigest()


def _without_docstrings(tree: ast.Module) -> ast.Module:
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


def screen(source: str, baseline: str, task: Task) -> str:
    """"" for a candidate that may be run, else why not, in one line."""
    if task.language != "python":
        return new_power(source, baseline, task.language) if source.strip() else "the file is empty"
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError) as error:
        return f"does not parse: {error}"
    reason = new_power(source, baseline, task.language)
    if reason:
        return reason
    if task.kind == "kernel":
        return "" if module_class(source) else f"it defines no class {CANDIDATE}"
    if task.kind != "function":
        return ""
    new = _find(tree, task.function)
    old = _find(ast.parse(baseline), task.function)
    if new is None:
        return f"{task.function} is gone"
    if old is not None and isinstance(old, ast.FunctionDef) and isinstance(new, ast.FunctionDef):
        before, after = ast.dump(_names(old.args)), ast.dump(_names(new.args))
        if before != after:
            return f"the signature of {task.function} changed"
    return ""


def _names(arguments: ast.arguments) -> ast.arguments:
    """The arguments without their annotations, which do not change a call."""
    for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
        argument.annotation = None
    for extra in (arguments.vararg, arguments.kwarg):
        if extra is not None:
            extra.annotation = None
    return arguments


def _find(tree: ast.Module, qualified: str) -> ast.stmt | None:
    """The statement that binds a qualified name last: a def, a class member, or an assignment."""
    scope: list[ast.stmt] = tree.body
    found: ast.stmt | None = None
    for part in qualified.split("."):
        found = None
        for node in _flat(scope):
            if (isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.name == part) or (isinstance(node, ast.Assign) and any(
                isinstance(target, ast.Name) and target.id == part for target in node.targets
            )):
                found = node
        if found is None:
            return None
        scope = found.body if isinstance(found, ast.ClassDef) else []
    return found


def _flat(body: list[ast.stmt]) -> list[ast.stmt]:
    """The statements of a scope, those under if, try and with included."""
    out: list[ast.stmt] = []
    for node in body:
        out.append(node)
        if isinstance(node, ast.If | ast.Try | ast.With):
            for part in ("body", "orelse", "finalbody"):
                out += _flat(getattr(node, part, []))
            for handler in getattr(node, "handlers", []):
                out += _flat(handler.body)
    return out
