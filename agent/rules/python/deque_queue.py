"""A list used as a queue becomes a deque."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyedit import Edits, Scope, functions, loops, parents, walk_scope
from codeopt.agent.rules.pymatch import fill, match

SUMMARY = "`q.pop(0)`, `q.insert(0, x)`, `del q[0]` in a loop: collections.deque"
EXPECTS = "O(n^2) -> O(n)"
SOURCE = "Python documentation, collections.deque"

_KEEPS = {"append", "extend", "popleft", "appendleft", "pop", "insert", "clear", "remove", "count", "index", "reverse"}


def apply(code: Code) -> Iterator[Rewrite]:
    up = parents(code.tree)
    for scope in functions(code):
        in_loops = [n for loop in loops(scope) for n in ast.walk(loop)]
        names = set()
        for node in in_loops:
            for form in ("$q.pop(0)", "$q.insert(0, $E)"):
                b = match(form, node) if isinstance(node, ast.Call) else None
                if b:
                    names.add(b["q"].id)
            if isinstance(node, ast.Delete) and match("$q[0]", node.targets[0]):
                names.add(ast.unparse(node.targets[0])[:-3])
        for name in sorted(names):
            made = _as_deque(code, scope, name, up)
            if made:
                yield made


def _as_deque(code: Code, scope: Scope, name: str, up: dict[ast.AST, ast.AST]) -> Rewrite | None:
    edits = Edits(code.text)
    made, first = False, 0
    done: set[ast.AST] = set()
    for node in walk_scope(scope):
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(t, ast.Name) and t.id == name for t in targets):
                if node.value is None or len(targets) > 1:
                    return None
                edits.replace(node.value, fill("deque($V)", {"V": node.value}) if not match("[]", node.value) else "deque()")
                made = True
        for form, new in (("$q.pop(0)", "$q.popleft()"), ("$q.insert(0, $E)", "$q.appendleft($E)")):
            b = match(form, node) if isinstance(node, ast.Call) else None
            if b and b["q"].id == name and isinstance(node, ast.Call):
                edits.replace(node, fill(new, b))
                first = first or node.lineno
                done.update(ast.walk(node))
        if isinstance(node, ast.Delete) and len(node.targets) == 1 and match(f"{name}[0]", node.targets[0]):
            edits.replace(node, f"{name}.popleft()")
            first = first or node.lineno
            done.update(ast.walk(node))
    for use in ast.walk(scope):
        if isinstance(use, ast.Name) and use.id == name and use not in done and isinstance(use.ctx, ast.Load):
            owner = up[use]
            if (isinstance(owner, ast.Return | ast.BinOp | ast.Compare) and use not in (getattr(owner, "left", None), *_membership(owner))) or (isinstance(owner, ast.Compare) and not _membership(owner)):
                edits.replace(use, f"list({name})")
            elif (isinstance(owner, ast.Attribute) and owner.attr not in _KEEPS) or \
                    (isinstance(owner, ast.Subscript) and isinstance(owner.slice, ast.Slice)):
                return None
    args = scope.args.args if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef) else []
    if any(a.arg == name for a in args) and not made:
        return None
    if not made or not first:
        return None
    edits.add_import("from collections import deque")
    return Rewrite(edits.text(), f"`{name}` used as a queue: deque", first)


def _membership(owner: ast.AST) -> list[ast.expr]:
    if isinstance(owner, ast.Compare) and isinstance(owner.ops[0], ast.In | ast.NotIn):
        return owner.comparators
    return []
