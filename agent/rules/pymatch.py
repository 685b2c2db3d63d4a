"""Patterns over Python syntax: code with `$holes`.

    $x        (lower case) any variable name;  $E (upper case) any expression;  $$body  any statements, also none
    find(code, "for $i in range(len($A)):\n    $$body")       each place in scope, with what the holes hold
    fill("for $x in $A:\n    $$body", bindings)               source with the holes filled

A hole used twice must hold the same thing. Patterns match modulo notation: `a == b` and `b == a`, `a < b` and `b > a`,
`a + b` and `b + a`, `range(n)` and `range(0, n)`, `x += 1` and `x = x + 1`, `not x % y` and `x % y == 0`.
"""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyedit import Edits, Scope, blocks_of, functions, span, walk_scope

Binding = Mapping[str, Any]
_HOLE = re.compile(r"\$(\$?)([A-Za-z_]\w*)")
_MIRROR: dict[type, type] = {ast.Lt: ast.Gt, ast.Gt: ast.Lt, ast.LtE: ast.GtE, ast.GtE: ast.LtE, ast.Eq: ast.Eq, ast.NotEq: ast.NotEq}
_SKIP = frozenset({"ctx", "kind", "type_comment", "lineno", "col_offset", "end_lineno", "end_col_offset"})


@lru_cache(maxsize=1024)
def _pattern(source: str) -> tuple[ast.stmt, ...]:
    return tuple(ast.parse(_HOLE.sub(lambda m: ("MVS_" if m[1] else "MV_") + m[2], source)).body)


def _hole(node: object) -> str:
    return node.id[3:] if isinstance(node, ast.Name) and node.id.startswith("MV_") else ""


def _block_hole(node: object) -> str:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Name) and node.value.id.startswith("MVS_"):
        return node.value.id[4:]
    return ""


def dump(node: ast.AST) -> str:
    """Structure of a node as text, the same for reading and writing."""
    return ast.dump(node).replace("Store()", "Load()").replace("Del()", "Load()")


def same(a: object, b: object) -> bool:
    """Whether two nodes (or lists of nodes) have the same structure."""
    if isinstance(a, ast.AST) and isinstance(b, ast.AST):
        return dump(a) == dump(b)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b))
    return a == b


def _bind(name: str, value: object, found: Binding) -> Iterator[Binding]:
    if name in found:
        held = found[name]
        if same(held, value) or _identifier(held) == _identifier(value) != "":
            yield found
    else:
        yield {**found, name: value}


def _identifier(held: object) -> str:
    """The name in a variable or in an argument's definition."""
    return held.id if isinstance(held, ast.Name) else held if isinstance(held, str) else ""


def _match(p: object, n: object, b: Binding) -> Iterator[Binding]:
    if isinstance(p, list):
        if isinstance(n, list):
            yield from _match_list(p, n, b)
        return
    if not isinstance(p, ast.AST):
        if isinstance(p, str) and isinstance(n, str) and p.startswith("MV_"):
            yield from _bind(p[3:], n, b)
        elif p == n and type(p) is type(n):
            yield b
        return
    hole = _hole(p)
    if hole:
        if isinstance(n, ast.Name if hole[0].islower() else ast.expr):
            yield from _bind(hole, n, b)
        return
    if isinstance(n, ast.AST):
        for alternative in _notations(p, n):
            yield from _match_node(p, alternative, b)


