"""Products of many integers by halves, so that factors of equal size meet."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyedit import Edits, functions, loops
from codeopt.agent.rules.pyfacts import changed, is_pure, type_of
from codeopt.agent.rules.pymatch import Shape, apply_shapes, match

SUMMARY = "`p *= x` over a sequence: a product tree over (value, count) pairs, split off from the rest of the loop"
EXPECTS = "O(n^2) -> O(n log^2 n) digit operations for long products"
SOURCE = "Product trees (binary splitting)"

_PRODUCT = '''
def _product(values):
    """Product of integers: equal ones as powers, the rest by halves; of other numbers from left to right."""
    values = list(values)
    if not all(type(v) is int for v in values):
        return math.prod(values)
    parts = [v ** k for v, k in Counter(values).items()]
    while len(parts) > 1:
        parts = [math.prod(parts[i : i + 2]) for i in range(0, len(parts), 2)]
    return parts[0] if parts else 1
'''
_IMPORTS = ("import math", "from collections import Counter")


def apply(code: Code) -> Iterator[Rewrite]:
    for scope in functions(code):
        for loop in loops(scope):
            if not isinstance(loop, ast.For) or loop.orelse or not isinstance(loop.target, ast.Name) or not isinstance(loop.iter, ast.Name):
                continue
            for stmt in loop.body:
                b = match(f"$p *= {loop.target.id}", stmt)
                if not b or type_of(b["p"], scope) == "float":
                    continue
                name = b["p"].id
                mentions = sum(isinstance(n, ast.Name) and n.id == name for s in loop.body for n in ast.walk(s))
                own = sum(isinstance(n, ast.Name) and n.id == name for n in ast.walk(stmt))
                if mentions != own or {loop.iter.id, loop.target.id} & changed(loop.body):
                    continue
                edits = Edits(code.text)
                made = f"{name} *= _product({loop.iter.id})"
                if len(loop.body) == 1:
                    edits.replace(loop, made)
                else:
                    edits.replace(stmt, "")
                    edits.before(loop, made)
                _helper(code, edits)
                yield Rewrite(edits.text(), "long product: by halves", loop.lineno)
    for new in apply_shapes(code, (Shape("math.prod($A)", "_product($A)", "long product: by halves", lambda f: is_pure(f["A"])),)):
        if "_product" not in code.text:
            edits = Edits(new.text)
            _helper(code, edits)
            yield Rewrite(edits.text(), new.note, new.line)


def _helper(code: Code, edits: Edits) -> None:
    if "def _product(" not in code.text:
        edits.add_helper(_PRODUCT)
    for line in _IMPORTS:
        edits.add_import(line)


