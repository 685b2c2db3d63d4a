"""Comprehensions that only call a built-in -> `map`: the loop runs in C."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pymatch import match
from codeopt.agent.rules.pynumeric import called, expression, fill_expr, name_of, shadowed, swap_all

SUMMARY = "[int(x) for x in xs] -> list(map(int, xs)); sum(a * b for a, b in zip(x, y)) -> sum(map(mul, x, y))"
EXPECTS = "1.2-1.3x measured on int, len and abs of 2e4 items, 1.6x on a sum of 1e5 products"
SOURCE = "Python Wiki, PerformanceTips: map with a built-in keeps the loop in C"

# str is missing: CPython 3.11 has an instruction for str(x), and map(str, xs) took 1.4 times as long
_BUILTINS = frozenset({"int", "float", "len", "ord", "chr", "abs", "bin", "hex", "bool", "tuple", "sum"})
_EATERS = frozenset({"sum", "min", "max", "set", "tuple", "sorted", "list", "any", "all"})
_OPERATORS = {ast.Mult: ("mul", "*"), ast.Add: ("add", "+"), ast.Sub: ("sub", "-")}


def _mapped(made: ast.AST, banned: set[str]) -> ast.expr | None:
    """`map(f, xs)` for the comprehension `f(x) for x in xs`."""
    if not isinstance(made, ast.ListComp | ast.GeneratorExp):
        return None
    found = match("[$F($x) for $x in $E]", ast.ListComp(made.elt, made.generators))
    return fill_expr("map($F, $E)", found) if found and name_of(found["F"]) in _BUILTINS - banned else None


def _product(made: ast.AST, _: set[str]) -> ast.expr | None:
    """`map(operator.mul, x, y)` for `a * b for a, b in zip(x, y)`."""
    if isinstance(made, ast.ListComp | ast.GeneratorExp) and isinstance(made.elt, ast.BinOp):
        word, sign = _OPERATORS.get(type(made.elt.op), ("", ""))
        plain = ast.ListComp(made.elt, made.generators)
        found = match(f"[$a {sign} $b for $a, $b in zip($X, $Y)]", plain) if word else None
        return fill_expr(f"map(operator.{word}, $X, $Y)", found) if found else None
    return None


def apply(code: Code) -> Iterator[Rewrite]:
    banned = shadowed(code.tree)

    def swap(node: ast.AST, mapped: Callable[[ast.AST, set[str]], ast.expr | None]) -> ast.expr | None:
        if isinstance(node, ast.ListComp):
            inner = mapped(node, banned)
            return inner and expression("list(m)", m=inner)
        if isinstance(node, ast.Call) and node.args:
            join = isinstance(node.func, ast.Attribute) and node.func.attr == "join"
            if join or name_of(node.func) in _EATERS - banned:
                arg = node.args[0]
                listed = called(arg, "list") and len(arg.args) == 1 and called(arg.args[0], "map")
                inner = arg.args[0] if listed and isinstance(arg, ast.Call) else mapped(arg, banned)
                return inner and ast.Call(node.func, [inner, *node.args[1:]], node.keywords)
        return None

    yield from swap_all(code, lambda n, _: swap(n, _mapped), "comprehension that only calls a built-in -> map")
    for rewrite in swap_all(
        code, lambda n, _: swap(n, _product), "item-wise products -> map(operator.mul, ...)", "import operator"
    ):
        if "operator." in rewrite.text:
            yield rewrite
