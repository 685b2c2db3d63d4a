"""Expressions that a loop computes again and again with the same result -> computed once before it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyedit import Edits, Loop, Scope, all_names, functions, loops, walk_scope
from codeopt.agent.rules.pyfacts import changed, invariant, names_in
from codeopt.agent.rules.pynumeric import SCOPES, chain, free, name_of, shadowed

SUMMARY = "loop-invariant calls and arithmetic (len(x), int(math.sqrt(n)), max(x)) -> a local before the loop"
EXPECTS = "2x measured on while i < len(xs); O(n^2) -> O(n) for max(xs) or sum(xs) in a loop"
SOURCE = "Loop-invariant code motion, which CPython does not do"

_SAFE = frozenset({"len", "abs", "ord", "str", "int", "float", "round", "bool", "min", "max", "sum"})
_SAFE_MODULES = ("math.",)
_WHOLE = frozenset({"min", "max", "sum", "sorted"})
_TEXT_METHODS = frozenset({"lower", "upper", "strip", "title", "swapcase", "casefold", "lstrip", "rstrip"})


def _worth(node: ast.AST, loop: Loop, banned: set[str]) -> bool:
    """Whether `node` costs something, cannot fail where the loop would not, and never changes in the loop."""
    if not isinstance(node, ast.Call | ast.BinOp) or not invariant(node, loop):
        return False
    cost = 0
    for part in ast.walk(node):
        if isinstance(part, ast.Call):
            cost += 2
            text = chain(part.func)
            method = isinstance(part.func, ast.Attribute) and part.func.attr in _TEXT_METHODS and not part.args
            if part.keywords or not (method or text in _SAFE - banned or text.startswith(_SAFE_MODULES)):
                return False
            lone = len(part.args) == 1 and isinstance(part.args[0], ast.Name) and part is node
            if text in _WHOLE and len(part.args) < 2 and not lone:
                return False
        elif isinstance(part, ast.BinOp):
            steady = isinstance(part.right, ast.Constant) and part.right.value
            cost += 2 if isinstance(part.op, ast.Pow) else 1
            if not (isinstance(part.op, ast.Pow) and steady) and not isinstance(part.op, ast.Add | ast.Sub | ast.Mult) and not (steady and isinstance(part.op, ast.Div | ast.FloorDiv | ast.Mod)):
                return False
        elif isinstance(part, ast.Attribute):
            cost += 1
        elif not isinstance(part, ast.Name | ast.Constant | ast.Load | ast.operator | ast.UnaryOp | ast.unaryop):
            return False
    return cost > 1


def _found(loop: Loop, banned: set[str]) -> Iterator[ast.expr]:
    """The largest such expressions of the loop, its own iterable left out."""
    stack: list[ast.AST] = [loop.test] if isinstance(loop, ast.While) else []
    stack += loop.body
    while stack:
        node = stack.pop(0)
        if isinstance(node, ast.expr) and _worth(node, loop, banned):
            yield node
        elif not isinstance(node, (*SCOPES, ast.JoinedStr)):
            stack[:0] = list(ast.iter_child_nodes(node))


def _names(node: ast.expr, used: set[str]) -> str:
    first = next((n for n in ast.walk(node) if isinstance(n, ast.Call)), None)
    head = chain(first.func).rpartition(".")[2] if first else "value"
    subject = next((n.id for n in ast.walk(node) if isinstance(n, ast.Name) and n.id != head), "")
    if isinstance(first, ast.Call) and isinstance(first.func, ast.Attribute) and not chain(first.func):
        head = first.func.attr
    base = {"len": "n"}.get(head, head) + (f"_{subject}" if subject and subject != "math" else "")
    return free(base, used)


def apply(code: Code) -> Iterator[Rewrite]:
    banned = shadowed(code.tree)
    for scope in functions(code):
        for loop in loops(scope):
            if not isinstance(loop, ast.AsyncFor):
                yield from _rewrite(code, scope, loop, banned)


def _rewrite(code: Code, scope: Scope, loop: Loop, banned: set[str]) -> Iterator[Rewrite]:
    nodes = list(_found(loop, banned))
    unknown = any(
        isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute) and chain(n.func).startswith("self.") for n in walk_scope(loop)
    )
    kept = [n for n in nodes if not (unknown and any(isinstance(a, ast.Attribute) and chain(a).startswith("self.") for a in ast.walk(n)))]
    if not kept or names_in(kept) & changed(loop):
        return
    used = all_names(code.tree)
    names: dict[str, str] = {}
    lines = []
    edits = Edits(code.text)
    for node in kept:
        text = ast.unparse(node)
        if text not in names:
            names[text] = _names(node, used)
            used.add(names[text])
            whole = isinstance(node, ast.Call) and name_of(node.func) in _WHOLE and len(node.args) == 1
            guard = f" if {ast.unparse(node.args[0])} else 0" if whole and isinstance(node, ast.Call) else ""
            lines.append(f"{names[text]} = {text}{guard}")
        edits.replace(node, names[text])
    edits.before(loop, "\n".join(lines))
    yield Rewrite(edits.text(), f"{', '.join(names)} computed once before the loop", loop.lineno)
