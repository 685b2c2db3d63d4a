"""A function behind a decorator that only passes its arguments on."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.inverse._facts import free_name
from codeopt.agent.rules.inverse._sites import finish
from codeopt.agent.rules.pyedit import Edits, functions

SUMMARY = "a function that does not call itself -> the same behind a decorator that passes everything on"
EXPECTS = "1.1-3x on small functions"
SOURCE = "Tracing and logging decorators left in the code; Python wiki, PythonSpeed/PerformanceTips (function call overhead)"

_BODY = """
def NAME(function):

    @wraps(function)
    def wrapper(*args, **kwargs):
        result = function(*args, **kwargs)
        return result
    return wrapper
"""


def apply(code: Code) -> Iterator[Rewrite]:
    if "wraps" in code.text:
        return
    for scope in functions(code):
        if not isinstance(scope, ast.FunctionDef) or scope.decorator_list or scope not in code.tree.body:
            continue
        if any(isinstance(n, ast.Name) and n.id == scope.name for n in ast.walk(scope)):
            continue  # half the depth would be left to a recursion
        name = free_name(code.text, "pass_through")
        edits = Edits(code.text)
        edits.before(scope, f"@{name}")
        edits.add_helper(_BODY.strip("\n").replace("NAME", name))
        edits.add_import("from functools import wraps")
        yield from finish(edits, f"{scope.name} behind a decorator", scope)
