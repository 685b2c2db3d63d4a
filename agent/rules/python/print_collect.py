"""Many `print` calls -> lines collected and written in large pieces, in order, also when the program ends early."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyedit import Edits
from codeopt.agent.rules.pynumeric import const, name_of, shadowed

SUMMARY = "print() in loops -> pieces collected in a list and written at the end (and at every exit)"
EXPECTS = "6x measured on 1e5 prints of a number to a pipe"
SOURCE = "CPython's print does two or more writes a call; common in PIE's human pairs"

_SHIM = '''\
_pieces = []


def print(*values, sep=" ", end="\\n"):
    """The built-in for standard output: pieces are collected and written in large chunks."""
    if len(values) == 1:
        _pieces.append(f"{values[0]!s}{end}")
    else:
        _pieces.append(sep.join(map(str, values)) + end)
    if len(_pieces) >= 8192:
        _write_pieces()


def _write_pieces():
    """Write what print has collected."""
    text = "".join(_pieces)
    _pieces.clear()
    sys.stdout.write(text)


atexit.register(_write_pieces)

'''
_OTHER_OUTPUT = {"stdout", "stderr", "_exit", "fork", "system", "Popen", "run", "call", "Thread", "Process", "breakpoint"}


def apply(code: Code) -> Iterator[Rewrite]:
    calls = [n for n in ast.walk(code.tree) if isinstance(n, ast.Call) and name_of(n.func) == "print"]
    loops = [n for n in ast.walk(code.tree) if isinstance(n, ast.For | ast.While)]
    functions = [n for n in ast.walk(code.tree) if isinstance(n, ast.FunctionDef)]
    hot = [c for c in calls if any(any(n is c for n in ast.walk(p)) for p in [*loops, *functions])]
    runs = any(isinstance(s, ast.Expr | ast.If | ast.For | ast.While | ast.With | ast.Try) for s in code.tree.body[1:])
    runs = runs or any(isinstance(s, ast.For | ast.While) for s in code.tree.body)
    if code.function or not runs or not hot or "print" in shadowed(code.tree):
        return
    if any(k.arg not in ("sep", "end") or const(k.value, None) for c in calls for k in c.keywords):
        return
    for node in ast.walk(code.tree):
        if isinstance(node, ast.Attribute) and node.attr in _OTHER_OUTPUT:
            return
        if isinstance(node, ast.Call) and name_of(node.func) == "input" and node.args:
            return
        if isinstance(node, ast.Name) and node.id == "print" and not any(c.func is node for c in calls):
            return
    home = next((s for s in code.tree.body if not isinstance(s, ast.Import | ast.ImportFrom | ast.Expr)), None)
    first = next(s for s in code.tree.body if any(n is c for n in ast.walk(s) for c in calls))
    home = home if home is not None and home.lineno <= first.lineno else first
    edits = Edits(code.text)
    edits.before(home, _SHIM)
    edits.add_import("import atexit")
    edits.add_import("import sys")
    yield Rewrite(edits.text(), "print -> collected pieces", hot[0].lineno)
