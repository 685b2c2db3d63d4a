"""A list that grows in the loop that asks it `x in seen` gets a set beside it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyedit import Edits, Scope, fresh_name, functions, loops, parents
from codeopt.agent.rules.pyfacts import bound, is_pure, mutated, root, type_of
from codeopt.agent.rules.pymatch import fill, match

SUMMARY = "`if x not in seen: seen.append(x)` in a loop: a set kept beside the list"
EXPECTS = "O(n^2) -> O(n)"
SOURCE = "Python wiki, TimeComplexity; visited sets in graph searches"


def apply(code: Code) -> Iterator[Rewrite]:
    up = parents(code.tree)
    for scope in functions(code):
        for loop in loops(scope):
            if any(isinstance(p, ast.For | ast.While) for p in _ancestors(loop, up)):
                continue
            for name in sorted(mutated(loop) - bound(loop) | mutated(loop) & _augmented(loop)):
                made = _parallel(code, scope, loop, name)
                if made:
                    yield made


def _ancestors(node: ast.AST, up: dict[ast.AST, ast.AST]) -> Iterator[ast.AST]:
    while node in up and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        node = up[node]
        yield node


def _augmented(loop: ast.AST) -> set[str]:
    return {root(n.target) for n in ast.walk(loop) if isinstance(n, ast.AugAssign) and isinstance(n.target, ast.Name)}


def _parallel(code: Code, scope: Scope, loop: ast.stmt, name: str) -> Rewrite | None:
    tests = [n.comparators[0] for n in ast.walk(loop) if isinstance(n, ast.Compare) and len(n.ops) == 1
             and isinstance(n.ops[0], ast.In | ast.NotIn) and getattr(n.comparators[0], "id", "") == name]  # fmt: skip
    if not tests or type_of(ast.Name(id=name, ctx=ast.Load()), scope) not in ("list", ""):
        return None
    beside = fresh_name(code.tree, f"{name}_set")
    edits = Edits(code.text)
    changes = 0
    for node in ast.walk(loop):
        if isinstance(node, ast.Expr | ast.AugAssign | ast.Assign) and name in mutated(node) | bound(node):
            for form, add in ((f"{name}.append($E)", "add($E)"), (f"{name} += [$E]", "add($E)"),
                              (f"{name}.extend($E)", "update($E)"), (f"{name}.insert($I, $E)", "add($E)")):  # fmt: skip
                b = match(form, node.value if isinstance(node, ast.Expr) else node)
                if b and is_pure(b["E"]) and not (add.startswith("update") and not isinstance(b["E"], ast.Name)):
                    edits.after(node, fill(f"{beside}.{add}", b))
                    changes += 1
                    break
            else:
                return None
    others = mutated([n for n in ast.walk(loop) if isinstance(n, ast.Delete)])
    if not changes or name in others or name not in _assigned_before(scope, loop):
        return None
    for test in tests:
        edits.replace(test, beside)
    edits.before(loop, f"{beside} = set({name})")
    return Rewrite(edits.text(), f"`in {name}` while it grows: a set beside the list", tests[0].lineno)


def _assigned_before(scope: Scope, loop: ast.stmt) -> set[str]:
    before = [n for n in ast.walk(scope) if isinstance(n, ast.stmt) and n.lineno < loop.lineno and n is not scope]
    names = bound([n for n in before if isinstance(n, ast.Assign | ast.AnnAssign)])
    args = scope.args.args if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef) else []
    return names | {a.arg for a in args}
