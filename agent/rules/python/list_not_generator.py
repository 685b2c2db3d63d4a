"""Generators that a C function eats whole -> list comprehensions, and `any([...])` -> `any(...)`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pynumeric import called, expression, name_of, shadowed, swap_all

SUMMARY = "join/sum/sorted/set/list/dict over a generator -> comprehension; any/all over a list -> generator"
EXPECTS = "1.6x measured on ''.join, 1.1x on sum; any/all: as early as the answer is known"
SOURCE = "CPython: str.join and sorted build a list first; a generator resumes its frame for every item"

_EATERS = ("sum", "sorted", "tuple", "frozenset", "min", "max")


def _swap(node: ast.AST, _: ast.AST) -> ast.expr | None:
    if not isinstance(node, ast.Call) or not node.args or isinstance(node.args[0], ast.Starred):
        return None
    arg, name = node.args[0], name_of(node.func)
    join = isinstance(node.func, ast.Attribute) and node.func.attr == "join" and len(node.args) == 1
    if isinstance(arg, ast.GeneratorExp):
        listed = ast.ListComp(arg.elt, arg.generators)
        if join or name in _EATERS:
            return ast.Call(node.func, [listed, *node.args[1:]], node.keywords)
        if len(node.args) == 1 and not node.keywords:
            if name == "list":
                return listed
            if name == "set":
                return ast.SetComp(arg.elt, arg.generators)
    if isinstance(arg, ast.GeneratorExp | ast.ListComp) and len(node.args) == 1 and not node.keywords:
        if name == "set":
            return ast.SetComp(arg.elt, arg.generators)
        if name == "dict" and isinstance(arg.elt, ast.Tuple) and len(arg.elt.elts) == 2:
            return ast.DictComp(arg.elt.elts[0], arg.elt.elts[1], arg.generators)
    if name in ("any", "all") and isinstance(arg, ast.ListComp) and len(node.args) == 1:
        return expression(f"{name}(g)", g=ast.GeneratorExp(arg.elt, arg.generators))
    return None


def _unwrap(node: ast.AST, _: ast.AST) -> ast.expr | None:
    """`sorted(list(x))`, `set(list(x))`, `list(sorted(x))`, `"".join(list(x))`, `list(filter(lambda ...))`."""
    if not isinstance(node, ast.Call) or len(node.args) != 1 or (node.keywords and name_of(node.func) != "sorted"):
        return None
    arg, name = node.args[0], name_of(node.func)
    join = isinstance(node.func, ast.Attribute) and node.func.attr == "join"
    if (join or name in (*_EATERS, "set", "list")) and called(arg, "list") and len(arg.args) == 1:
        return ast.Call(node.func, [arg.args[0]], node.keywords)
    if name == "list" and isinstance(arg, ast.Call) and name_of(arg.func) == "sorted":
        return arg
    if name in ("list", "set", "sorted", "tuple", "sum") and called(arg, "map", "filter") and len(arg.args) == 2:
        function, items = arg.args
        if isinstance(function, ast.Lambda) and len(function.args.args) == 1 and not function.args.defaults:
            target = ast.Name(function.args.args[0].arg, ast.Store())
            keep = name_of(arg.func) == "filter"
            value = ast.Name(target.id, ast.Load()) if keep else function.body
            made = ast.ListComp(value, [ast.comprehension(target, items, [function.body] if keep else [], 0)])
            return made if name == "list" else ast.Call(node.func, [made], node.keywords)
    return None


def apply(code: Code) -> Iterator[Rewrite]:
    if {"list", "set", "sorted", "sum", "filter", "map"} & shadowed(code.tree):
        return
    yield from swap_all(code, _swap, "generator -> comprehension where the whole is needed")
    yield from swap_all(code, _unwrap, "no intermediate list; map/filter with a lambda -> comprehension")
