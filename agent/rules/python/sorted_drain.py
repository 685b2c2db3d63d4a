"""A list drained by its smallest or largest element is sorted once."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyedit import Edits, fresh_name, functions, loops
from codeopt.agent.rules.pymatch import match

SUMMARY = "`while a: … min(a) … max(a) … a.remove(…)`: sorted once into a deque, taken from its ends; with pushes: a heap"
EXPECTS = "O(n^2) -> O(n log n)"
SOURCE = "Selection by sorting; Python documentation, heapq"

_TAKE = '''
def _take(items, value):
    """Remove the first `value` of a sorted deque; cheap at both ends."""
    if items[0] == value:
        items.popleft()
    elif items[-1] == value:
        items.pop()
    else:
        items.remove(value)
'''


def apply(code: Code) -> Iterator[Rewrite]:
    for scope in functions(code):
        for loop in loops(scope):
            names = {b["a"].id for n in ast.walk(loop) if isinstance(n, ast.Call) and (b := match("$a.remove($E)", n))}
            for name in sorted(names):
                made = _drained(code, loop, name) or _heaped(code, loop, name)
                if made:
                    yield made


def _uses(loop: ast.stmt, name: str) -> list[ast.Name]:
    return [n for n in ast.walk(loop) if isinstance(n, ast.Name) and n.id == name]


def _drained(code: Code, loop: ast.stmt, name: str) -> Rewrite | None:
    edits = Edits(code.text)
    queue = fresh_name(code.tree, "ordered")
    known = 0
    extremes = removes = 0
    for node in ast.walk(loop):
        if isinstance(node, ast.Call):
            if match(f"min({name})", node) or match(f"max({name})", node):
                edits.replace(node, f"{queue}[{0 if match(f'min({name})', node) else -1}]")
                extremes += 1
                known += 1
            elif b := match(f"{name}.remove($E)", node):
                argument = ast.unparse(b["E"])
                inner = [n for n in ast.walk(b["E"]) if isinstance(n, ast.Call) and (match(f"min({name})", n) or match(f"max({name})", n))]
                if inner:
                    return None if len(inner) > 1 or inner[0] is not b["E"] else _popped(code, loop, name)
                edits.replace(node, f"_take({queue}, {argument})")
                removes += 1
                known += 1
            elif match(f"len({name})", node):
                edits.replace(node, f"len({queue})")
                known += 1
    if isinstance(loop, ast.While) and isinstance(loop.test, ast.Name) and loop.test.id == name:
        edits.replace(loop.test, queue)
        known += 1
    if not extremes or not removes or known != len(_uses(loop, name)):
        return None
    return _finish(code, edits, loop, name, queue)


def _popped(code: Code, loop: ast.stmt, name: str) -> Rewrite | None:
    """`a.remove(min(a))` directly."""
    edits = Edits(code.text)
    queue = fresh_name(code.tree, "ordered")
    known = 0
    for node in ast.walk(loop):
        if not isinstance(node, ast.Call):
            continue
        if match(f"{name}.remove(min({name}))", node):
            edits.replace(node, f"{queue}.popleft()")
            known += 2
        elif match(f"{name}.remove(max({name}))", node):
            edits.replace(node, f"{queue}.pop()")
            known += 2
        elif match(f"len({name})", node):
            edits.replace(node, f"len({queue})")
            known += 1
    removed = {id(n) for c in ast.walk(loop) if isinstance(c, ast.Call) and match(f"{name}.remove($E)", c) for n in ast.walk(c.args[0])}
    for node in ast.walk(loop):
        if id(node) not in removed and (match(f"min({name})", node) or match(f"max({name})", node)) and isinstance(node, ast.Call):
            edits.replace(node, f"{queue}[{0 if match(f'min({name})', node) else -1}]")
            known += 1
    if isinstance(loop, ast.While) and isinstance(loop.test, ast.Name) and loop.test.id == name:
        edits.replace(loop.test, queue)
        known += 1
    return _finish(code, edits, loop, name, queue) if known == len(_uses(loop, name)) else None


def _finish(code: Code, edits: Edits, loop: ast.stmt, name: str, queue: str) -> Rewrite:
    edits.before(loop, f"{queue} = deque(sorted({name}))")
    edits.after(loop, f"{name}[:] = {queue}")
    edits.add_import("from collections import deque")
    if f"_take({queue}" in edits.text() and _TAKE.strip() not in code.text:
        edits.add_helper(_TAKE)
    return Rewrite(edits.text(), f"`{name}` drained by its extremes: sorted once", loop.lineno)


def _heaped(code: Code, loop: ast.stmt, name: str) -> Rewrite | None:
    """`x = min(a); a.remove(x); … a.append(y)`: heapq."""
    edits = Edits(code.text)
    known = 0
    pops = 0
    for owner in ast.walk(loop):
        body = getattr(owner, "body", None)
        if not isinstance(body, list):
            continue
        for first, second in itertools.pairwise(body):
            b = match(f"$x = min({name})", first)
            if b and match(f"{name}.remove({b['x'].id})", getattr(second, "value", second)):
                edits.replace(first, f"{b['x'].id} = heapq.heappop({name})")
                edits.replace(second, "")
                known += 2
                pops += 1
    for node in ast.walk(loop):
        if isinstance(node, ast.Call) and (b := match(f"{name}.append($E)", node)):
            edits.replace(node, f"heapq.heappush({name}, {ast.unparse(b['E'])})")
            known += 1
        elif match(f"len({name})", node):
            known += 1
    if isinstance(loop, ast.While) and isinstance(loop.test, ast.Name) and loop.test.id == name:
        known += 1
    if not pops or known != len(_uses(loop, name)):
        return None
    edits.before(loop, f"heapq.heapify({name})")
    edits.add_import("import heapq")
    return Rewrite(edits.text(), f"`{name}` asked for its smallest again and again: a heap", loop.lineno)
