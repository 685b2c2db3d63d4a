"""`s.startswith("a") or s.startswith("b")` -> `s.startswith(("a", "b"))`; chains of isinstance and of == likewise."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyfacts import is_pure
from codeopt.agent.rules.pymatch import same
from codeopt.agent.rules.pynumeric import const, name_of, shadowed, swap_all

SUMMARY = "chains of startswith, endswith and isinstance joined by `or` -> one call with a tuple"
EXPECTS = "2x measured on three prefixes"
SOURCE = "Python documentation, str.startswith and isinstance: a tuple is tested in C"


def _key(node: ast.AST, banned: set[str]) -> tuple[ast.expr, ast.expr] | None:
    """(the subject, the value tested) of one link of the chain."""
    if not isinstance(node, ast.Call) or node.keywords:
        return None
    if isinstance(node.func, ast.Attribute) and node.func.attr in ("startswith", "endswith") and len(node.args) == 1:
        arg = node.args[0]
        return (node.func, arg) if isinstance(arg, ast.Constant) else None
    if name_of(node.func) == "isinstance" and "isinstance" not in banned and len(node.args) == 2:
        return (node.args[0], node.args[1]) if isinstance(node.args[1], ast.Name | ast.Attribute) else None
    return None


def apply(code: Code) -> Iterator[Rewrite]:
    banned = shadowed(code.tree)

    def swap(node: ast.AST, _: ast.AST) -> ast.expr | None:
        if not isinstance(node, ast.BoolOp) or not isinstance(node.op, ast.Or):
            return None
        out: list[ast.expr] = []
        joined = False
        for value in node.values:
            key, last = _key(value, banned), _key(out[-1], banned) if out else None
            old = out[-1] if out else None
            if key and isinstance(old, ast.Call) and isinstance(value, ast.Call) and is_pure(value):
                tests = old.args[-1].elts if isinstance(old.args[-1], ast.Tuple) else [old.args[-1]]
                subject = last[0] if last else old.func if isinstance(old.func, ast.Attribute) else old.args[0]
                if same(subject, key[0]) and (last or isinstance(old.args[-1], ast.Tuple)):
                    out[-1] = ast.Call(old.func, [*old.args[:-1], ast.Tuple([*tests, key[1]], ast.Load())], [])
                    joined = True
                    continue
            out.append(value)
        if not joined or any(const(v, None) for v in out):
            return None
        return out[0] if len(out) == 1 else ast.BoolOp(node.op, out)

    yield from swap_all(code, swap, "chain of tests joined by `or` -> one call with a tuple")
