"""`for i in range(len(x))` that only reads `x[i]` -> iteration over `x`, with enumerate or zip where needed."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyedit import Edits, Scope, all_names, functions, loops, parents
from codeopt.agent.rules.pyfacts import changed
from codeopt.agent.rules.pyloops import lengths
from codeopt.agent.rules.pynumeric import called, free, has_scope, leaks, name_of, range_len

SUMMARY = "for i in range(len(x)) with x[i] -> for v in x, enumerate(x) or zip(x, y)"
EXPECTS = "1.8x measured where the index is not needed, 1.3x for zip of two lists"
SOURCE = "Python documentation: enumerate, zip; iterators give items without building and boxing an index"


def apply(code: Code) -> Iterator[Rewrite]:
    for scope in functions(code):
        for loop in loops(scope):
            if isinstance(loop, ast.For) and isinstance(loop.target, ast.Name):
                yield from _rewrite(code, scope, loop, loop.target.id)
        yield from _comprehensions(code, scope)


def _iterated(iterable: ast.expr, scope: Scope) -> ast.expr | None:
    found = range_len(iterable)
    if found is None and called(iterable, "range") and len(iterable.args) == 1:
        found = lengths(scope).get(name_of(iterable.args[0]))
    return found


def _sites(tree: list[ast.AST], index: str) -> tuple[dict[str, list[ast.Subscript]], int]:
    """Reads `x[index]` by x, and how many other uses the index has."""
    sites: dict[str, list[ast.Subscript]] = {}
    total = 0
    for part in tree:
        for node in ast.walk(part):
            if isinstance(node, ast.Name) and node.id == index:
                total += 1
            if not isinstance(node, ast.Subscript) or not isinstance(node.ctx, ast.Load):
                continue
            if name_of(node.slice) == index and isinstance(node.value, ast.Name):
                sites.setdefault(node.value.id, []).append(node)
    return sites, total - sum(map(len, sites.values()))


def _item(name: str, used: set[str]) -> str:
    base = name[:-1] if name.endswith("s") and len(name) > 2 and not name.endswith("ss") else f"{name}_i"
    return free(base, used)


def _plan(iterated: ast.expr, sites: dict[str, list[ast.Subscript]], rest: int, index: str, used: set[str]) -> tuple[str, str, dict[str, str]] | None:
    """(target, iterable, x -> item's name), None where the index is needed too much."""
    main = name_of(iterated)
    if main not in sites:
        return None
    item = {main: _item(main, used)}
    if rest == 0 and len(sites) == 1:
        return item[main], main, item
    if rest == 0 and len(sites) == 2:
        other = next(n for n in sites if n != main)
        item[other] = _item(other, used | set(item.values()))
        return f"{item[main]}, {item[other]}", f"zip({main}, {other})", item
    if len(sites[main]) >= 2:
        return f"{index}, {item[main]}", f"enumerate({main})", item
    return None


def _rewrite(code: Code, scope: Scope, loop: ast.For, index: str) -> Iterator[Rewrite]:
    iterated = _iterated(loop.iter, scope)
    if not isinstance(iterated, ast.Name):
        return
    sites, rest = _sites(list(loop.body), index)
    touched = changed(loop.body)
    stores = any(isinstance(n, ast.Name) and n.id == index and not isinstance(n.ctx, ast.Load) for s in loop.body for n in ast.walk(s))
    plan = _plan(iterated, sites, rest, index, all_names(code.tree))
    if plan is None or stores or touched & set(plan[2]) or has_scope(loop.body):
        return
    target, iterable, items = plan
    if not target.startswith(f"{index}, ") and leaks(scope, loop, {index}):
        return
    if _in_fstring(loop.body, [s for name in items for s in sites[name]]):
        return
    edits = Edits(code.text)
    edits.replace(loop.target, target)
    edits.replace(loop.iter, iterable)
    for name, new in items.items():
        for site in sites[name]:
            edits.replace(site, new)
    yield Rewrite(edits.text(), f"index loop -> for {target} in {iterable}", loop.lineno)


def _in_fstring(body: list[ast.stmt], sites: list[ast.Subscript]) -> bool:
    inside = {id(n) for s in body for f in ast.walk(s) if isinstance(f, ast.JoinedStr) for n in ast.walk(f)}
    return any(id(s) in inside for s in sites)


def _comprehensions(code: Code, scope: Scope) -> Iterator[Rewrite]:
    up = parents(scope)
    for part in ast.walk(scope):
        if not isinstance(part, ast.comprehension) or not isinstance(part.target, ast.Name):
            continue
        iterated = _iterated(part.iter, scope)
        owner = up[part]
        if not isinstance(iterated, ast.Name) or len(getattr(owner, "generators", ())) != 1:
            continue
        body = [n for n in ast.iter_child_nodes(owner) if n is not part] + list(part.ifs)
        sites, rest = _sites(body, part.target.id)
        plan = _plan(iterated, sites, rest, part.target.id, all_names(code.tree))
        if plan is None or any(isinstance(n, ast.JoinedStr | ast.Lambda) for b in body for n in ast.walk(b)):
            continue
        target, iterable, items = plan
        edits = Edits(code.text)
        edits.replace(part.target, target)
        edits.replace(part.iter, iterable)
        for name, new in items.items():
            for site in sites[name]:
                edits.replace(site, new)
        yield Rewrite(edits.text(), f"index comprehension -> for {target} in {iterable}", part.target.lineno)
