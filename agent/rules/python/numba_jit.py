"""Numeric functions of numbers and arrays -> `numba.njit`, with the Python function as the fallback."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyedit import Edits, FunctionNode, fresh_name, functions, walk_scope
from codeopt.agent.rules.pynumeric import chain, name_of

SUMMARY = "loops over numbers and arrays in a function -> numba.njit behind a look at the arguments' types"
EXPECTS = "58x measured on mandelbrot, after about a second of compilation"
SOURCE = "Numba documentation, A 5 minute guide: nopython mode"

_NODES = (
    ast.arguments, ast.arg, ast.expr_context, ast.operator, ast.unaryop, ast.cmpop, ast.boolop, ast.Name, ast.BinOp, ast.UnaryOp,
    ast.Compare, ast.BoolOp, ast.IfExp, ast.Subscript, ast.Slice, ast.Tuple, ast.Assign, ast.AugAssign, ast.For, ast.While,
    ast.If, ast.Return, ast.Break, ast.Continue, ast.Pass, ast.Call, ast.Attribute, ast.Constant, ast.Expr,
)  # fmt: skip
_CALLS = frozenset({"range", "len", "abs", "min", "max", "int", "float", "round", "bool"})
_HELPER = '''\
def {name}(function):
    """`function` compiled where every argument is an array or a number that fits; itself elsewhere and after a typing error."""
    compiled = numba.njit(function)
    usable = [True]

    @functools.wraps(function)
    def call(*args):
        for value in args:
            kind = type(value)
            if kind is int:
                if not -(2**31) <= value < 2**31:
                    return function(*args)
            elif kind is not float and kind is not bool and type(value).__module__ != "numpy":
                return function(*args)
        if usable[0]:
            try:
                return compiled(*args)
            except (numba.core.errors.NumbaError, OverflowError):
                usable[0] = False
        return function(*args)

    return call

'''


def apply(code: Code) -> Iterator[Rewrite]:
    if "numba" not in code.available or "numba" in code.text:
        return
    modules = {a.asname or a.name for s in code.tree.body if isinstance(s, ast.Import) for a in s.names}
    table = {s.name: s for s in code.tree.body if isinstance(s, ast.FunctionDef)}
    for scope in functions(code):
        if isinstance(scope, ast.Module) or table.get(scope.name) is not scope:
            continue
        if _numeric(scope, modules) and _has_loop(scope) and not _may_overflow(scope):
            name = fresh_name(code.tree, "_jit")
            home = next(s for s in code.tree.body if not isinstance(s, ast.Import | ast.ImportFrom | ast.Expr))
            edits = Edits(code.text)
            if home is scope:
                edits.before(scope, _HELPER.format(name=name) + f"\n@{name}")
            else:
                edits.before(home, _HELPER.format(name=name))
                edits.before(scope, f"@{name}")
            edits.add_import("import functools")
            edits.add_import("import numba")
            yield Rewrite(edits.text(), f"{scope.name} -> numba.njit", scope.lineno)


def _has_loop(function: FunctionNode) -> bool:
    return any(isinstance(n, ast.For | ast.While) for n in walk_scope(function))


def _numeric(function: FunctionNode, modules: set[str]) -> bool:
    """Whether the body is made of numbers, arrays, loops and calls that Numba knows."""
    args = function.args
    if function.decorator_list or args.vararg or args.kwarg or args.kwonlyargs or args.defaults or not args.args:
        return False
    local = {n.id for n in walk_scope(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)} | {a.arg for a in args.args}
    doc = isinstance(function.body[0], ast.Expr) and isinstance(function.body[0].value, ast.Constant)
    for node in [n for s in function.body[1 if doc else 0 :] for n in ast.walk(s)]:
        if not isinstance(node, _NODES):
            return False
        if isinstance(node, ast.Constant) and not isinstance(node.value, int | float | bool):
            return False
        if isinstance(node, ast.Call):
            name = chain(node.func)
            known = name in _CALLS or name.split(".")[0] in {"math", "np", "numpy"} & modules
            if not known or node.keywords:
                return False
        if isinstance(node, ast.Attribute) and chain(node).split(".")[0] not in modules and node.attr not in ("shape", "size"):
            return False
        if isinstance(node, ast.Name) and node.id not in local | _CALLS | modules:
            return False
        if isinstance(node, ast.For) and not isinstance(node.iter, ast.Call | ast.Name):
            return False
    return any(isinstance(n, ast.Return) and n.value is not None for n in walk_scope(function)) or _stores_items(function)


def _stores_items(function: FunctionNode) -> bool:
    return any(isinstance(n, ast.Subscript) and isinstance(n.ctx, ast.Store) for n in walk_scope(function))


def _may_overflow(function: FunctionNode) -> bool:
    """Products or doubled sums of integers that grow in a loop, with no float, array or remainder in sight."""
    nodes = list(walk_scope(function))
    floats = any(isinstance(n, ast.Constant) and isinstance(n.value, float) for n in nodes) or any(
        isinstance(n, ast.BinOp | ast.AugAssign) and isinstance(n.op, ast.Div) for n in nodes
    )
    if floats or any(isinstance(n, ast.Subscript) for n in nodes):
        return False
    grown = {n.id for loop in nodes if isinstance(loop, ast.For | ast.While) for n in ast.walk(loop) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    under_remainder = {id(x) for n in nodes if isinstance(n, ast.BinOp) and isinstance(n.op, ast.Mod) for x in ast.walk(n.left)}
    for node in nodes:
        if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Mult | ast.Pow | ast.LShift):
            return True
        if isinstance(node, ast.BinOp) and id(node) not in under_remainder:
            sides = [s for s in (node.left, node.right) if {n.id for n in ast.walk(s) if isinstance(n, ast.Name)} & grown]
            square = isinstance(node.op, ast.Mult) and ast.unparse(node.left) == ast.unparse(node.right)
            grows = isinstance(node.op, ast.Mult | ast.Add) and len(sides) == 2 and not square
            if isinstance(node.op, ast.Pow | ast.LShift) or grows:
                return True
    return any(isinstance(n, ast.Assign) and isinstance(n.targets[0], ast.Tuple) and name_of(n.value) == "" and "+" in ast.unparse(n) for n in nodes)