def _notations(p: ast.AST, n: ast.AST) -> Iterator[ast.AST]:
    """The node, and the same thing written in the pattern's notation."""
    if type(p) is type(n):
        yield n
    if isinstance(n, ast.Compare) and isinstance(p, ast.Compare) and len(n.ops) == 1 and type(n.ops[0]) in _MIRROR:
        yield _at(n, ast.Compare(left=n.comparators[0], ops=[_MIRROR[type(n.ops[0])]()], comparators=[n.left]))
    elif isinstance(p, ast.BinOp) and isinstance(n, ast.BinOp) and isinstance(n.op, ast.Add | ast.Mult):
        yield _at(n, ast.BinOp(left=n.right, op=n.op, right=n.left))
    elif isinstance(n, ast.BoolOp) and isinstance(p, ast.BoolOp) and len(n.values) == 2:
        yield _at(n, ast.BoolOp(op=n.op, values=n.values[::-1]))
    elif isinstance(p, ast.Compare) and isinstance(n, ast.UnaryOp) and isinstance(n.op, ast.Not):
        if isinstance(n.operand, ast.BinOp) and isinstance(n.operand.op, ast.Mod):
            yield _at(n, ast.Compare(left=n.operand, ops=[ast.Eq()], comparators=[ast.Constant(value=0)]))
    elif isinstance(p, ast.AugAssign) and isinstance(n, ast.Assign) and len(n.targets) == 1:
        v, t = n.value, n.targets[0]
        if isinstance(v, ast.BinOp) and isinstance(t, ast.Name):
            if same(v.left, t):
                yield _at(n, ast.AugAssign(target=t, op=v.op, value=v.right))
            elif same(v.right, t) and isinstance(v.op, ast.Mult):
                yield _at(n, ast.AugAssign(target=t, op=v.op, value=v.left))
    elif isinstance(n, ast.Call) and isinstance(p, ast.Call) and getattr(n.func, "id", "") == "range":
        args = n.args
        if len(args) == 3 and isinstance(args[2], ast.Constant) and args[2].value == 1:
            args = args[:2]
        if len(args) == 2 and len(p.args) == 1 and isinstance(args[0], ast.Constant) and args[0].value == 0:
            args = args[1:]
        if len(args) != len(n.args):
            yield _at(n, ast.Call(func=n.func, args=args, keywords=[]))


def _at(old: ast.AST, new: ast.AST) -> ast.AST:
    return ast.copy_location(new, old)


def _match_node(p: ast.AST, n: ast.AST, b: Binding) -> Iterator[Binding]:
    fields = [f for f in p._fields if f not in _SKIP]

    def step(index: int, found: Binding) -> Iterator[Binding]:
        if index == len(fields):
            yield found
            return
        for nxt in _match(getattr(p, fields[index], None), getattr(n, fields[index], None), found):
            yield from step(index + 1, nxt)

    yield from step(0, b)


def _match_list(ps: list[object], ns: list[object], b: Binding) -> Iterator[Binding]:
    if not ps:
        if not ns:
            yield b
        return
    name = _block_hole(ps[0])
    if name:
        for cut in range(len(ns) + 1):
            for found in _bind(name, ns[:cut], b):
                yield from _match_list(ps[1:], ns[cut:], found)
        return
    if ns:
        for found in _match(ps[0], ns[0], b):
            yield from _match_list(ps[1:], ns[1:], found)


def match(pattern: str, node: ast.AST | list[ast.stmt]) -> Binding | None:
    """What the holes hold where a node (or a whole block) is the pattern (`_` holds the node itself), else None."""
    ps = _pattern(pattern)
    p: object = ps[0].value if isinstance(ps[0], ast.Expr) and isinstance(node, ast.expr) and len(ps) == 1 else ps[0]
    start: Binding = {"_": node}
    return next(_match(list(ps), node, start) if isinstance(node, list) else _match(p, node, start), None)


@dataclass(frozen=True)
class Found:
    """A place that a pattern matched.

    Attributes:
        b: Hole -> node, list of statements, or string.
        nodes: The matched expression, or the matched consecutive statements.
        scope: The function (or module) around it.
        rest: The statements of the block after the matched ones.
        before: The statements of the block before them.
    """

    b: Binding
    nodes: list[Any]
    scope: Scope
    rest: list[ast.stmt]
    before: list[ast.stmt]

    def __getitem__(self, name: str) -> ast.expr:
        return self.b[name]

    def block(self, name: str) -> list[ast.stmt]:
        """The statements that a `$$name` hole holds."""
        return self.b[name]

    def name(self, hole: str) -> str:
        """The identifier that a lower-case hole holds."""
        held = self.b[hole]
        return held.id if isinstance(held, ast.Name) else str(held)


def all_blocks(scope: Scope) -> Iterator[list[ast.stmt]]:
    """Every statement list of a scope, nested functions left out."""
    yield scope.body
    for node in walk_scope(scope):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from blocks_of(node)
        if isinstance(node, ast.Try | ast.Match):
            for part in node.handlers if isinstance(node, ast.Try) else node.cases:
                yield part.body


