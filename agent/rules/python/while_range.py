"""`while i < n: ...; i += 1` -> `for i in range(i, n)`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyedit import Edits, Scope, functions, loops
from codeopt.agent.rules.pyfacts import bound, invariant, type_of
from codeopt.agent.rules.pymatch import match
from codeopt.agent.rules.pynumeric import escapes, leaks, name_of, own_jumps, previous

SUMMARY = "counting while loop -> for over range"
EXPECTS = "1.2x measured on a one-line body"
SOURCE = "CPython: a range iterator steps in C; the test and the addition are bytecode"


def _start(scope: Scope, loop: ast.While, name: str) -> bool:
    """Whether the counter is visibly an integer before the loop."""
    for statement in previous(scope, loop):
        found = match("$i = $E", statement)
        if found and name_of(found["i"]) == name:
            value = found["E"]
            return isinstance(value, ast.expr) and _integer(value, scope)
        if name in bound(statement):
            return False
    return False


def _integer(value: ast.expr, scope: Scope) -> bool:
    if isinstance(value, ast.Name) and type_of(value, scope) == "":
        return False
    if isinstance(value, ast.BinOp):
        return all(isinstance(v, ast.Name) or type_of(v, scope) == "int" for v in (value.left, value.right))
    return type_of(value, scope) == "int"


def apply(code: Code) -> Iterator[Rewrite]:
    for scope in functions(code):
        for loop in loops(scope):
            if not isinstance(loop, ast.While) or loop.orelse or len(loop.body) < 2:
                continue
            test = match("$i < $N", loop.test) or match("$i <= $N", loop.test)
            step = match("$i += $S", loop.body[-1])
            if test is None or step is None or name_of(test["i"]) != name_of(step["i"]):
                continue
            name, limit, by = name_of(test["i"]), test["N"], step["S"]
            if not isinstance(limit, ast.expr) or not isinstance(by, ast.Constant) or type(by.value) is not int or by.value < 1:
                continue
            body = loop.body[:-1]
            integer = type_of(limit, scope) == "int" or (isinstance(limit, ast.Name) and type_of(limit, scope) in ("", "int"))
            if name in bound(body) | escapes(scope) or not invariant(limit, loop) or not integer:
                continue
            if own_jumps(body) or not _start(scope, loop, name) or leaks(scope, loop, {name}):
                continue
            edits = Edits(code.text)
            strict = match("$i < $N", loop.test) is not None
            last = ast.unparse(limit) + ("" if strict else " + 1")
            stride = f", {by.value}" if by.value > 1 else ""
            edits.replace(loop, f"for {name} in range({name}, {last}{stride}):\n{_body(body)}")
            yield Rewrite(edits.text(), "counting while loop -> for over range", loop.lineno)


def _body(body: list[ast.stmt]) -> str:
    text = ast.unparse(ast.Module(body, []))
    return "\n".join("    " + line for line in text.splitlines())
