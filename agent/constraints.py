"""What a person forbids to a candidate's text: other signatures, new imports, third-party packages. Nothing is run.

A screen over what the text says; code that hides an import meets `codeopt.agent.powers`, which refuses new ways to do so.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable
from pathlib import Path

from codeopt.agent.rules.cppedit import parse, walk
from codeopt.agent.signatures import public_changed
from codeopt.agent.tasks.imports import find_module
from codeopt.agent.tasks.model import PROMISES, Task
from codeopt.config import is_library

_SAID = {
    "keep_signature": "Every public function, method and class of the file keeps its name and its parameters.",
    "no_new_imports": "Nothing may be imported or included that the file does not import or include.",
    "pure_python": "Only the standard library, the project's own modules, and what the file imports already may be imported.",
}
_BINDINGS = ("ctypes", "_ctypes", "cffi")  # ways to code of another language
_COMPUTED = ""


def breach(source: str, baseline: str, task: Task) -> str:
    """"" for a text that keeps to what the task asks of it (`PROMISES`), else the first breach in one line.

    A text that does not parse breaks nothing: whoever builds it will say so.
    """
    if not any(getattr(task, name) for name in PROMISES):
        return ""
    try:
        tree = ast.parse(source if task.language == "python" else "")
        if task.keep_signature and (reason := public_changed(source, baseline, task.language)):
            return reason
    except RecursionError:
        return "it is nested too deeply to be read"
    except (SyntaxError, ValueError):
        return ""
    if task.language != "python":
        new = includes_of(source).keys() - includes_of(baseline).keys()
        return f"it includes {min(new)}, which the original does not" if new and task.no_new_imports else ""
    if not (task.no_new_imports or task.pure_python):
        return ""
    before = {package for name in imports_of(ast.walk(ast.parse(baseline))) for package in _with_packages(name)}
    for name, line in imports_of(ast.walk(tree)).items():
        if name == "__future__":
            continue
        shown = f"it imports {name or 'a module whose name is computed'} (line {line})"
        if task.no_new_imports and name not in before:
            return f"{shown}, which the original does not"
        if task.pure_python and not _is_pure(name, before, task):
            return f"{shown}, which is neither plain standard library nor the project's own: do without it"
    return ""


_BACKWARD = {
    "python": (
        "What is checked and timed is forward and backward: every output has its gradients with respect to all floating-point inputs "
        "and all parameters. A kernel of your own has none until it is called in a torch.autograd.Function, whose backward needs "
        "kernels, too. The upstream gradient is any tensor of the output's shape and is not changed; parameters keep their names "
        "and shapes."
    ),
    "cpp": "What is checked and timed is forward and backward, as the Python file calls them in a torch.autograd.Function.",
}


def said(task: Task) -> str:
    """What the task asks of a candidate, in words for a model; "" where it asks nothing."""
    memory = f"Peak memory may be at most {task.memory_at_most}{' what it was' if task.memory_at_most.lower().endswith('x') else ''}."
    clean = "It has to be clean under -fsanitize=address,undefined."
    asked = [memory] if task.memory_at_most else []
    asked += [clean] if task.language == "cpp" and task.kind == "program" and task.sanitize else []
    asked += [_BACKWARD[task.language]] if task.backward else []
    return " ".join([*(text for name, text in _SAID.items() if getattr(task, name)), *asked])


def permitted(modules: frozenset[str], source: str, task: Task) -> frozenset[str]:
    """Those of some third-party modules that the task lets a candidate for `source` import."""
    if not (task.no_new_imports or task.pure_python):
        return modules
    return modules & {name.partition(".")[0] for name in imports_of(ast.walk(ast.parse(source)))}


def imports_of(nodes: Iterable[ast.AST]) -> dict[str, int]:
    """Modules that are imported anywhere in a tree, in functions and by `__import__` too -> line of the first time.

    Relative ones begin with dots; "" is one whose name is computed.
    """
    found: dict[str, int] = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            start = "." * node.level + (node.module or "")
            names = [start] if node.module else [start + alias.name for alias in node.names]
        elif isinstance(node, ast.Call) and _is_import(node.func):
            first = node.args[0] if node.args else None
            names = [str(first.value) if isinstance(first, ast.Constant) else _COMPUTED]
        else:
            continue
        for name in names:
            found[name] = min(node.lineno, found.get(name, node.lineno))
    return found


def _with_packages(name: str) -> list[str]:
    """A module and the packages that are imported before it."""
    parts = name.split(".")
    return [name] if name.startswith(".") else [".".join(parts[:end]) for end in range(1, len(parts) + 1)]


def _is_import(function: ast.expr) -> bool:
    name = function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""
    return name in ("__import__", "import_module")


def includes_of(source: str) -> dict[str, int]:
    """What a C++ or C text includes, under `#if` too -> line. A digraph (`%:include`) is an include as well."""
    src = parse(re.sub(r"^([ \t]*)%:", r"\1#", source, flags=re.MULTILINE))
    nodes = (node for node in walk(src.root) if node.type == "preproc_include")
    return {src.get(node, "path").strip('<>"'): node.start_point[0] + 1 for node in nodes}


def _is_pure(name: str, before: set[str], task: Task) -> bool:
    top = name.partition(".")[0]
    if name.startswith(".") or top in before:
        return True
    if top in _BINDINGS:
        return False
    return top in sys.stdlib_module_names or (bool(top) and is_own(name, task))


def is_own(name: str, task: Task) -> bool:
    """Whether a module is the project's own, by its files."""
    roots, parts = [Path(root) for root in task.roots], name.split(".")
    if not all(part.isidentifier() for part in parts):
        return False
    if roots and is_library(roots[0]):  # of an installed library only its own package
        return parts[0] == task.module.partition(".")[0]
    if any(True for _ in find_module(parts, roots)):
        return True
    # A package without __init__.py, or an extension.
    return any(any(root.glob(pattern)) for root in roots for pattern in (f"{'/'.join(parts)}/*.py", f"{parts[0]}.*.so"))
