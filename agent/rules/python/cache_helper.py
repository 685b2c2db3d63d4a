"""A pure helper called again and again from a loop -> the same helper behind `functools.lru_cache`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyedit import Edits, FunctionNode, fresh_name, functions, walk_scope
from codeopt.agent.rules.pyfacts import annotation_type, changed, is_pure, names_in
from codeopt.agent.rules.pynumeric import COMPREHENSIONS, chain, local_names, name_of

SUMMARY = "pure helper called in a loop -> functools.lru_cache"
EXPECTS = "2x measured on scoring 1e4 short words of which few differ, 50x on date parsing; nothing where all differ"
SOURCE = "Python documentation, functools.lru_cache"

_PURE = frozenset({"datetime.strptime", "datetime.datetime.strptime", "math.gcd", "re.match", "re.search", "re.sub", "re.findall"})
_FRESH = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp, ast.GeneratorExp)


_HELPER = '''\
def {name}(function):
    """`function` with its answers remembered for plain arguments; called as it is for all others."""
    plain = frozenset((str, int, float, bool, bytes, type(None)))
    cached = functools.lru_cache(maxsize=65536, typed=True)(function)

    @functools.wraps(function)
    def call(*args, **named):
        if named or not plain.issuperset(map(type, args)):
            return function(*args, **named)
        return cached(*args)

    return call

'''


def _hashable(function: FunctionNode) -> bool:
    """Whether annotations say that every argument is a plain value."""
    return all(annotation_type(a.annotation) in ("str", "int", "float", "bool", "bytes") for a in function.args.args)


def _lists(function: FunctionNode) -> bool:
    """Whether an annotation names a container that cannot be hashed."""
    return any(annotation_type(a.annotation) in ("list", "dict", "set", "deque") for a in function.args.args)


def _pure(function: FunctionNode, known: set[str]) -> bool:
    """Whether the function reads only its arguments, globals that nobody rebinds and pure calls, and gives a plain value."""
    if isinstance(function, ast.AsyncFunctionDef) or function.decorator_list or function.args.kwarg or function.args.vararg:
        return False
    parameters = {a.arg for a in [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]}
    if not parameters or _lists(function) or "self" in parameters or "cls" in parameters or parameters & (changed(function.body) - local_stores(function)):
        return False
    returns = []
    for node in walk_scope(function):
        if isinstance(node, ast.Yield | ast.YieldFrom | ast.Await | ast.Global | ast.Nonlocal | ast.Import | ast.ImportFrom):
            return False
        if isinstance(node, ast.Call) and not is_pure(ast.Call(node.func, [], []), known) and chain(node.func) not in _PURE:
            method = isinstance(node.func, ast.Attribute) and name_of(node.func.value) in local_names(function) - parameters
            if not method:
                return False
        if isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load) and chain(node).split(".")[0] in parameters:
            return False
        if isinstance(node, ast.Return):
            returns.append(node.value)
    costly = any(isinstance(n, (ast.For, ast.While, *COMPREHENSIONS)) for n in walk_scope(function)) or sum(
        isinstance(n, ast.Call) for n in walk_scope(function)
    ) >= 2 or any(chain(n.func) in _PURE for n in walk_scope(function) if isinstance(n, ast.Call))
    return bool(returns) and costly and all(r is not None and _plain(r, function) for r in returns)


def local_stores(function: FunctionNode) -> set[str]:
    """Parameters that are only rebound, which leaves the caller's object alone."""
    return {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def _plain(value: ast.expr, function: FunctionNode) -> bool:
    """Whether a returned value cannot be changed by a caller, as far as the text shows."""
    if isinstance(value, _FRESH) or (isinstance(value, ast.Subscript) and isinstance(value.slice, ast.Slice)):
        return False
    if isinstance(value, ast.Call):
        return not (name_of(value.func) in ("list", "dict", "set", "sorted") or (isinstance(value.func, ast.Attribute) and value.func.attr in ("split", "copy")))
    if isinstance(value, ast.BinOp):
        return _plain(value.left, function) and _plain(value.right, function)
    if isinstance(value, ast.Name):
        stores = [n.value for n in ast.walk(function) if isinstance(n, ast.Assign) and any(name_of(t) == value.id for t in n.targets)]
        own = [s for s in stores if not isinstance(s, ast.Name) and value.id not in names_in(s)]
        return len(own) == len(stores) and all(_plain(s, function) for s in own)
    return not any(isinstance(n, _FRESH) for n in ast.walk(value)) or isinstance(value, ast.Compare | ast.BoolOp)


def apply(code: Code) -> Iterator[Rewrite]:
    table = {s.name: s for s in code.tree.body if isinstance(s, ast.FunctionDef)}
    called_in_loops: dict[str, int] = {}
    for scope in functions(code):
        for loop in walk_scope(scope):
            if isinstance(loop, (ast.For, ast.While, *COMPREHENSIONS)):
                for call in ast.walk(loop):
                    if isinstance(call, ast.Call) and name_of(call.func) in table:
                        called_in_loops.setdefault(name_of(call.func), call.lineno)
    for name in called_in_loops:
        helper = table[name]
        recursive = any(isinstance(n, ast.Name) and n.id == name for n in ast.walk(helper))
        if name == code.function or recursive or not _pure(helper, set()):
            continue
        edits = Edits(code.text)
        if _hashable(helper):
            edits.before(helper, "@functools.lru_cache(maxsize=65536, typed=True)")
        else:
            remember = fresh_name(code.tree, "_remember")
            home = next(s for s in code.tree.body if not isinstance(s, ast.Import | ast.ImportFrom | ast.Expr))
            helper_text = _HELPER.format(name=remember)
            if home is helper:
                edits.before(helper, f"{helper_text}\n@{remember}")
            else:
                edits.before(home, helper_text)
                edits.before(helper, f"@{remember}")
        edits.add_import("import functools")
        yield Rewrite(edits.text(), f"answers of {name} remembered", helper.lineno)
