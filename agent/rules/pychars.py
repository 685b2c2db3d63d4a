"""What a piece of code does with one element: as one expression of that element, for rules that work per distinct element."""

from __future__ import annotations

import ast
import copy
from dataclasses import dataclass

from codeopt.agent.rules.pyfacts import is_pure, names_in
from codeopt.agent.rules.pymatch import match


def appended(body: list[ast.stmt], acc: str, empty: ast.expr | None) -> ast.expr | None:
    """What one turn of a loop adds to `acc`, as one expression (`empty` where a branch adds nothing); None if it is not so simple.

    Understands `acc += e`, `acc = acc + e`, `acc.append(e)`, `if`/`elif`/`else` around them, and `continue` at the end of a branch.
    """
    body = [s for s in body if not isinstance(s, ast.Pass)]
    if not body or (len(body) == 1 and isinstance(body[0], ast.Continue)):
        return copy.deepcopy(empty)
    first, rest = body[0], body[1:]
    if isinstance(first, ast.If):
        jumps = first.body and isinstance(first.body[-1], ast.Continue)
        yes = appended(first.body[:-1] if jumps else first.body, acc, empty)
        if jumps and not first.orelse:
            no = appended(rest, acc, empty)
        elif rest:
            return None
        else:
            no = appended(first.orelse, acc, empty)
        if yes is None or no is None or acc in names_in(first.test):
            return None
        return ast.IfExp(test=first.test, body=yes, orelse=no)
    for pattern in (f"{acc} += $E", f"{acc} = {acc} + $E", f"{acc}.append($E)"):
        b = match(pattern, first.value if isinstance(first, ast.Expr) else first)
        if b and acc not in names_in(b["E"]):
            if rest and not (len(rest) == 1 and isinstance(rest[0], ast.Continue)):
                return None
            value: ast.expr = b["E"]
            return value
    return None


def depends_only_on(node: ast.expr, item: str, pure: set[str], outside: set[str]) -> bool:
    """Whether an expression is pure and reads, besides `item`, only names that `outside` (names changed around) leaves alone."""
    return is_pure(node, pure) and not (names_in(node) - {item}) & outside and item in names_in(node)


@dataclass(frozen=True)
class PerItem:
    """A comprehension over one sequence: element expression, item name, sequence, conditions."""

    node: ast.expr
    elt: ast.expr
    item: str
    seq: ast.expr
    ifs: list[ast.expr]


def per_item(node: ast.AST) -> PerItem | None:
    """A one-loop list comprehension or generator over a plain name."""
    if isinstance(node, ast.ListComp | ast.GeneratorExp) and len(node.generators) == 1:
        g = node.generators[0]
        if isinstance(g.target, ast.Name) and not g.is_async:
            return PerItem(node, node.elt, g.target.id, g.iter, g.ifs)
    return None


def condition(item: PerItem) -> ast.expr | None:
    """All conditions as one expression, None where there are none."""
    if not item.ifs:
        return None
    return item.ifs[0] if len(item.ifs) == 1 else ast.BoolOp(op=ast.And(), values=list(item.ifs))

