"""What will certainly fail once it runs, seen in the text: names bound nowhere, modules and attributes that do not exist.

A model repairs such a slip from one line, and no sandbox has to be started to see it. Only what is certain counts: what
the original does as well, or guards (`except NameError`, `hasattr`, `sys.version_info`), is left to the sandbox.
"""

from __future__ import annotations

import ast
import re
import symtable
import sys
from collections.abc import Iterator
from difflib import get_close_matches
from functools import cached_property, lru_cache

from codeopt.agent.constraints import imports_of, is_own
from codeopt.agent.tasks.model import Task
from codeopt.sandbox.interpreter import COMMON, Interpreter

MOST = 4  # slips that are told
# Where one of these is used, a name may be bound in a way that no syntax shows.
_TRICKS = {"exec", "eval", "globals", "locals", "vars", "builtins", "__builtins__", "__dict__", "modules", "global_enum", "*"}
_VERSIONS = {"version_info", "hexversion", "python_version", "python_version_tuple", "platform"}
_SOMETIMES = re.compile(r"last_\w+|ps[12]|tracebacklimit|frozen|gettotalrefcount|__\w+__")  # attributes
_SHORT = {"np": "numpy", "pd": "pandas"}
_LAZY_ANNOTATIONS = (3, 14)  # from which on they are evaluated only when somebody asks (PEP 649)
_Slip = tuple[int, str]  # line, what is wrong


def slips(source: str, baseline: str, task: Task, interpreter: Interpreter) -> str:
    """"" or what cannot work in `source` and is not in `baseline`, in one line. Both are Python that parses."""
    new, old = _read(source), _read(baseline)
    found = list(_modules(new, old, task, interpreter))
    if not new.words & _VERSIONS:
        found += _attributes(new, old, task, interpreter)
        if not new.words & _TRICKS:
            found += _names(new, old, interpreter)
    return "; ".join(text for _, text in sorted(set(found))[:MOST])


@lru_cache(maxsize=4)
def _read(source: str) -> _Text:
    return _Text(source)