@dataclass(frozen=True)
class _Index:
    """The expressions (by type) and the blocks of one scope, walked once for all patterns."""

    tree: ast.Module
    scope: Scope
    exprs: Mapping[type, list[ast.expr]]
    blocks: list[list[ast.stmt]]


_INDEXES: dict[tuple[int, str], list[_Index]] = {}


def _indexes(code: Code) -> list[_Index]:
    key = (id(code.tree), code.function)
    held = _INDEXES.get(key)
    if held is None:
        held = []
        for scope in functions(code):
            exprs: dict[type, list[ast.expr]] = {}
            for node in walk_scope(scope):
                for inner in ast.walk(node.body) if isinstance(node, ast.Lambda) else (node,):
                    if isinstance(inner, ast.expr):
                        exprs.setdefault(type(inner), []).append(inner)
            held.append(_Index(code.tree, scope, exprs, list(all_blocks(scope))))
        while len(_INDEXES) > 8:
            del _INDEXES[next(iter(_INDEXES))]
        _INDEXES[key] = held  # holds the tree, so that its id stays taken
    return held


def _may_be(p: ast.AST) -> tuple[type, ...]:
    """Types of nodes that a pattern can match at all; () for any."""
    if _hole(p) or _block_hole(p):
        return ()
    if isinstance(p, ast.AugAssign):
        return (ast.AugAssign, ast.Assign)
    return (ast.Compare, ast.UnaryOp) if isinstance(p, ast.Compare) else (type(p),)


def find(code: Code, pattern: str) -> Iterator[Found]:
    """Each place in scope where the pattern matches: an expression, or consecutive statements of one block."""
    ps = _pattern(pattern)
    first = ps[0]
    if len(ps) == 1 and isinstance(first, ast.Expr) and not _block_hole(first):
        for index in _indexes(code):
            for kind in _may_be(first.value) or tuple(index.exprs):
                for node in index.exprs.get(kind, ()):
                    b = next(_match(first.value, node, {}), None)
                    if b is not None:
                        yield Found(b, [node], index.scope, [], [])
        return
    may = [_may_be(p) for p in ps]
    fixed = not any(_block_hole(p) for p in ps)
    for index in _indexes(code):
        for block in index.blocks:
            for start in range(len(block)):
                near = zip(may, block[start:]) if fixed else [(may[0], block[start])]
                if any(types and not isinstance(stmt, types) for types, stmt in near):
                    continue
                hit = _prefix(list(ps), block[start:])
                if hit is not None:
                    found, used = hit
                    taken = list(block[start : start + used])
                    yield Found(found, taken, index.scope, block[start + used :], block[:start])


def _prefix(ps: list[ast.stmt], stmts: list[ast.stmt]) -> tuple[Binding, int] | None:
    """Match at the beginning of a list of statements; how many were used."""
    fixed = not any(_block_hole(p) for p in ps)
    for used in [len(ps)] if fixed else range(len([p for p in ps if not _block_hole(p)]), len(stmts) + 1):
        if used <= len(stmts):
            b = next(_match_list(list(ps), list(stmts[:used]), {}), None)
            if b is not None:
                return b, used
    return None


class _Fill(ast.NodeTransformer):
    def __init__(self, b: Binding) -> None:
        self.b = b

    def visit_Name(self, node: ast.Name) -> Any:
        name = _hole(node)
        return copy.deepcopy(self.b[name]) if name else node

    def visit_Expr(self, node: ast.Expr) -> ast.AST | list[ast.stmt]:
        name = _block_hole(node)
        if name:
            return [copy.deepcopy(s) for s in self.b[name]]
        return self.generic_visit(node)

    def generic_visit(self, node: ast.AST) -> ast.AST:
        for field, value in ast.iter_fields(node):
            if isinstance(value, str) and value.startswith("MV_"):
                held = self.b[value[3:]]
                setattr(node, field, held.id if isinstance(held, ast.Name) else held)
        return super().generic_visit(node)


