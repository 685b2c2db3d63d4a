"""What an inverse rule has to be sure of: which built-ins are the built-ins, where a value can be computed earlier."""

from __future__ import annotations

import ast
from functools import lru_cache

from codeopt.agent.rules.pyedit import Scope, all_names, parse, src
from codeopt.agent.rules.pynumeric import COMPREHENSIONS, chain, shadowed

_MIRRORS = frozenset({"eval", "exec", "locals", "globals", "vars", "dir", "setattr", "delattr", "__import__", "_getframe"})


@lru_cache(maxsize=64)
def introspects(text: str) -> bool:
    """Whether a file may see or change its own names (`eval`, `locals`, star imports …): inverse rules leave it alone."""
    for node in ast.walk(parse(text)):
        if isinstance(node, ast.ImportFrom) and any(a.name == "*" for a in node.names):
            return True
        if (isinstance(node, ast.Name) and node.id in _MIRRORS) or (isinstance(node, ast.Attribute) and node.attr in _MIRRORS):
            return True
    return False


@lru_cache(maxsize=64)
def _shadowed(text: str) -> frozenset[str]:
    return frozenset(shadowed(parse(text)))


def builtin(text: str, *names: str) -> bool:
    """Whether these names are the built-in ones everywhere in the file."""
    return not _shadowed(text) & set(names)


def calls(text: str, node: ast.AST, name: str, most: int = 1, least: int = 1) -> bool:
    """Whether a node calls a built-in with so many plain positional arguments and nothing else."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == name
        and not node.keywords
        and least <= len(node.args) <= most
        and not any(isinstance(a, ast.Starred) for a in node.args)
        and builtin(text, name)
    )


@lru_cache(maxsize=64)
def imported(text: str) -> frozenset[tuple[str, str]]:
    """(name in the file, what it stands for: "math", "math.gcd") of top-level imports whose name nothing else binds."""
    tree = parse(text)
    found: list[tuple[str, str]] = []
    for node in tree.body:
        if isinstance(node, ast.Import):
            found += [(a.asname or a.name, a.name) for a in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found += [(a.asname or a.name, f"{node.module}.{a.name}") for a in node.names]
    names = [n for n, _ in found]
    others = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load)}
    others |= {n.arg for n in ast.walk(tree) if isinstance(n, ast.arg)}
    others |= {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.ClassDef)}
    return frozenset((n, what) for n, what in found if names.count(n) == 1 and n not in others)


def is_library(text: str, func: ast.AST, *wanted: str) -> bool:
    """Whether an expression is one of these functions of the library ("math.gcd"), however it was imported."""
    path = chain(func)
    first, dot, rest = path.partition(".")
    return any(n == first and what + dot + rest in wanted for n, what in imported(text)) if path else False


def _inert(node: ast.AST | None) -> bool:
    """Whether reading this early or late makes no difference to anything: names, constants, attributes of names."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node is None or isinstance(node, ast.Name | ast.Constant)


def early(stmt: ast.stmt, node: ast.AST, up: dict[ast.AST, ast.AST], text: str) -> bool:
    """Whether `node` is evaluated exactly once in `stmt`, and first, so that statements before `stmt` can do it."""
    if src(text, stmt).startswith("elif"):
        return False
    child, here = node, up.get(node)
    while here is not None and child is not stmt:
        if isinstance(here, ast.Call):
            parts: list[ast.AST | None] = [here.func, *here.args, *here.keywords]
        elif isinstance(here, ast.BinOp):
            parts = [here.left, here.right]
        elif isinstance(here, ast.Compare):
            parts = [here.left, here.comparators[0]]
        elif isinstance(here, ast.BoolOp):
            parts = [here.values[0]]
        elif isinstance(here, ast.Tuple | ast.List | ast.Set):
            parts = list(here.elts)
        elif isinstance(here, ast.Subscript) and isinstance(here.ctx, ast.Load):
            parts = [here.value, here.slice]
        elif isinstance(here, ast.IfExp | ast.If):
            parts = [here.test]
        elif isinstance(here, ast.Attribute | ast.keyword | ast.Starred | ast.Return | ast.Expr | ast.Assign | ast.AnnAssign):
            parts = [here.value]
        elif isinstance(here, ast.UnaryOp):
            parts = [here.operand]
        elif isinstance(here, ast.AugAssign):
            parts = [here.target, here.value] if isinstance(here.target, ast.Name) else []
        elif isinstance(here, ast.For):
            parts = [here.iter]
        else:
            return False
        if not any(p is child for p in parts):
            return False
        before = parts[: next(i for i, p in enumerate(parts) if p is child)]
        if not all(_inert(p) for p in before):
            return False
        child, here = here, up.get(here)
    return child is stmt


def in_try(stmt: ast.AST, up: dict[ast.AST, ast.AST], scope: ast.AST) -> bool:
    """Whether an exception at `stmt` may be caught in its own function."""
    here = up.get(stmt)
    while here is not None and here is not scope:
        if isinstance(here, ast.Try | ast.With | ast.AsyncWith | ast.TryStar):
            return True
        here = up.get(here)
    return False


def names_outside(scope: Scope, node: ast.AST) -> set[str]:
    """Identifiers of a scope outside a node."""
    inside = {id(n) for n in ast.walk(node)}
    out: set[str] = set()
    for n in ast.walk(scope):
        if id(n) in inside:
            continue
        if isinstance(n, ast.Name):
            out.add(n.id)
        elif isinstance(n, ast.arg):
            out.add(n.arg)
        elif isinstance(n, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef) and n is not scope:
            out.add(n.name)
        elif isinstance(n, ast.Global | ast.Nonlocal):
            out |= set(n.names)
        elif isinstance(n, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and n.name:
            out.add(n.name)
        elif isinstance(n, ast.alias):
            out.add((n.asname or n.name).split(".")[0])
    return out


def comprehension_targets(node: ast.AST) -> set[str]:
    """Names that comprehensions below a node bind."""
    out: set[str] = set()
    for n in ast.walk(node):
        if isinstance(n, COMPREHENSIONS):
            for g in n.generators:
                out |= {t.id for t in ast.walk(g.target) if isinstance(t, ast.Name)}
    return out


def free_name(text: str, wish: str, *also: str) -> str:
    """`wish`, or `wish_2` …, that the file does not use."""
    used = all_names(parse(text)) | set(also)
    name, number = wish, 2
    while name in used:
        name, number = f"{wish}_{number}", number + 1
    return name
