"""`state[j]` read again and again in one pass of a loop -> `item = state[j]` once at its start."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyedit import Edits, Loop, all_names, blocks_of, functions, loops, walk_scope
from codeopt.agent.rules.pyfacts import bound, root
from codeopt.agent.rules.pynumeric import free

SUMMARY = "a[j] read three times or more in one pass of a loop -> a local bound once in the pass"
EXPECTS = "1.2x measured on an n-body step over lists of lists"
SOURCE = "Common subexpression elimination, which CPython does not do"

FEWEST = 3


def apply(code: Code) -> Iterator[Rewrite]:
    for scope in functions(code):
        for loop in loops(scope):
            inner = any(isinstance(n, ast.For | ast.While) for s in loop.body for n in ast.walk(s))
            if not inner and not isinstance(loop, ast.AsyncFor):
                yield from _rewrite(code, loop)


def _rewrite(code: Code, loop: Loop) -> Iterator[Rewrite]:
    block = loop.body
    # A body that is one `if` holds the work in its branch.
    while len(block) == 1 and isinstance(block[0], ast.If) and not block[0].orelse:
        block = block[0].body
    changed = {name for statement in block for name in bound(statement)}
    sites: dict[str, list[ast.Subscript]] = {}
    for statement in block:
        for node in [statement, *walk_scope(statement)]:
            if isinstance(node, ast.JoinedStr):
                return
            if not isinstance(node, ast.Subscript) or not isinstance(node.value, ast.Name | ast.Attribute):
                continue
            if not isinstance(node.ctx, ast.Load):
                changed.add(root(node))  # a[j] = ...: the item is exchanged
            elif _plain(node.slice):
                sites.setdefault(ast.unparse(node), []).append(node)
    kept = {
        text: found
        for text, found in sites.items()
        if len(found) >= FEWEST and not changed & {n.id for n in ast.walk(found[0]) if isinstance(n, ast.Name)}
    }
    # Only what the first statements read anyway may be read before them.
    always = {id(n) for s in block if not any(True for _ in blocks_of(s)) for n in ast.walk(s)}
    kept = {text: found for text, found in kept.items() if any(id(node) in always for node in found)}
    if not kept:
        return
    used = all_names(code.tree)
    edits = Edits(code.text)
    lines = []
    for text, found in kept.items():
        local = free("".join(c if c.isalnum() else "_" for c in text).strip("_"), used)
        used.add(local)
        lines.append(f"{local} = {text}")
        for node in found:
            edits.replace(node, local)
    edits.before(block[0], "\n".join(lines))
    yield Rewrite(edits.text(), f"{', '.join(kept)} read once in a pass", loop.lineno)


def _plain(index: ast.expr) -> bool:
    """A name, or a name and a constant."""
    if isinstance(index, ast.BinOp):
        return isinstance(index.left, ast.Name) and isinstance(index.right, ast.Constant)
    return isinstance(index, ast.Name)