def fill(template: str, b: Mapping[str, object]) -> str:
    """Source from a template. A hole may hold a node, a list of statements, or a string (source of an expression)."""
    held: dict[str, object] = {}
    for name, value in b.items():
        held[name] = ast.parse(value.strip(), mode="eval").body if isinstance(value, str) else value
    whole = ast.Module(body=[copy.deepcopy(s) for s in _pattern(template)], type_ignores=[])
    tree: ast.Module = _Fill(held).visit(whole)
    for node in ast.walk(tree):
        for block in blocks_of(node):
            if not block and not isinstance(node, ast.Module):
                block.append(ast.Pass())
    return _single_parentheses(ast.unparse(ast.fix_missing_locations(_Tidy().visit(tree))))


def _single_parentheses(source: str) -> str:
    """`sum((x for x in a))`, as ast.unparse writes it, to `sum(x for x in a)`."""
    cuts: list[int] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords and isinstance(node.args[0], ast.GeneratorExp):
            start, end = span(source, node.args[0])
            if source[start - 1] == source[start] == "(" and source[end - 1 : end + 1] == "))":
                cuts += [start, end - 1]
    return "".join(c for at, c in enumerate(source) if at not in set(cuts)) if cuts else source


class _Tidy(ast.NodeTransformer):
    """Takes out what filling leaves behind: `x + 1 - 1`, `0 + x`, `x - 0`, `True if a == b else False`."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        left, right = _number(node.left), _number(node.right)
        plus = isinstance(node.op, ast.Add)
        if not plus and not isinstance(node.op, ast.Sub):
            return node
        if left is not None and right is not None:
            return ast.Constant(value=left + right) if plus and left + right >= 0 else self._difference(node, left - right)
        if right == 0 and not isinstance(node.left, ast.Constant):
            return node.left
        if left == 0 and plus:
            return node.right
        inner = node.left
        if right is not None and isinstance(inner, ast.BinOp) and isinstance(inner.op, ast.Add | ast.Sub):
            held = _number(inner.right)
            if held is not None:
                total = (held if isinstance(inner.op, ast.Add) else -held) + (right if plus else -right)
                if total == 0:
                    return inner.left
                op: ast.operator = ast.Add() if total > 0 else ast.Sub()
                return ast.BinOp(left=inner.left, op=op, right=ast.Constant(value=abs(total)))
        return node

    @staticmethod
    def _difference(node: ast.BinOp, value: int) -> ast.expr:
        return ast.Constant(value=value) if isinstance(node.op, ast.Sub) and value >= 0 else node

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        self.generic_visit(node)
        values = (getattr(node.body, "value", None), getattr(node.orelse, "value", None))
        if isinstance(node.test, ast.Compare) and values[0] is True and values[1] is False:
            return node.test
        return node


def _number(node: ast.expr) -> int | None:
    return node.value if isinstance(node, ast.Constant) and type(node.value) is int else None


def rewrite(
    code: Code, found: Found, template: str, note: str, imports: Iterable[str] = (), **extra: object
) -> Iterator[Rewrite]:
    """The rewrite that puts a filled template in the place of what was found (one, or none where it cannot be edited).

    `imports` go to the top of the file; `extra` gives further holes.
    """
    new = fill(template, {**found.b, **extra})
    edits = Edits(code.text)
    if isinstance(found.nodes[0], ast.stmt):
        edits.replace_stmts([n for n in found.nodes if isinstance(n, ast.stmt)], new)
    else:
        edits.replace(found.nodes[0], new if _atomic(new) else f"({new})")
    for line in imports:
        edits.add_import(line)
    yield Rewrite(edits.text(), note, found.nodes[0].lineno)


def _atomic(source: str) -> bool:
    return isinstance(ast.parse(source, mode="eval").body, ast.Call | ast.Name | ast.Subscript | ast.Attribute | ast.Constant)


Guard = Callable[[Found], bool]


@dataclass(frozen=True)
class Shape:
    """One pattern, what it becomes, and when."""

    pattern: str
    template: str
    note: str
    guard: Guard = lambda f: True
    imports: tuple[str, ...] = ()


def apply_shapes(code: Code, shapes: Iterable[Shape]) -> Iterator[Rewrite]:
    """The rewrites of a table of shapes."""
    for shape in shapes:
        for found in find(code, shape.pattern):
            if shape.guard(found):
                yield from rewrite(code, found, shape.template, shape.note, shape.imports)
