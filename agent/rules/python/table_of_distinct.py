"""A pure function of each element is worked out once for each distinct element."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pychars import depends_only_on
from codeopt.agent.rules.pyedit import Edits, Scope, all_functions, functions
from codeopt.agent.rules.pyfacts import bound, is_pure, maybe_unhashable
from codeopt.agent.rules.pymatch import fill, match
from codeopt.agent.rules.pyplace import walk_all

SUMMARY = "`[f(x) for x in a]` with a costly pure f: a table over the distinct elements, looked up by map"
EXPECTS = "elements / distinct elements"
SOURCE = "Memoisation over a small domain; map with a bound method runs in C"

_OF_LISTS = ("sum", "len", "max", "min", "sorted", "list")


def apply(code: Code) -> Iterator[Rewrite]:
    own = {fn.name for fn in all_functions(code.tree).values()}
    for scope in functions(code):
        for node in walk_all(scope):
            if isinstance(node, ast.ListComp | ast.GeneratorExp) and len(node.generators) == 1 and not node.generators[0].ifs:
                yield from _tabled(code, scope, node, own)


def _tabled(code: Code, scope: Scope, node: ast.ListComp | ast.GeneratorExp, own: set[str]) -> Iterator[Rewrite]:
    g = node.generators[0]
    targets = bound(g.target)
    if not _walked_twice(g.iter) or not targets or maybe_unhashable(g.iter, scope) or not _costly(node.elt, own):
        return
    names = ast.unparse(g.target)
    inside = {ast.unparse(a) for c in ast.walk(node.elt) if isinstance(c, ast.Call) and getattr(c.func, "id", "") in _OF_LISTS for a in c.args}
    if not is_pure(node.elt, own) or inside & targets:
        return
    if isinstance(g.target, ast.Name) and not depends_only_on(node.elt, g.target.id, own, set()):
        return
    b: dict[str, object] = {"S": g.iter, "E": node.elt, "K": names}
    table = fill(f"{{$K: $E for {names} in set($S)}}", b)
    edits = Edits(code.text)
    mapped = fill("map($T.__getitem__, $S)", {**b, "T": table})
    edits.replace(node, f"list({mapped})" if isinstance(node, ast.ListComp) else f"({mapped})")
    yield Rewrite(edits.text(), "pure function of each element: a table over the distinct ones", node.lineno)


def _walked_twice(seq: ast.expr) -> bool:
    """The sequence can be walked twice: a name, or zip/split of names."""
    if isinstance(seq, ast.Name):
        return True
    if match("zip($a, $b)", seq) or match("$a.split($E)", seq) or match("$a.split()", seq):
        return True
    return isinstance(seq, ast.Attribute)


def _costly(elt: ast.expr, own: set[str]) -> bool:
    calls = [c for c in ast.walk(elt) if isinstance(c, ast.Call)]
    return len(calls) >= 2 or any(getattr(c.func, "id", "") in own for c in calls)
