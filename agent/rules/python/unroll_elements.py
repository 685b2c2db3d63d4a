"""Items of a small vector read or changed one by one in an inner loop -> locals: `b[0] - c[0]`, `v[0] += ...`."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyedit import Edits, Scope, all_names, functions, loops, parents, walk_scope
from codeopt.agent.rules.pyfacts import bound
from codeopt.agent.rules.pynumeric import free

SUMMARY = "fixed items and attributes of an object that an inner loop leaves in place -> locals (n-body loops)"
EXPECTS = "1.1-1.2x measured on n-body steps with attributes or lists, best after x ** 2 -> x * x"
SOURCE = "Scalar replacement; the fast Python entries of the Computer Language Benchmarks Game's n-body"


def apply(code: Code) -> Iterator[Rewrite]:
    for scope in functions(code):
        if isinstance(scope, ast.Module):
            continue
        for loop in loops(scope):
            inner = any(isinstance(n, ast.For | ast.While) for s in loop.body for n in ast.walk(s))
            if isinstance(loop, ast.For | ast.While) and not inner:
                yield from _rewrite(code, scope, loop)


def _key(node: ast.AST) -> str:
    """`b[0]`, `b.x`, `b.v[0]` or `b[i][0]` of a plain base, "" for anything else."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return ast.unparse(node)
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and type(node.slice.value) is int:
        base = node.value
        if isinstance(base, ast.Name) or (isinstance(base, ast.Attribute) and isinstance(base.value, ast.Name)):
            return ast.unparse(node)
    return ""


def _rewrite(code: Code, scope: Scope, loop: ast.For | ast.While) -> Iterator[Rewrite]:
    """Accumulators: items of an object that is fixed in the loop, changed there with += or -=, and read only so."""
    changed = bound(loop)
    up = parents(loop)
    reads: Counter[str] = Counter()
    writes: Counter[str] = Counter()
    sites: dict[str, list[ast.AST]] = {}
    for node in [n for s in loop.body for n in [s, *walk_scope(s)]]:
        odd = isinstance(node, ast.Call | ast.Yield | ast.Await | ast.Return | ast.Break | ast.JoinedStr | ast.Try)
        if odd and not (isinstance(node, ast.Call) and _numeric(node)):
            return
        key = _key(node)
        if not key or (isinstance(up.get(node), ast.Call) and up[node].func is node):  # type: ignore[attr-defined]
            continue
        sites.setdefault(key, []).append(node)
        (reads if isinstance(node.ctx, ast.Load) else writes)[key] += 1  # type: ignore[attr-defined]
    fixed = {k: s for k, s in sites.items() if _base(s[0]) not in changed and not _inside_longer(s[0], up)}
    moving = {_shape(s[0]) for k, s in sites.items() if writes[k] and k not in fixed}
    fixed = {k: s for k, s in fixed.items() if _base(s[0]) not in {"math", "np", "self"}}
    kept = {k: s for k, s in fixed.items() if writes[k] or _shape(s[0]) not in moving}
    if len(kept) < 2 or sum(len(s) for s in kept.values()) < 3:
        return
    if any(isinstance(n, ast.Subscript) and not _key(n) and not isinstance(n.ctx, ast.Load) for s in loop.body for n in ast.walk(s)):
        return
    used = all_names(code.tree)
    edits = Edits(code.text)
    names: dict[str, str] = {}
    for key, nodes in kept.items():
        wish = "".join(c if c.isalnum() else "_" for c in key).strip("_").replace("__", "_")
        names[key] = free(wish, used)
        used.add(names[key])
        for node in nodes:
            edits.replace(node, names[key])
    edits.before(loop, "\n".join(f"{name} = {key}" for key, name in names.items()))
    back = "\n".join(f"{key} = {name}" for key, name in names.items() if writes[key])
    if back:
        edits.after(loop, back)
    yield Rewrite(edits.text(), f"{', '.join(kept)} -> locals in the inner loop", loop.lineno)


def _numeric(call: ast.Call) -> bool:
    text = ast.unparse(call.func)
    return text in {"abs", "min", "max", "sqrt", "float", "int", "len", "range"} or text.startswith("math.")


def _base(node: ast.AST) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _shape(node: ast.AST) -> str:
    """The attribute that two sites must share to be one place in two objects (items of lists count as apart)."""
    return node.attr if isinstance(node, ast.Attribute) else ast.unparse(node)


def _inside_longer(node: ast.AST, up: dict[ast.AST, ast.AST]) -> bool:
    parent = up.get(node)
    return isinstance(parent, ast.Subscript | ast.Attribute) and parent.value is node
