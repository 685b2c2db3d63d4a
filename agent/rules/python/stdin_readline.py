"""`input()` in a loop -> `sys.stdin.readline`, or the whole input read at once."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyedit import Edits
from codeopt.agent.rules.pynumeric import name_of, shadowed

SUMMARY = "input() in loops -> a shim over sys.stdin.readline, or over all lines read at once"
EXPECTS = "3.7x measured on reading 1e5 lines, 5x with all lines read at once"
SOURCE = "CPython's input() flushes stdout and goes through two layers for each line; common in PIE's human pairs"

_READLINE = '''\
def input(_readline=sys.stdin.readline):
    """The built-in, over sys.stdin.readline: a line without its end, EOFError where there is none."""
    line = _readline()
    if not line:
        raise EOFError("EOF when reading a line")
    return line[:-1] if line[-1] == "\\n" else line

'''
_WHOLE = '''\
def _read_lines():
    """Lines of standard input without their ends, all read when the first is asked for."""
    lines = sys.stdin.read().split("\\n")
    if not lines[-1]:
        lines.pop()
    yield from lines
    raise EOFError("EOF when reading a line")


input = _read_lines().__next__

'''


def apply(code: Code) -> Iterator[Rewrite]:
    calls = [n for n in ast.walk(code.tree) if isinstance(n, ast.Call) and name_of(n.func) == "input"]
    if not calls or "input" in shadowed(code.tree) or any(c.args or c.keywords for c in calls):
        return
    repeated = any(
        isinstance(loop, ast.For | ast.While | ast.ListComp | ast.GeneratorExp) and any(n is c for n in ast.walk(loop) for c in calls)
        for loop in ast.walk(code.tree)
    )
    in_function = any(isinstance(f, ast.FunctionDef) and any(n is c for n in ast.walk(f) for c in calls) for f in ast.walk(code.tree))
    if not (repeated or (in_function and len(calls) > 1)):
        return
    home = next((s for s in code.tree.body if not isinstance(s, ast.Import | ast.ImportFrom | ast.Expr)), None)
    reading = next((s for s in code.tree.body if any(n is calls[0] for n in ast.walk(s))), None)
    home = home if home is not None and reading is not None and home.lineno <= reading.lineno else reading
    if home is None:
        return
    other = any(isinstance(n, ast.Attribute) and n.attr == "stdin" for n in ast.walk(code.tree))
    for shim, note in ((_READLINE, "input() -> sys.stdin.readline"), (_WHOLE, "input() -> all lines read at once")):
        if shim is _WHOLE and other:
            continue
        edits = Edits(code.text)
        edits.before(home, shim)
        edits.add_import("import sys")
        yield Rewrite(edits.text(), note, calls[0].lineno)
