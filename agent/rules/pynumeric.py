"""What the micro and numeric rules share: jumps and scopes, substitution, and swapping expressions everywhere at once."""

from __future__ import annotations

import ast
import copy
import keyword
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeGuard, TypeVar, cast

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyedit import Edits, FunctionNode, blocks_of, flat, functions, parents, walk_scope
from codeopt.agent.rules.pyfacts import bound
from codeopt.agent.rules.pymatch import Binding, Found, fill

SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
Tree = TypeVar("Tree", bound=ast.AST)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def chain(node: ast.AST) -> str:
    """The dotted form of a Name or attribute chain ("self.x", "math.sqrt"), "" for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def called(node: ast.AST, *names: str) -> TypeGuard[ast.Call]:
    """Whether `node` calls one of the dotted `names` with positional arguments only."""
    return isinstance(node, ast.Call) and not node.keywords and chain(node.func) in names and not starred(node)


def starred(node: ast.Call) -> bool:
    return any(isinstance(a, ast.Starred) for a in node.args)


def has_scope(nodes: ast.AST | Iterable[ast.AST]) -> bool:
    """Whether a nested function or lambda lives under `nodes` (it could capture a name that we change)."""
    return any(isinstance(n, SCOPES) for n in flat(nodes))


def own_jumps(body: Sequence[ast.stmt]) -> bool:
    """Whether `body` holds a break or continue that belongs to the loop around it."""
    stack: list[ast.AST] = list(body)
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Break | ast.Continue):
            return True
        if isinstance(node, ast.For | ast.While | ast.AsyncFor):
            stack.extend(node.orelse)
        elif not isinstance(node, SCOPES):
            stack.extend(ast.iter_child_nodes(node))
    return False


def shadowed(tree: ast.AST) -> set[str]:
    """Names that a file binds anywhere, parameters included: built-ins among them cannot be trusted."""
    return bound(tree) | {n.arg for n in ast.walk(tree) if isinstance(n, ast.arg)}


def local_names(function: FunctionNode) -> set[str]:
    """Parameters and locals of a function (declared globals and nonlocals are not)."""
    args = function.args
    found = {a.arg for a in [*args.posonlyargs, *args.args, *args.kwonlyargs]}
    found |= {a.arg for a in (args.vararg, args.kwarg) if a}
    found |= bound(function.body)
    for node in walk_scope(function):
        if isinstance(node, ast.Global | ast.Nonlocal):
            found -= set(node.names)
    return found


def escapes(function: ast.AST) -> set[str]:
    """Names that nested scopes read, or that are declared global or nonlocal: their reads cannot be counted here."""
    found: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Global | ast.Nonlocal):
            found |= set(node.names)
        elif node is not function and isinstance(node, SCOPES):
            found |= {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    return found


class _Substitute(ast.NodeTransformer):
    def __init__(self, replace: Callable[[ast.AST], ast.expr | None]) -> None:
        self.replace = replace

    def visit(self, node: ast.AST) -> ast.AST:
        new = self.replace(node)
        return copy.deepcopy(new) if new is not None else self.generic_visit(node)


def substitute(node: Tree, replace: Callable[[ast.AST], ast.expr | None]) -> Tree:
    """A copy of `node` in which every subtree that `replace` answers is exchanged for the answer."""
    result = ast.fix_missing_locations(_Substitute(replace).visit(copy.deepcopy(node)))
    return cast(Tree, result)


def with_names(node: Tree, values: Mapping[str, ast.expr]) -> Tree:
    """A copy of `node` in which names that are read become the given expressions."""
    return substitute(
        node,
        lambda n: values.get(n.id) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load) else None,
    )


def source(node: ast.AST, parens: bool = False) -> str:
    """A node as code on one line, in parentheses where `parens` asks for an operand and the node is not atomic."""
    text = ast.unparse(node)
    atomic = isinstance(node, ast.Name | ast.Constant | ast.Attribute | ast.Subscript | ast.Call | ast.List)
    return text if not parens or atomic or (isinstance(node, ast.Tuple) and text.startswith("(")) else f"({text})"


def const(node: ast.AST, *values: object) -> bool:
    """Whether `node` is a constant equal to, and of the type of, one of `values`."""
    return isinstance(node, ast.Constant) and any(
        type(node.value) is type(v) and node.value == v for v in values
    )


def name_of(node: object) -> str:
    """The identifier of a Name, "" for anything else."""
    return node.id if isinstance(node, ast.Name) else ""


def range_len(iterable: ast.AST) -> ast.expr | None:
    """`x` of `range(len(x))` or `range(0, len(x))`."""
    if called(iterable, "range") and 1 <= len(iterable.args) <= 2:
        if len(iterable.args) == 2 and not const(iterable.args[0], 0):
            return None
        last = iterable.args[-1]
        if called(last, "len") and len(last.args) == 1:
            return last.args[0]
    return None


def needs_parens(node: ast.AST, parent: ast.AST | None) -> bool:
    """Whether an operator expression put in the place of `node` below `parent` has to stand in parentheses."""
    if isinstance(parent, ast.Call):
        return node is parent.func
    if isinstance(parent, ast.Subscript):
        return node is parent.value
    operators = ast.BinOp | ast.UnaryOp | ast.Compare | ast.BoolOp | ast.Attribute | ast.Starred | ast.Await
    return isinstance(parent, operators | ast.IfExp | ast.comprehension | ast.keyword)


def _expressions(scope: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(scope):
        yield child
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from _expressions(child)


def swap_all(
    code: Code, match: Callable[[ast.AST, FunctionNode | ast.Module], ast.expr | None], note: str, *imports: str
) -> Iterator[Rewrite]:
    """One rewrite that exchanges, in every function in scope, each expression that `match` answers.

    `match(node, scope)` sees nodes whose children have been exchanged already. Nothing inside an f-string is touched.
    """
    edits = Edits(code.text)
    up = parents(code.tree)
    done: set[int] = set()
    first = 0
    for scope in functions(code):
        for node in _expressions(scope):
            if id(node) in done or not isinstance(node, ast.expr):
                continue
            if isinstance(node, ast.JoinedStr):
                done.update(map(id, ast.walk(node)))
                continue
            if match(node, scope) is None:
                continue
            done.update(map(id, ast.walk(node)))
            new = _bottom_up(node, lambda n, s=scope: match(n, s))  # type: ignore[misc]
            parent = up.get(node)
            loose = isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Add | ast.Sub) and _is_product(new)
            edits.replace(node, source(new, needs_parens(node, parent) and not loose))
            first = first or node.lineno
    if first:
        for line in imports:
            edits.add_import(line)
        yield Rewrite(edits.text(), note, first)


def _is_product(node: ast.AST) -> bool:
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div)


def _bottom_up(node: ast.AST, match: Callable[[ast.AST], ast.expr | None]) -> ast.AST:
    class Up(ast.NodeTransformer):
        def visit(self, inner: ast.AST) -> ast.AST:
            if isinstance(inner, ast.JoinedStr):
                return inner
            inner = self.generic_visit(inner)
            return match(inner) or inner

    return Up().visit(copy.deepcopy(node))


def expression(text: str, **parts: ast.expr | str) -> ast.expr:
    """An expression from a template: names of `parts` in `text` become the given trees (or names)."""
    trees = {k: ast.Name(v, ast.Load()) if isinstance(v, str) else v for k, v in parts.items()}
    return with_names(ast.parse(text, mode="eval").body, trees)


def previous(scope: ast.AST, statement: ast.stmt) -> list[ast.stmt]:
    """The statements before `statement` in its own block, nearest first."""
    for owner in ast.walk(scope):
        for block in blocks_of(owner):
            for index, each in enumerate(block):
                if each is statement:
                    return block[:index][::-1]
    return []


def assigned(statement: ast.stmt) -> tuple[str, ast.expr] | None:
    """(name, value) of `name = value` or `name: T = value`."""
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1 and isinstance(statement.targets[0], ast.Name):
        return statement.targets[0].id, statement.value
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.value:
        return statement.target.id, statement.value
    return None


def fill_expr(template: str, b: Binding, **extra: object) -> ast.expr:
    """`pymatch.fill` for one expression, as a tree."""
    return ast.parse(fill(template, {**b, **extra}), mode="eval").body


def used_later(found: Found, *holes: str) -> bool:
    """Whether names in `holes` may be read after what was found: see `leaks`."""
    return leaks(found.scope, found.nodes[0], {found.name(h) for h in holes})


def leaks(scope: ast.AST, loop: ast.AST, names: set[str]) -> bool:
    """Whether the values that `loop` leaves in `names` may be read outside it.

    Reads before it (unless both stand in one outer loop) and reads under another loop that binds the name are safe.
    """
    inside = {id(n) for n in ast.walk(loop)}
    around = [n for n in ast.walk(scope) if isinstance(n, ast.For | ast.While) and _contains(n, loop) and n is not loop]
    repeated = {id(n) for n in ast.walk(around[0])} if around else set()
    rebound: set[tuple[int, str]] = set()
    for node in ast.walk(scope):
        if isinstance(node, (ast.For, *COMPREHENSIONS)) and not _contains(node, loop):
            targets = [node.target] if isinstance(node, ast.For) else [g.target for g in node.generators]
            held = {n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)} & names
            rebound |= {(id(n), name) for name in held for n in ast.walk(node)}
    start = (loop.lineno, loop.col_offset)  # type: ignore[attr-defined]
    for node in ast.walk(scope):
        if isinstance(node, ast.Global | ast.Nonlocal) and names & set(node.names):
            return True
        if isinstance(node, ast.Name) and node.id in names and isinstance(node.ctx, ast.Load) and id(node) not in inside:
            earlier = (node.lineno, node.col_offset) < start and id(node) not in repeated
            if not earlier and (id(node), node.id) not in rebound:
                return True
    return False


def _contains(tree: ast.AST, node: ast.AST) -> bool:
    return any(n is node for n in ast.walk(tree))


def target_names(node: ast.AST) -> set[str]:
    """Names in a loop's target."""
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


def free(wish: str, used: set[str]) -> str:
    """`wish`, or `wish_2`, `wish_3` …: a name that is not in `used`."""
    name, number = wish, 2
    while name in used or keyword.iskeyword(name):
        name, number = f"{wish}_{number}", number + 1
    return name
