"""Places in a function, and the two ways to make one slower: statements before it, or a helper function in its place."""

from __future__ import annotations

import ast
import copy
import textwrap
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.inverse._facts import early, free_name, in_try, names_outside
from codeopt.agent.rules.inverse._kinds import Kinds
from codeopt.agent.rules.pyedit import Edits, Scope, functions, parents, statement_of, walk_scope
from codeopt.agent.rules.pyfacts import names_in
from codeopt.agent.rules.pynumeric import COMPREHENSIONS, escapes, local_names, with_names


@lru_cache(maxsize=8)
def _up(tree: ast.Module) -> dict[ast.AST, ast.AST]:
    return parents(tree)


@lru_cache(maxsize=64)
def _kinds(text: str, scope: Scope) -> Kinds:
    return Kinds(text, scope)


@dataclass(frozen=True)
class Place:
    """A node in its function (or module)."""

    code: Code
    scope: Scope
    node: ast.AST

    @property
    def text(self) -> str:
        return self.code.text

    @property
    def up(self) -> dict[ast.AST, ast.AST]:
        return _up(self.code.tree)

    @property
    def kinds(self) -> Kinds:
        return _kinds(self.code.text, self.scope)

    @property
    def stmt(self) -> ast.stmt:
        return statement_of(self.node, self.up)

    @property
    def early(self) -> bool:
        """Whether statements before this one's can compute the expression."""
        return early(self.stmt, self.node, self.up, self.text)

    def name(self, wish: str, *also: str) -> str:
        return free_name(self.text, wish, *also)


def places(code: Code, *types: type[ast.AST]) -> Iterator[Place]:
    """The nodes of these types in scope, in order of the text, none of them twice."""
    seen: set[int] = set()
    for scope in functions(code):
        for node in walk_scope(scope):
            for inner in ast.walk(node) if isinstance(node, ast.Lambda) else (node,):
                if isinstance(inner, types) and id(inner) not in seen:
                    seen.add(id(inner))
                    yield Place(code, scope, inner)


def finish(edits: Edits, note: str, node: ast.AST) -> Iterator[Rewrite]:
    """The rewrite, or none where the edits cannot be made."""
    text = edits.text()
    if text != edits.old:
        yield Rewrite(text, note, node.lineno)  # type: ignore[attr-defined]


def swap(place: Place, new: str, note: str, imports: Iterable[str] = ()) -> Iterator[Rewrite]:
    """Another expression in the place of one; the new one is a call, a name or a bracketed one."""
    edits = Edits(place.text)
    edits.replace(place.node, new)
    for line in imports:
        edits.add_import(line)
    yield from finish(edits, note, place.node)


def helper(place: Place, wish: str, body: str, args: Iterable[ast.AST], note: str, imports: Iterable[str] = ()) -> Iterator[Rewrite]:
    """A call of a new function of the file in the place of an expression. `body` says NAME for the function's name."""
    name = place.name(wish)
    edits = Edits(place.text)
    edits.replace(place.node, f"{name}({', '.join(ast.unparse(a) for a in args)})")
    edits.add_helper(textwrap.dedent(body).strip("\n").replace("NAME", name))
    for line in imports:
        edits.add_import(line)
    yield from finish(edits, note, place.node)


def inline(place: Place, wish: str, lines: Callable[[str], str], note: str) -> Iterator[Rewrite]:
    """Statements before an expression's, which leave its value in a name; `lines(name)` writes them.

    None where the expression is not the first thing that its statement does. `x = <expression>` uses x itself, where
    nothing can see it half made.
    """
    if not place.early:
        return
    stmt, scope = place.stmt, place.scope
    edits = Edits(place.text)
    target = stmt.targets[0] if isinstance(stmt, ast.Assign) and len(stmt.targets) == 1 and stmt.value is place.node else None
    if (
        isinstance(target, ast.Name)
        and isinstance(scope, ast.FunctionDef)
        and target.id in local_names(scope)
        and target.id not in names_in(place.node) | escapes(scope)
        and not in_try(stmt, place.up, scope)
    ):
        edits.replace(stmt, lines(target.id))
    else:
        name = place.name(wish)
        edits.before(stmt, lines(name))
        edits.replace(place.node, name)
    yield from finish(edits, note, place.node)


Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


@dataclass(frozen=True)
class Unrolled:
    """A comprehension whose variables may become the function's: parts with names that are free."""

    elt: ast.expr
    value: ast.expr | None
    generators: list[ast.comprehension]

    def loops(self, inner: str) -> str:
        """The loops as source around one or more statements."""
        lines: list[str] = []
        depth = 0
        for g in self.generators:
            lines.append("    " * depth + f"for {ast.unparse(g.target).strip('()')} in {ast.unparse(g.iter)}:")
            depth += 1
            for test in g.ifs:
                lines.append("    " * depth + f"if {ast.unparse(test)}:")
                depth += 1
        return "\n".join([*lines, textwrap.indent(inner, "    " * depth)])


def unroll(place: Place, node: ast.AST) -> Unrolled | None:
    """The parts of a comprehension as loops of the function itself; None where its variables would be seen elsewhere."""
    if not isinstance(node, Comprehension) or any(g.is_async for g in node.generators):
        return None
    if any(isinstance(n, ast.Lambda | ast.NamedExpr | ast.Await | ast.Yield | ast.YieldFrom) for n in ast.walk(node)):
        return None
    targets = [t for g in node.generators for t in ast.walk(g.target)]
    if any(isinstance(t, ast.Attribute | ast.Subscript | ast.Starred) for t in targets):
        return None
    own = {t.id for t in targets if isinstance(t, ast.Name)}
    inner = [n for n in ast.walk(node) if isinstance(n, COMPREHENSIONS) and n is not node]
    if any(isinstance(t, ast.Name) and t.id in own for n in inner for g in n.generators for t in ast.walk(g.target)):
        return None
    if any(isinstance(n, ast.GeneratorExp) and not isinstance(place.up.get(n), ast.Call) for n in inner):
        return None  # may still be running when the variable has moved on
    first = node.generators[0].iter
    outside = names_outside(place.scope if isinstance(place.scope, ast.FunctionDef) else place.code.tree, node) | names_in(first)
    new = {name: place.name(name, *outside) for name in sorted(own & outside)}
    whole = copy.deepcopy(node)
    start = copy.deepcopy(first)
    if new:
        whole = with_names(whole, {a: ast.Name(b, ast.Load()) for a, b in new.items()})
        for g in whole.generators:
            for t in ast.walk(g.target):
                if isinstance(t, ast.Name):
                    t.id = new.get(t.id, t.id)
    whole.generators[0].iter = start
    if isinstance(whole, ast.DictComp):
        return Unrolled(whole.key, whole.value, whole.generators)
    return Unrolled(whole.elt, None, whole.generators)
