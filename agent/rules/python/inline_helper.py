"""A one-expression helper called in a loop -> its expression in the caller: no call, no frame."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyedit import Edits, FunctionNode, functions, parents, walk_scope
from codeopt.agent.rules.pyfacts import bound
from codeopt.agent.rules.pynumeric import (
    COMPREHENSIONS,
    local_names,
    name_of,
    needs_parens,
    source,
    starred,
    with_names,
)

SUMMARY = "helper or lambda with a single return expression, called in a loop -> inlined"
EXPECTS = "1.6x measured on h(x, y) -> x * y + 1"
SOURCE = "Python Wiki, PerformanceTips: function call overhead"


def _expression(function: FunctionNode) -> ast.expr | None:
    body = [s for s in function.body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))]
    args = function.args
    odd = args.vararg or args.kwarg or args.kwonlyargs or args.defaults or function.decorator_list
    if isinstance(function, ast.AsyncFunctionDef) or odd or len(body) != 1 or not isinstance(body[0], ast.Return):
        return None
    value = body[0].value
    banned = ast.Lambda | ast.Yield | ast.YieldFrom | ast.Await | ast.NamedExpr | ast.JoinedStr
    if value is None or any(isinstance(n, (banned, *COMPREHENSIONS)) for n in ast.walk(value)):
        return None
    return None if function.name in {n.id for n in ast.walk(value) if isinstance(n, ast.Name)} else value


def _helpers(code: Code) -> dict[str, tuple[list[str], ast.expr]]:
    """Module-level and local helpers by name; a name defined twice is none."""
    found: dict[str, tuple[list[str], ast.expr]] = {}
    seen: dict[str, int] = {}
    lambdas = {id(s.targets[0]) for s in ast.walk(code.tree) if isinstance(s, ast.Assign) and isinstance(s.value, ast.Lambda)}
    for node in ast.walk(code.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            seen[node.name] = seen.get(node.name, 0) + 1
            value = _expression(node)
            if value is not None:
                found[node.name] = ([a.arg for a in [*node.args.posonlyargs, *node.args.args]], value)
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda) and name_of(node.targets[0]):
            fn = ast.FunctionDef(name_of(node.targets[0]), node.value.args, [ast.Return(node.value.body)], [])
            seen[fn.name] = seen.get(fn.name, 0) + 1
            value = _expression(fn)
            if value is not None:
                found[fn.name] = ([a.arg for a in node.value.args.args], value)
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            seen[node.id] = seen.get(node.id, 0) + (id(node) not in lambdas)
    return {name: f for name, f in found.items() if seen[name] == 1}


def apply(code: Code) -> Iterator[Rewrite]:
    helpers = _helpers(code)
    if not helpers:
        return
    methods = {n for c in ast.walk(code.tree) if isinstance(c, ast.ClassDef) for s in c.body for n in bound(s)}
    top = bound(s for s in code.tree.body if not isinstance(s, ast.ClassDef))
    up = parents(code.tree)
    for scope in functions(code):
        hot = {
            id(n)
            for loop in walk_scope(scope)
            if isinstance(loop, (ast.For, ast.While, *COMPREHENSIONS))
            for n in ast.walk(loop)
        }
        if not hot:
            continue
        edits = Edits(code.text)
        first, names = 0, set()
        taken: set[int] = set()
        local = set() if isinstance(scope, ast.Module) else local_names(scope)
        for call in walk_scope(scope):
            if not isinstance(call, ast.Call) or id(call) not in hot or call.keywords or starred(call) or id(call) in taken:
                continue
            name = name_of(call.func)
            if name not in helpers or name in methods or len(call.args) != len(helpers[name][0]):
                continue
            params, value = helpers[name]
            frees = {n.id for n in ast.walk(value) if isinstance(n, ast.Name)} - set(params)
            if (frees & local - {name} and name not in local) or not all(_cheap(a) or _once(value, p) for p, a in zip(params, call.args)):
                continue
            if name not in top and name not in local:
                continue
            new = with_names(value, dict(zip(params, call.args)))
            edits.replace(call, source(new, needs_parens(call, up.get(call))))
            taken |= {id(n) for n in ast.walk(call)}
            names.add(name)
            first = first or call.lineno
        if first:
            yield Rewrite(edits.text(), f"{', '.join(sorted(names))} inlined into the loop", first)


def _cheap(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute):
        return isinstance(node.value, ast.Name)
    return isinstance(node, ast.Name | ast.Constant)


def _once(value: ast.expr, name: str) -> bool:
    """Whether the parameter is read exactly once, outside any conditional part."""
    reads = [n for n in ast.walk(value) if isinstance(n, ast.Name) and n.id == name]
    conditional = {id(n) for c in ast.walk(value) if isinstance(c, ast.IfExp | ast.BoolOp) for n in ast.walk(c)}
    return len(reads) == 1 and id(reads[0]) not in conditional
