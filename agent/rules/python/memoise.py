"""Pure functions that are called again with the same arguments keep their results."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyedit import Edits, FunctionNode, Scope, functions, walk_scope
from codeopt.agent.rules.pyfacts import annotation_type, bound, is_pure, mutated

SUMMARY = "Pure function that calls itself twice or more, or is called in a loop: `functools.lru_cache`"
EXPECTS = "exponential -> polynomial for overlapping recursion; calls / distinct arguments otherwise"
SOURCE = "Python documentation, functools.lru_cache; dynamic programming by memoisation"


def apply(code: Code) -> Iterator[Rewrite]:
    scopes = functions(code)
    for fn in scopes:
        if not isinstance(fn, ast.FunctionDef) or fn.decorator_list or not _cacheable(fn):
            continue
        own = _self_calls(fn)
        if own >= 2:
            yield _cached(code, fn, "overlapping recursion: results kept")
        elif own == 0 and any(_called_in_loop(scope, fn) for scope in scopes if scope is not fn):
            yield _cached(code, fn, "pure function called in a loop: results kept")


def _cached(code: Code, fn: FunctionNode, note: str) -> Rewrite:
    edits = Edits(code.text)
    edits.before(fn, "@functools.lru_cache(maxsize=None)")
    edits.add_import("import functools")
    return Rewrite(edits.text(), f"{fn.name}: {note}", fn.lineno)


def _self_calls(fn: FunctionNode) -> int:
    return sum(isinstance(n, ast.Call) and getattr(n.func, "id", "") == fn.name for n in ast.walk(fn))


def _called_in_loop(scope: Scope, fn: FunctionNode) -> bool:
    kinds = ast.For | ast.While | ast.ListComp | ast.GeneratorExp | ast.SetComp | ast.DictComp
    for node in walk_scope(scope):
        if isinstance(node, kinds):
            if any(isinstance(n, ast.Call) and getattr(n.func, "id", "") == fn.name for n in ast.walk(node)):
                return True
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("map", "filter", "sorted", "max", "min") \
                and any(isinstance(n, ast.Name) and n.id == fn.name for n in ast.walk(node)):
            return True
    return False


def _cacheable(fn: ast.FunctionDef) -> bool:
    """A result that depends on hashable-looking arguments only, and no effect on anything outside."""
    args = fn.args
    names = {a.arg for a in [*args.posonlyargs, *args.args, *args.kwonlyargs]}
    if not names or args.vararg or args.kwarg or "self" in names or "cls" in names:
        return False
    if any(annotation_type(a.annotation) in ("list", "dict", "set", "deque") for a in args.args):
        return False
    if any(isinstance(d, ast.List | ast.Dict | ast.Set) for d in args.defaults):
        return False
    if any(isinstance(n, ast.Global | ast.Nonlocal | ast.Yield | ast.YieldFrom | ast.Await) for n in ast.walk(fn)):
        return False
    if not any(isinstance(n, ast.Return) and n.value is not None for n in ast.walk(fn)):
        return False
    if any(isinstance(n, ast.Return) and isinstance(n.value, ast.List | ast.ListComp | ast.Dict | ast.Set) for n in ast.walk(fn)):
        return False
    local = bound(fn.body)
    if mutated(fn.body) - local or any(isinstance(s, ast.Expr) and isinstance(s.value, ast.Call) and not _local_call(s.value, local)
                                       for s in walk_scope(fn) if isinstance(s, ast.Expr)):  # fmt: skip
        return False
    return all(is_pure(stmt, {fn.name} | local | _LIST_METHODS) for stmt in fn.body)


_LIST_METHODS = {"append", "extend", "add", "pop", "sort", "insert", "reverse", "remove"}


def _local_call(call: ast.Call, local: set[str]) -> bool:
    target = call.func.value if isinstance(call.func, ast.Attribute) else None
    return isinstance(target, ast.Name) and target.id in local
