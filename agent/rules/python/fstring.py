"""`"{} {}".format(a, b)`, `"%s %s" % (a, b)` and `a + "," + str(b)` -> f-strings."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pynumeric import called, name_of, shadowed, starred, swap_all

SUMMARY = "str.format, % formatting and chains of + str(x) -> f-strings"
EXPECTS = "1.9x measured on format and %, 1.25x on + str(x)"
SOURCE = "PEP 498: f-strings compile to BUILD_STRING, without parsing a template at run time"

_PERCENT = re.compile(r"%(?:%|([sr]|d|\.\d+f|\d+d|0\d+d))")
_INT_CALLS = frozenset({"len", "int", "ord", "round"})


def _value(expr: ast.expr, spec: str = "", conversion: int = -1) -> ast.FormattedValue:
    return ast.FormattedValue(expr, conversion, ast.JoinedStr([ast.Constant(spec)]) if spec else None)


def _simple(expr: ast.AST) -> bool:
    """Whether the expression can stand in an f-string of every version (no quotes, backslashes, comments, lambdas)."""
    for node in ast.walk(expr):
        if isinstance(node, ast.JoinedStr | ast.Lambda | ast.NamedExpr | ast.Yield | ast.Await):
            return False
        if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
            return isinstance(node.value, str) and re.fullmatch(r"[\w .,:;/-]*", node.value) is not None
    return True


def _from_format(node: ast.AST) -> ast.expr | None:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format"):
        return None
    template = node.func.value
    if not (isinstance(template, ast.Constant) and isinstance(template.value, str)) or node.keywords or starred(node):
        return None
    pieces = re.split(r"\{(?::([^{}]*))?\}", template.value)
    texts, specs = pieces[::2], pieces[1::2]
    if len(specs) != len(node.args) or any("{" in t or "}" in t for t in texts) or not all(map(_simple, node.args)):
        return None
    return _joined(texts, [_value(a, s or "") for a, s in zip(node.args, specs)])


def _from_percent(node: ast.AST) -> ast.expr | None:
    if not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod) and isinstance(node.left, ast.Constant)):
        return None
    if not isinstance(node.left.value, str) or not isinstance(node.right, ast.Tuple):
        return None
    texts, values, last, args = [""], [], 0, list(node.right.elts)
    for found in _PERCENT.finditer(node.left.value):
        texts[-1] += node.left.value[last : found.start()]
        last = found.end()
        if found.group() == "%%":
            texts[-1] += "%"
            continue
        if not args or isinstance(args[0], ast.Starred) or not _simple(args[0]):
            return None
        arg, kind = args.pop(0), found.group(1)
        if kind.endswith("d") and not (isinstance(arg, ast.Call) and name_of(arg.func) in _INT_CALLS):
            return None
        values.append(_value(arg, "" if kind in "srd" else kind, {"s": 115, "r": 114}.get(kind, -1)))
        texts.append("")
    texts[-1] += node.left.value[last:]
    return None if args or any("%" in t for t in texts if "%%" not in node.left.value) else _joined(texts, values)


def _from_plus(node: ast.AST) -> ast.expr | None:
    """A chain of + that holds a string literal and a str(x): both prove that the whole is a string."""
    parts: list[ast.expr] = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        parts.append(node.right)
        node = node.left
    if len(parts) < 2 or not isinstance(node, ast.expr):
        return None
    parts = [*parts, node][::-1]
    texts, values, literal, made = [""], [], False, False
    for part in parts:
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            literal = True
            texts[-1] += part.value
            continue
        if called(part, "str") and len(part.args) == 1:
            made, value = True, _value(part.args[0], "", 115)
        elif isinstance(part, ast.Name | ast.Subscript | ast.Attribute):
            value = _value(part)
        else:
            return None
        if not _simple(value.value):
            return None
        values.append(value)
        texts.append("")
    return _joined(texts, values) if literal and made else None


def _joined(texts: list[str], values: list[ast.FormattedValue]) -> ast.expr | None:
    if any("\\" in t for t in texts) or not values:
        return None
    parts: list[ast.expr] = [ast.Constant(texts[0])] if texts[0] else []
    for value, text in zip(values, texts[1:]):
        parts.append(value)
        if text:
            parts.append(ast.Constant(text))
    return ast.JoinedStr(parts)


def apply(code: Code) -> Iterator[Rewrite]:
    if {"str", "format"} & shadowed(code.tree):
        return
    yield from swap_all(
        code,
        lambda node, _: _from_format(node) or _from_percent(node) or _from_plus(node),
        "string formatting -> f-string",
    )
