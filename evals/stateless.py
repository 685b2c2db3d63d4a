"""Whether calls of a function could share something through its process, told from the text alone.

A short case is timed as a batch of calls in one process. Programs that keep a cache would do the work once a batch, so
only the plainest texts share a process. "Stateless" must be sure: plain imports of the libraries below (used as
`module.name` only, never a table or a module inside them), functions without decorators and with plain defaults,
constants, no store into an attribute, and no name or attribute that reaches the interpreter.
"""

from __future__ import annotations

import ast
import importlib
from types import BuiltinFunctionType, FunctionType

LIBRARIES = frozenset(["bisect", "collections", "copy", "datetime", "fractions", "heapq", "itertools", "math", "numbers", "re", "statistics", "string", "typing"])
REACHING = frozenset(
    ["globals", "vars", "locals", "setattr", "delattr", "getattr", "exec", "eval", "compile", "__import__", "open", "input", "breakpoint", "help"]
)
# They hand out objects by their names, or run text.
OPEN = frozenset(("Formatter", "get_field", "get_type_hints", "ForwardRef", "evaluate_forward_ref"))
FRAMES = ("_", "gi_", "cr_", "ag_", "f_", "tb_", "co_")
PLAIN = (ast.Constant, ast.Name, ast.Attribute, ast.UnaryOp)


def stateless(source: str) -> bool:
    """False where the text does not parse, defines no function, or could keep anything between calls."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    modules: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom) and not _import(node, modules):
            return False
    named = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return (
        any(isinstance(node, ast.FunctionDef) for node in tree.body)
        and all(map(_plain, tree.body))
        and not any(_keeps(node, modules, named) for node in ast.walk(tree))
    )


def _import(node: ast.Import | ast.ImportFrom, modules: dict[str, str]) -> bool:
    """Whether an import is a plain one; the names that it gives to modules are added to `modules`."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            if alias.name not in LIBRARIES:
                return False
            modules[alias.asname or alias.name] = alias.name
        return True
    if node.module == "__future__":
        return True
    return node.level == 0 and node.module in LIBRARIES and all(_harmless(node.module, alias.name) for alias in node.names)


def _harmless(module: str, name: str) -> bool:
    """Whether a library's name is a function, a class or a constant that holds nothing."""
    value = getattr(importlib.import_module(module), name, None)
    kinds = (FunctionType, BuiltinFunctionType, type, int, float, str)
    return name not in OPEN and (isinstance(value, kinds) or (module == "typing" and value is not None))


def _plain(node: ast.stmt) -> bool:
    if isinstance(node, ast.Assign):
        return isinstance(node.value, ast.Constant) and all(isinstance(target, ast.Name) for target in node.targets)
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    return isinstance(node, ast.FunctionDef | ast.Import | ast.ImportFrom)


def _keeps(node: ast.AST, modules: dict[str, str], named: set[int]) -> bool:
    if isinstance(node, ast.FunctionDef | ast.Lambda):
        arguments = node.args
        defaults = [default for default in (*arguments.defaults, *arguments.kw_defaults) if default is not None]
        return bool(getattr(node, "decorator_list", ())) or not all(isinstance(default, PLAIN) for default in defaults)
    if isinstance(node, ast.Attribute):
        if not isinstance(node.ctx, ast.Load) or node.attr.startswith(FRAMES) or node.attr in OPEN:
            return True
        module = modules.get(node.value.id) if isinstance(node.value, ast.Name) else None
        return module is not None and not _harmless(module, node.attr)
    if isinstance(node, ast.Name):
        if node.id in modules and (id(node) not in named or not isinstance(node.ctx, ast.Load)):
            return True
        return node.id in REACHING or node.id.startswith("__")
    return isinstance(node, ast.Global | ast.ClassDef | ast.AsyncFunctionDef | ast.Await)
