"""Loops in one form, however they were written: scans of all pairs of a sequence, and loops over elements."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from codeopt.agent.rules.base import Code
from codeopt.agent.rules.pyedit import Scope, functions, walk_scope
from codeopt.agent.rules.pyfacts import changed, is_pure, names_in
from codeopt.agent.rules.pymatch import match, same

X, Y = "x_", "y_"


class Swap(ast.NodeTransformer):
    """Replaces every node that has the structure of a key by its value: `Swap([(old, new), …]).visit(copy)`."""

    def __init__(self, pairs: Sequence[tuple[ast.expr, ast.expr]]) -> None:
        self.pairs = pairs

    def visit(self, node: ast.AST) -> ast.AST:
        for old, new in self.pairs:
            if type(node) is type(old) and same(node, old) and isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
                return copy.deepcopy(new)
        return self.generic_visit(node)


def swap(node: Any, pairs: Sequence[tuple[ast.expr, ast.expr]]) -> Any:
    """A copy of a tree with the given subtrees exchanged, of the same kind as the tree."""
    return ast.fix_missing_locations(Swap(pairs).visit(copy.deepcopy(node)))


def load(name: str) -> ast.Name:
    return ast.Name(id=name, ctx=ast.Load())


def expr(source: str) -> ast.expr:
    return ast.parse(source, mode="eval").body


@dataclass(frozen=True)
class Each:
    """A `for` over the elements of a sequence.

    Attributes:
        loop: The statement.
        seq: The sequence.
        index: Name of the index, "" where there is none.
        item: Name of the element, "" where it is only written as `seq[index]`.
        start: Where the index starts (source), "0" for the beginning.
    """

    loop: ast.For
    seq: ast.expr
    index: str
    item: str
    start: str


def lengths(scope: Scope) -> dict[str, ast.expr]:
    """Names that hold `len(A)` for the whole scope: name -> A."""
    out: dict[str, ast.expr] = {}
    count: dict[str, int] = {}
    for node in walk_scope(scope):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            count[node.id] = count.get(node.id, 0) + 1
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            b = match("len($A)", node.value)
            if b:
                out[node.targets[0].id] = b["A"]
    return {name: seq for name, seq in out.items() if count.get(name) == 1}


def each(loop: ast.stmt, known: Mapping[str, ast.expr]) -> Each | None:
    """The loop as a loop over elements; `known` is `lengths(scope)`. Only the sequences that the body leaves alone."""
    if not isinstance(loop, ast.For) or loop.orelse:
        return None
    found = _each(loop, known)
    if found is None or not is_pure(found.seq) or names_in(found.seq) & changed(loop.body):
        return None
    if {found.index, found.item} & changed(loop.body):
        return None
    return found


def _each(loop: ast.For, known: Mapping[str, ast.expr]) -> Each | None:
    t, it = loop.target, loop.iter
    pair = [e.id for e in t.elts if isinstance(e, ast.Name)] if isinstance(t, ast.Tuple) else []
    b = match("enumerate($A[$S:], $S)", it) or match("enumerate($A[$S:], start=$S)", it)
    if b and len(pair) == 2:
        return Each(loop, b["A"], pair[0], pair[1], ast.unparse(b["S"]))
    b = match("enumerate($A)", it)
    if b and len(pair) == 2:
        return Each(loop, b["A"], pair[0], pair[1], "0")
    if not isinstance(t, ast.Name):
        return None
    b = match("range($N)", it)
    start = "0"
    if not b:
        b = match("range($S, $N)", it)
        start = ast.unparse(b["S"]) if b else "0"
    if b:
        inner = match("len($A)", b["N"]) or match("len($A) - 1", b["N"])
        if inner:
            return Each(loop, inner["A"], t.id, "", start)
        stop = b["N"]
        if isinstance(stop, ast.BinOp) and isinstance(stop.op, ast.Sub) and match("1", stop.right):
            stop = stop.left
        if isinstance(stop, ast.Name) and stop.id in known:
            return Each(loop, known[stop.id], t.id, "", start)
        return None
    if isinstance(it, ast.Call) and getattr(it.func, "id", "") in ("range", "zip"):
        return None
    b = match("$A[$S:]", it)
    if b:
        return Each(loop, b["A"], "", t.id, ast.unparse(b["S"]))
    return Each(loop, it, "", t.id, "0") if isinstance(it, ast.Name | ast.Attribute) else None


@dataclass(frozen=True)
class Pairs:
    """A scan of the pairs of one sequence.

    Attributes:
        outer: The statement to replace.
        seq: The sequence.
        ordered: True for i < j, False for i != j (each pair seen twice).
        body: What is done with a pair, its elements named `x_` (first) and `y_` (second).
        i, j: Names of the indexes, "" where there are none.
        scope: The function around it.
    """

    outer: ast.For
    seq: ast.expr
    ordered: bool
    body: list[ast.stmt]
    i: str
    j: str
    scope: Scope

    @property
    def indexes_used(self) -> bool:
        return bool(names_in(self.body) & ({self.i, self.j} - {""}))


def pair_scans(code: Code) -> Iterator[Pairs]:
    """The pair scans in scope: two nested loops over one sequence, or a loop over `combinations(seq, 2)`."""
    for scope in functions(code):
        known = lengths(scope)
        for node in walk_scope(scope):
            if isinstance(node, ast.For):
                found = _combinations(node, scope) or _nested(node, known, scope)
                if found:
                    yield found


def _combinations(loop: ast.For, scope: Scope) -> Pairs | None:
    for text in ("combinations($A, 2)", "itertools.combinations($A, 2)"):
        b = match(text, loop.iter)
        if b and isinstance(loop.target, ast.Tuple) and len(loop.target.elts) == 2 and not loop.orelse:
            x, y = loop.target.elts
            if isinstance(x, ast.Name) and isinstance(y, ast.Name) and is_pure(b["A"]):
                body = [swap(s, [(load(x.id), load(X)), (load(y.id), load(Y))]) for s in loop.body]
                return Pairs(loop, b["A"], True, body, "", "", scope)
    return None


def _nested(node: ast.For, known: Mapping[str, ast.expr], scope: Scope) -> Pairs | None:
    lead = node.body[:-1]
    inner = node.body[-1]
    first = each(node, known)
    second = each(inner, known)
    if not first or not second or not same(first.seq, second.seq) or first.start != "0":
        return None
    pairs: list[tuple[ast.expr, ast.expr]] = []
    for e, name in ((first, X), (second, Y)):
        if e.index:
            pairs.append((ast.Subscript(value=e.seq, slice=load(e.index), ctx=ast.Load()), load(name)))
        if e.item:
            pairs.append((load(e.item), load(name)))
    for stmt in lead:
        b = match("$x = $E", stmt)
        if not b or not is_pure(b["E"]):
            return None
        pairs.append((load(b["x"].id), swap(b["E"], pairs)))
    body = list(second.loop.body)
    if second.start == "0":
        different = _without_self(body, first.index, second.index)
        if different is None:
            return None
        body, ordered = different
    elif first.index and second.start.replace(" ", "") in (f"{first.index}+1", f"1+{first.index}"):
        ordered = True
    else:
        return None
    return Pairs(node, first.seq, ordered, [swap(s, pairs) for s in body], first.index, second.index, scope)


def _without_self(body: list[ast.stmt], i: str, j: str) -> tuple[list[ast.stmt], bool] | None:
    """The body without its `if i != j` (pair seen twice) or `if i < j` (once); None where it has neither."""
    if not i or not j:
        return None
    if len(body) == 1 and isinstance(body[0], ast.If) and not body[0].orelse:
        test: ast.expr = body[0].test
        rest: list[ast.expr] = []
        if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
            test, *rest = test.values
            if not _orders(test, i, j) and len(rest) == 1:
                test, rest = rest[0], [test]
        kind = _orders(test, i, j)
        if kind:
            inside = body[0].body
            if rest:
                condition: ast.expr = rest[0] if len(rest) == 1 else ast.BoolOp(op=ast.And(), values=rest)
                inside = [ast.If(test=condition, body=inside, orelse=[])]
            return inside, kind == "lt"
    if len(body) > 1 and isinstance(body[0], ast.If) and len(body[0].body) == 1 and isinstance(body[0].body[0], ast.Continue):
        if match(f"{i} == {j}", body[0].test):
            return body[1:], False
        if match(f"{i} >= {j}", body[0].test):
            return body[1:], True
    return None


def _orders(test: ast.expr, i: str, j: str) -> str:
    if match(f"{i} != {j}", test):
        return "ne"
    return "lt" if match(f"{i} < {j}", test) else ""


def has_jump(body: list[ast.stmt], kinds: tuple[type, ...] = (ast.Break, ast.Continue)) -> bool:
    """Whether statements have a break or continue that belongs to the loop around them."""
    for stmt in body:
        for node in ast.walk(stmt):
            if isinstance(node, kinds):
                return True
    return False


def inline_locals(body: list[ast.stmt]) -> list[ast.stmt]:
    """Put leading `d = pure` assignments into the single statement that follows, where d is used only there."""
    out = list(body)
    while len(out) > 1:
        b = match("$d = $E", out[0])
        if not b or not is_pure(b["E"]):
            return out
        name = b["d"].id
        if any(isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Store) for s in out[1:] for n in ast.walk(s)):
            return out
        out = [swap(s, [(load(name), b["E"])]) for s in out[1:]]
    return out