class _Text:
    """A Python text and what is found out about it."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.body = (tree := ast.parse(source)).body
        self.nodes = list(ast.walk(tree))

    @cached_property
    def words(self) -> set[str]:
        """Every name, attribute and imported name."""
        return {word for node in self.nodes for word in _words(node)}

    @cached_property
    def packages(self) -> set[str]:
        """Top-level names of what is imported anywhere."""
        return {name.partition(".")[0] for name in imports_of(self.nodes)}

    @cached_property
    def unbound(self) -> set[str]:
        """Names that some scope reads as global ones and that the module binds nowhere."""
        try:
            top = symtable.symtable(self.source, "candidate", "exec")
        except (SyntaxError, ValueError, RecursionError):  # the interpreter will say so
            return set()
        bound, read, waiting = set(), set(), [top]
        while waiting:
            table = waiting.pop()
            waiting += table.get_children()
            for symbol in table.get_symbols():
                binds = symbol.is_assigned() or symbol.is_imported() or symbol.is_annotated() or symbol.is_parameter()
                outside = table is top or symbol.is_declared_global()
                if binds and outside:
                    bound.add(symbol.get_name())
                # Python calls everything global in a function named "top"; what is bound there is not.
                elif symbol.is_referenced() and (outside or (symbol.is_global() and not binds)):
                    read.add(symbol.get_name())
        return read - bound

    def guarded(self, *errors: str) -> set[ast.AST]:
        """Nodes below a `try` that catches one of these errors, or a `with` that names one (contextlib.suppress)."""
        caught = {*errors, "Exception", "BaseException"}
        found: set[ast.AST] = set()
        for node in self.nodes:
            if isinstance(node, ast.Try | ast.TryStar):
                kinds: list[ast.AST | None] = [handler.type for handler in node.handlers]
            elif isinstance(node, ast.With):
                kinds = [item.context_expr for item in node.items]
            else:
                continue
            if any(kind is None or any(word in caught for part in ast.walk(kind) for word in _words(part)) for kind in kinds):
                found.update(part for statement in node.body for part in ast.walk(statement))
        return found

    @cached_property
    def flagged(self) -> set[ast.AST]:
        """Nodes on either side of a bare flag: `if TYPE_CHECKING`, `if not HAS_FAST`."""
        found: set[ast.AST] = set()
        for node in self.nodes:
            if isinstance(node, ast.If):
                test = node.test.operand if isinstance(node.test, ast.UnaryOp) else node.test
                if isinstance(test, ast.Name | ast.Attribute) and next(_words(test)).isupper():
                    found.update(part for statement in (*node.body, *node.orelse) for part in ast.walk(statement))
        return found

    @cached_property
    def used(self) -> dict[tuple[str, str], int]:
        """(module, name) that are read of the modules in `COMMON`, unguarded -> first line."""
        safe = self.guarded("AttributeError", "ImportError") | self.flagged
        modules: dict[str, str] = {}  # name -> the module that it means, "" where that is not certain
        read: list[tuple[int, str, str]] = []
        stored: set[str] = set()

        def bind(name: str, module: str = "") -> None:
            modules[name] = module if modules.get(name, module) == module else ""

        for node in self.nodes:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    top = alias.name.partition(".")[0]
                    bind(alias.asname or top, top if top in COMMON and (alias.name == top or not alias.asname) else "")
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    bind(alias.asname or alias.name)
                    if node.module in COMMON and not node.level and node not in safe and alias.name != "*":
                        read.append((node.lineno, node.module, alias.name))
            elif isinstance(node, ast.Attribute):
                if not isinstance(node.ctx, ast.Load):
                    stored.add(node.attr)
            elif isinstance(node, ast.Name):
                if not isinstance(node.ctx, ast.Load):
                    bind(node.id)
            elif not isinstance(node, ast.alias):
                # Parameters; definitions, `except … as name`, patterns; the rest of a mapping pattern.
                for bound in (getattr(node, "arg", None), getattr(node, "name", None), getattr(node, "rest", None)):
                    if isinstance(bound, str):
                        bind(bound)
        for node in self.nodes:
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.attr not in stored and node not in safe:
                module = modules.get(node.value.id)
                read += [(node.lineno, module, node.attr)] if module else []
        return {(module, name): line for line, module, name in sorted(read, reverse=True)}


def _words(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Attribute):
        yield node.attr
    elif isinstance(node, ast.alias):
        yield node.name


# --- modules ----------------------------------------------------------------------------------------------


def _modules(new: _Text, old: _Text, task: Task, interpreter: Interpreter) -> Iterator[_Slip]:
    """Top-level imports of what is not there. In a function, or under a condition, one may never be reached."""
    wanted: dict[str, int] = {}
    guarded = new.guarded("ImportError", "ModuleNotFoundError")
    for statement in new.body:
        for node in statement.body if isinstance(statement, ast.Try) else [statement]:
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            for top in (name.partition(".")[0] for name in names if node not in guarded):
                wanted.setdefault(top, node.lineno)
    unknown = wanted.keys() - old.packages - {"__main__"}
    for top in unknown - interpreter.available(unknown):
        if not is_own(top, task):
            yield wanted[top], f"there is no module {top} (line {wanted[top]}) in the Python that runs this: do without it"


# --- attributes -------------------------------------------------------------------------------------------


def _attributes(new: _Text, old: _Text, task: Task, interpreter: Interpreter) -> Iterator[_Slip]:
    """`module.name` and `from module import name` where a common module of the standard library has no such name."""
    asked = [pair for pair in new.used if pair not in old.used and not _SOMETIMES.fullmatch(pair[1]) and not is_own(pair[0], task)]
    if not asked:
        return
    # hasattr(module, "name") and its like say the name as a text.
    said = {node.value for node in new.nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    for module, name in asked:
        names = interpreter.names().get(module)
        if names is not None and name not in names and name not in said:
            line = new.used[module, name]
            near = get_close_matches(name, [known for known in names if not known.startswith("_")], n=1)
            yield line, f"module {module} has no {name!r} (line {line})" + "".join(f": did you mean {word}?" for word in near)


# --- names ------------------------------------------------------------------------------------------------


def _names(new: _Text, old: _Text, interpreter: Interpreter) -> Iterator[_Slip]:
    unbound = {name for name in new.unbound - old.unbound if not _SOMETIMES.fullmatch(name)}
    unbound -= interpreter.names()["builtins"] if unbound else set()
    if not unbound:
        return
    skipped = new.guarded("NameError", "UnboundLocalError") | new.flagged | _not_evaluated(new, interpreter)
    seen: dict[str, int] = {}
    for node in new.nodes:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in unbound and node not in skipped:
            seen[node.id] = min(node.lineno, seen.get(node.id, node.lineno))
    as_module = {node.value.id for node in new.nodes if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)}
    for name, line in seen.items():
        yield line, f"name {name!r} is not defined (line {line}): {_advice(name, name in as_module, interpreter)}"


def _not_evaluated(text: _Text, interpreter: Interpreter) -> set[ast.AST]:
    """Annotations that nobody evaluates."""
    future = any(isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in text.body)
    lazy = future or tuple(map(int, interpreter.version.split(".")[:2])) >= _LAZY_ANNOTATIONS
    roots: list[ast.AST | None] = []
    for node in text.nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            roots += [part.annotation for part in ast.walk(node) if isinstance(part, ast.AnnAssign)]
            roots += [node.returns] if lazy else []
        elif isinstance(node, ast.arg | ast.AnnAssign):
            roots += [node.annotation] if lazy else []
    return {part for root in roots if root is not None for part in ast.walk(root)}


def _advice(name: str, as_module: bool, interpreter: Interpreter) -> str:
    module = _SHORT.get(name, name)
    if module in sys.stdlib_module_names and (as_module or module not in COMMON):
        return f"import {module}"
    if name in _SHORT and interpreter.has(module):
        return f"import {module} as {name}"
    home = next((home for home in COMMON if name in interpreter.names().get(home, ())), "")
    return f"from {home} import {name}" if home else "define it, or import it"
