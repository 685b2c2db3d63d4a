"""Where to compute something once: the outermost loop in which an expression keeps its value."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.pyedit import Scope, walk_scope
from codeopt.agent.rules.pyfacts import changed, is_pure, names_in

LOOPS = (ast.For, ast.AsyncFor, ast.While)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def walk_all(scope: Scope) -> Iterator[ast.AST]:
    """Nodes of a scope and of the lambdas in it."""
    for node in walk_scope(scope):
        yield node
        if isinstance(node, ast.Lambda):
            yield from ast.walk(node.body)


def home(node: ast.AST, value: ast.expr, up: dict[ast.AST, ast.AST]) -> ast.stmt | None:
    """The statement before which `value`, used at `node`, can be computed once for many uses.

    None where `node` stands in no loop, comprehension or lambda in which `value` keeps its value.
    """
    names = names_in(value)
    if not is_pure(value):
        return None
    best: ast.stmt | None = None
    repeated = False
    here, child = up.get(node), node
    while here is not None and not isinstance(here, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module):
        if isinstance(here, COMPREHENSIONS):
            if names & {n.id for g in here.generators for n in ast.walk(g.target) if isinstance(n, ast.Name)}:
                return None
            repeated |= not (child is here.generators[0] and _in(node, here.generators[0].iter))
        elif isinstance(here, ast.Lambda):
            if names & {a.arg for a in here.args.args}:
                return None
            repeated = True
        elif isinstance(here, LOOPS):
            once = isinstance(here, ast.For | ast.AsyncFor) and _in(node, here.iter)
            if not once and child not in here.orelse:
                if names & (changed(here.body) | changed(getattr(here, "target", here.body[0]))):
                    break
                repeated, best = True, here
        if isinstance(here, ast.stmt) and best is None and repeated:
            best = here
        if isinstance(here, ast.stmt) and best is not None and not isinstance(here, LOOPS) and names & changed(here):
            break
        child, here = here, up.get(here)
    return best


def _in(node: ast.AST, tree: ast.AST) -> bool:
    return any(n is node for n in ast.walk(tree))
