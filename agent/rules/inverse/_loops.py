"""Which loops may walk a copy of what they walk."""

from __future__ import annotations

import ast

from codeopt.agent.rules.inverse._sites import Place
from codeopt.agent.rules.pyedit import walk_scope
from codeopt.agent.rules.pyfacts import is_pure, mutated, names_in, passed
from codeopt.agent.rules.pynumeric import chain

_ENDLESS = frozenset({"count", "cycle", "repeat", "iter"})
_FRESH = (ast.List, ast.ListComp, ast.Dict, ast.DictComp, ast.Set, ast.SetComp, ast.Constant, ast.BinOp, ast.Call)


def copyable(place: Place, loop: ast.For) -> bool:
    """Whether `for x in list(a)` does what `for x in a` does: `a` is finite, pure to walk, and the body leaves it alone."""
    if any(isinstance(n, ast.Call) and chain(n.func).rpartition(".")[2] in _ENDLESS for n in ast.walk(loop.iter)):
        return False
    if not is_pure(loop.iter) or any(isinstance(n, ast.Starred) for n in ast.walk(loop.iter)):
        return False
    if any(isinstance(n, ast.Yield | ast.YieldFrom | ast.Await) for s in loop.body for n in [s, *walk_scope(s)]):
        return False
    if place.kinds.is_(loop.iter, "range"):
        leaves = any(isinstance(n, ast.Break | ast.Return | ast.Raise) for s in loop.body for n in ast.walk(s))
        return not leaves or bool(names_in(loop.iter) & {"len"})
    touched = mutated(loop.body) | passed(loop.body)
    if touched & names_in(loop.iter):
        return False
    own = {t.id for t in ast.walk(loop.target) if isinstance(t, ast.Name)}
    return all(name in own or _only_here(place, name) for name in mutated(loop.body))


def _only_here(place: Place, name: str) -> bool:
    """Whether a name holds a value that was made in this function (or a plain one), so that it is nothing that is walked."""
    if place.kinds.is_(ast.Name(name, ast.Load()), "int", "float", "str", "bool"):
        return True
    stores = 0
    for node in ast.walk(place.scope):
        if isinstance(node, ast.arg) and node.arg == name:
            return False
        if isinstance(node, ast.Global | ast.Nonlocal) and name in node.names:
            return False
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store):
            parent = place.up[node]
            if isinstance(parent, ast.Assign) and not isinstance(parent.value, _FRESH):
                return False
            if not isinstance(parent, ast.Assign | ast.AugAssign):
                return False
            stores += 1
    return stores > 0


def walked(place: Place, loop: ast.For) -> bool:
    """Whether a loop walks elements, not numbers, and may walk a copy of them."""
    number = place.kinds.is_(loop.iter, "range", "gen") or (isinstance(loop.iter, ast.Call) and chain(loop.iter.func) in ("zip", "enumerate", "range", "map"))
    return not number and not isinstance(loop.iter, ast.Constant) and copyable(place, loop)
