"""Counting and summing over the characters of a string goes by distinct character."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pychars import PerItem, appended, condition, depends_only_on, per_item
from codeopt.agent.rules.pyedit import Edits, Scope, all_functions, functions
from codeopt.agent.rules.pyfacts import changed, element_type, is_pure, names_in, type_of
from codeopt.agent.rules.pyloops import load, swap
from codeopt.agent.rules.pymatch import fill, match
from codeopt.agent.rules.pyplace import walk_all

SUMMARY = "`sum(f(c) for c in s)`, `len([c for c in s if p(c)])` and counting loops over a string: by distinct character"
EXPECTS = "5-50x on long strings"
SOURCE = "str.count runs in C and long text has few distinct characters"

_ZERO = ast.Constant(value=0)


def apply(code: Code) -> Iterator[Rewrite]:
    pure = {fn.name for fn in all_functions(code.tree).values()}
    for scope in functions(code):
        for node in walk_all(scope):
            if isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords:
                yield from _aggregate(code, node, scope, pure)
            elif isinstance(node, ast.For):
                yield from _loop(code, node, scope, pure)


def _aggregate(code: Code, node: ast.Call, scope: Scope, pure: set[str]) -> Iterator[Rewrite]:
    word = getattr(node.func, "id", "")
    inner = node.args[0]
    if word == "len":
        b = match("list($E)", inner)
        inner = b["E"] if b else inner
        b = match("filter(lambda $x: $E, $S)", inner)
        if b:
            inner = ast.parse(fill("[$y for $y in $S if $E]", {"y": load(str(b["x"])), "S": b["S"], "E": b["E"]}), mode="eval").body
    item = per_item(inner)
    if word not in ("sum", "len") or item is None:
        return
    if word == "len" and not (isinstance(inner, ast.ListComp) and item.ifs):
        return
    seq, value = _over_text(item, scope)
    test = condition(item)
    test = swap(test, value) if test is not None and value else test
    weight: ast.expr = ast.Constant(value=1) if word == "len" else (swap(item.elt, value) if value else item.elt)
    name = item.item
    made = _by_character(seq, name, weight, test, pure) if seq is not None else ""
    if made:
        edits = Edits(code.text)
        edits.replace(node, made)
        if "Counter(" in made:
            edits.add_import("from collections import Counter")
        yield Rewrite(edits.text(), "per character: once for each distinct character, times its count", node.lineno)


def _over_text(item: PerItem, scope: Scope) -> tuple[ast.expr | None, list[tuple[ast.expr, ast.expr]]]:
    """The string that is walked, and how to write its character where the walk is by index."""
    kind = type_of(item.seq, scope)
    if kind == "str" or (kind == "" and isinstance(item.seq, ast.Name) and _looks_text(item, scope)):
        return item.seq, []
    return None, []


def _looks_text(item: PerItem, scope: Scope) -> bool:
    """The element is used as a character: a string method on it, `int(c)`, `ord(c)`, or a comparison with text."""
    return _as_text([item.elt, *item.ifs], item.item, scope)


def _as_text(nodes: list[ast.expr], c: str, scope: Scope) -> bool:
    for top in nodes:
        for n in ast.walk(top):
            if isinstance(n, ast.Attribute) and getattr(n.value, "id", "") == c and n.attr.startswith(("is", "lower", "upper")):
                return True
            if match(f"ord({c})", n) or match(f"int({c})", n):
                return True
            if isinstance(n, ast.Compare) and c in ast.unparse(n.left):
                held = n.comparators[0]
                if isinstance(held, ast.Constant) and isinstance(held.value, str):
                    return True
                if isinstance(n.ops[0], ast.In | ast.NotIn) and "str" in (type_of(held, scope), element_type(held, scope)):
                    return True
                if isinstance(held, ast.List | ast.Tuple | ast.Set) and held.elts and all(
                    isinstance(e, ast.Constant) and isinstance(e.value, str) and len(e.value) == 1 for e in held.elts
                ):
                    return True
    return False


def _by_character(seq: ast.expr, c: str, weight: ast.expr, test: ast.expr | None, pure: set[str]) -> str:
    if not is_pure(seq):
        return ""
    parts = [p for p in (weight, test) if p is not None and not isinstance(p, ast.Constant)]
    if not parts or not all(depends_only_on(p, c, pure, set()) for p in parts):
        return ""
    b: dict[str, object] = {"S": seq, "c": load(c), "W": weight, "T": test if test is not None else _ZERO}
    if test is None and match(f"{c} == $K", weight):
        return fill("$S.count($K)", {**b, **(match(f"{c} == $K", weight) or {})})
    if isinstance(weight, ast.Constant) and weight.value == 1 and test is not None and match(f"{c} == $K", test):
        return fill("$S.count($K)", {**b, **(match(f"{c} == $K", test) or {})})
    times = "$S.count($c)" if isinstance(seq, ast.Name) else "times"
    product = times if isinstance(weight, ast.Constant) and weight.value == 1 else f"$W * {times}"
    over = "$c in set($S)" if isinstance(seq, ast.Name) else "$c, times in Counter($S).items()"
    return fill(f"sum({product} for {over}" + (" if $T)" if test is not None else ")"), b)


def _loop(code: Code, loop: ast.For, scope: Scope, pure: set[str]) -> Iterator[Rewrite]:
    """`for c in s: if p(c): n += 1`, also by index."""
    if loop.orelse:
        return
    body, c, seq = list(loop.body), "", loop.iter
    b = match("range(len($S))", loop.iter) or match("range(0, len($S), $K)", loop.iter)
    if b and isinstance(loop.target, ast.Name):
        c = "char"
        walk = ast.parse(fill("$S[$i]", {"S": b["S"], "i": loop.target}), mode="eval").body
        body = [swap(s, [(walk, load(c))]) for s in body]
        seq = ast.parse(fill("$S[::$K]" if "K" in b else "$S", b), mode="eval").body
        if any(isinstance(n, ast.Name) and n.id == loop.target.id for s in body for n in ast.walk(s)):
            return
    else:
        if not isinstance(loop.target, ast.Name) or not is_pure(seq) or names_in(seq) & (changed(body) | {loop.target.id}):
            return
        c = loop.target.id
    accs = {n.target.id for s in body for n in ast.walk(s) if isinstance(n, ast.AugAssign) and isinstance(n.target, ast.Name)}
    if not accs or (changed(body) - accs):
        return
    lines = []
    for acc in sorted(accs):
        value = appended([_Only(acc).visit(copy.deepcopy(s)) for s in body], acc, _ZERO)
        if type_of(load(acc), scope) in ("str", "list") or value is None or not (type_of(seq, scope) == "str" or (type_of(seq, scope) == "" and _as_text([value], c, scope))):
            return
        split = isinstance(value, ast.IfExp) and isinstance(value.orelse, ast.Constant) and value.orelse.value == 0
        made = _by_character(seq, c, value.body, value.test, pure) if split and isinstance(value, ast.IfExp) \
            else _by_character(seq, c, value, None, pure)
        if not made:
            return
        lines.append(f"{acc} += {made}")
    edits = Edits(code.text)
    edits.replace(loop, "\n".join(lines))
    if any("Counter(" in line for line in lines):
        edits.add_import("from collections import Counter")
    yield Rewrite(edits.text(), "counting loop: once for each distinct character, times its count", loop.lineno)


class _Only(ast.NodeTransformer):
    """Leaves of several accumulators only one."""

    def __init__(self, acc: str) -> None:
        self.acc = acc

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.stmt:
        return node if isinstance(node.target, ast.Name) and node.target.id == self.acc else ast.Pass()
