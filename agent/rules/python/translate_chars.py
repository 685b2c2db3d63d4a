"""Character by character mapping and filtering becomes str.translate with a table of the distinct characters."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pychars import PerItem, appended, condition, depends_only_on, per_item
from codeopt.agent.rules.pyedit import Edits, all_functions, functions
from codeopt.agent.rules.pyfacts import changed, is_pure, names_in, type_of
from codeopt.agent.rules.pymatch import fill, find, match
from codeopt.agent.rules.pyplace import walk_all

SUMMARY = "A string built character by character, each by a pure rule of that character: str.translate over the distinct ones"
EXPECTS = "5-30x on long strings"
SOURCE = "Python documentation, str.translate; few distinct characters in long text"

_EMPTY = ast.Constant(value="")


def apply(code: Code) -> Iterator[Rewrite]:
    pure = {fn.name for fn in all_functions(code.tree).values()}
    for scope in functions(code):
        for node in walk_all(scope):
            b = match("''.join($E)", node) if isinstance(node, ast.Call) else None
            item = _mapped(b["E"]) if b else None
            if item is None or not isinstance(node, ast.Call) or type_of(item.seq, scope) not in ("str", ""):
                continue
            test = condition(item)
            value = item.elt if test is None else ast.IfExp(test=test, body=item.elt, orelse=_EMPTY)
            if not is_pure(item.seq) or not depends_only_on(value, item.item, pure, set()) or _same(item.elt, item.item, test):
                continue
            edits = Edits(code.text)
            table = f"{{ord({item.item}): {ast.unparse(_deleting(value))} for {item.item} in set($S)}}"
            edits.replace(node, fill(f"$S.translate({table})", {"S": item.seq}))
            yield Rewrite(edits.text(), "character mapping: str.translate over the distinct characters", node.lineno)
    yield from _loops(code, pure)


def _deleting(value: ast.expr) -> ast.expr:
    """With None for a character that is left out (translate has a fast path for None, not for an empty string)."""
    if isinstance(value, ast.IfExp):
        return ast.IfExp(test=value.test, body=_deleting(value.body), orelse=_deleting(value.orelse))
    return ast.Constant(value=None) if isinstance(value, ast.Constant) and value.value == "" else value


def _same(elt: ast.expr, item: str, test: ast.expr | None) -> bool:
    return test is None and isinstance(elt, ast.Name) and elt.id == item


def _mapped(node: ast.expr) -> PerItem | None:
    """A comprehension over something that may be a string."""
    found = per_item(node)
    return found if found and isinstance(found.seq, ast.Name | ast.Call | ast.Subscript | ast.Attribute) else None


def _loops(code: Code, pure: set[str]) -> Iterator[Rewrite]:
    shapes = (("$out = ''\n$$gap\nfor $c in $S:\n    $$body", False), ("$out = []\n$$gap\nfor $c in $S:\n    $$body", True))
    for pattern, is_list in shapes:
        for f in find(code, pattern):
            out, c = f.name("out"), f.name("c")
            loop = f.nodes[-1]
            if not isinstance(loop, ast.For) or loop.orelse or type_of(f["S"], f.scope) not in ("str", "") or not is_pure(f["S"]):
                continue
            if out in names_in(f.block("gap")) or (isinstance(f["S"], ast.Call) and getattr(f["S"].func, "id", "") in ("range", "zip")):
                continue
            value = appended(f.block("body"), out, _EMPTY)
            if value is None or not depends_only_on(value, c, pure, changed(loop) - {c}) or _same(value, c, None):
                continue
            joined = _joined(f.rest, out) if is_list else None
            if is_list and joined is None:
                continue
            edits = Edits(code.text)
            table = f"{{ord({c}): {ast.unparse(_deleting(value))} for {c} in set($S)}}"
            edits.replace(loop, fill(f"$out = $S.translate({table})", f.b))
            if joined is not None:
                edits.replace(joined, out)
            yield Rewrite(edits.text(), "characters mapped in a loop: str.translate over the distinct characters", loop.lineno)


def _joined(rest: list[ast.stmt], out: str) -> ast.expr | None:
    """The one later use of the list, `''.join(out)`."""
    for at, stmt in enumerate(rest):
        if match(f"{out} = ''.join({out})", stmt) and not any(out in names_in(s) for s in rest[:at]):
            joined: ast.expr = stmt.value  # type: ignore[attr-defined]
            return joined
    uses = [n for s in rest for n in ast.walk(s) if isinstance(n, ast.Name) and n.id == out and isinstance(n.ctx, ast.Load)]
    joins = [n for s in rest for n in ast.walk(s) if isinstance(n, ast.Call) and match(f"''.join({out})", n)]
    if len(joins) == 1 and len(uses) == 1 and not _rebound(rest, out, joins[0]):
        return joins[0]
    return None


def _rebound(rest: list[ast.stmt], out: str, join: ast.Call) -> bool:
    """Whether the list is rebound before the join."""
    stores = [n for s in rest for n in ast.walk(s) if isinstance(n, ast.Name) and n.id == out and isinstance(n.ctx, ast.Store)]
    return any(n.lineno < join.lineno for n in stores)
