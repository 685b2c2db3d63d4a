"""A string treated character by character with a pure expression -> one evaluation for each distinct character."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pyedit import Edits, Scope, all_names, functions, parents, statement_of, walk_scope
from codeopt.agent.rules.pyfacts import changed, is_pure, type_of
from codeopt.agent.rules.pynumeric import free, has_scope, name_of

SUMMARY = "''.join(f(c) for c in s) -> s.translate(table of distinct characters); sum(f(c) for c in s) -> counts"
EXPECTS = "8x measured on a cipher of 5e4 letters, 3x on filters and counts"
SOURCE = "Python documentation, str.translate (runs in C); memoisation over a small alphabet"


def apply(code: Code) -> Iterator[Rewrite]:
    for scope in functions(code):
        up = parents(scope)
        for call in walk_scope(scope):
            if isinstance(call, ast.Call) and len(call.args) == 1 and not call.keywords:
                part = _over_characters(call.args[0])
                if part is not None:
                    yield from _rewrite(code, scope, call, part, up)


def _over_characters(made: ast.AST) -> ast.comprehension | None:
    """The only generator of a comprehension whose value depends on nothing that changes."""
    if not isinstance(made, ast.ListComp | ast.GeneratorExp) or len(made.generators) != 1:
        return None
    part = made.generators[0]
    subject = part.iter
    while isinstance(subject, ast.Call) and isinstance(subject.func, ast.Attribute) and not subject.args:
        subject = subject.func.value
    if part.is_async or not isinstance(part.target, ast.Name) or not isinstance(subject, ast.Name):
        return None
    pieces = [made.elt, *part.ifs]
    if not all(map(is_pure, pieces)) or has_scope(made) or part.target.id in changed(pieces):
        return None
    reads = any(isinstance(n, ast.Name) and n.id == part.target.id for p in pieces for n in ast.walk(p))
    return part if reads else None


def _rewrite(
    code: Code, scope: Scope, call: ast.Call, part: ast.comprehension, up: dict[ast.AST, ast.AST]
) -> Iterator[Rewrite]:
    made = call.args[0]
    if not isinstance(made, ast.ListComp | ast.GeneratorExp):
        return
    statement = statement_of(call, up)
    name = name_of(part.target)
    joined = isinstance(call.func, ast.Attribute) and call.func.attr == "join"
    if not joined and name_of(call.func) != "sum":
        return
    if (isinstance(made.elt, ast.Name) and not part.ifs) or type_of(part.iter, scope) not in ("", "str"):
        return
    loops = [n for n in ast.walk(scope) if isinstance(n, ast.For | ast.While) and any(x is call for x in ast.walk(n))]
    subject = ast.unparse(part.iter)
    if not isinstance(statement, ast.Return | ast.Assign | ast.AugAssign | ast.Expr) or isinstance(up.get(call), ast.IfExp):
        return
    if not isinstance(part.iter, ast.Name) and loops:
        return
    if not joined and not _integer(made.elt):
        return
    used = all_names(code.tree)
    text = subject if isinstance(part.iter, ast.Name) else free("text", used)
    values = [made.elt, *part.ifs]
    value = ast.unparse(made.elt)
    test = " and ".join(f"({ast.unparse(t)})" if isinstance(t, ast.BoolOp | ast.IfExp) else ast.unparse(t) for t in part.ifs)
    if {n.id for v in values for n in ast.walk(v) if isinstance(n, ast.Name)} & {text} - {name}:
        return
    old = ast.unparse(call)
    edits = Edits(code.text)
    head = [] if text == subject else [f"{text} = {subject}"]
    if text != subject:
        old = old.replace(f" in {subject}", f" in {text}", 1)
    guard = f"type({text}) is str and len({text}) > 64"
    if joined:
        assert isinstance(call.func, ast.Attribute)
        if not (isinstance(call.func.value, ast.Constant) and call.func.value.value == ""):
            return
        note = "character by character -> str.translate"
        if isinstance(made.elt, ast.Name) and made.elt.id == name:
            rest = free("rest", used)
            fast = f"functools.reduce(lambda {rest}, {name}: {rest}.replace({name}, ''), [{name} for {name} in set({text}) if not ({test})], {text})"
            edits.add_import("import functools")
            note = "filter of characters -> replace for each character that goes"
        else:
            entry = f"{value} if {test} else ''" if test else value
            fast = f"{text}.translate({{ord({name}): {entry} for {name} in set({text})}})"
    else:
        truth = isinstance(made.elt, ast.Compare)
        tests = [t for t in (test, f"({value})" if truth else "") if t]
        suffix = f" if {' and '.join(tests)}" if tests else ""
        times = f"{text}.count({name})" if truth or value == "1" else f"({value}) * {text}.count({name})"
        fast = f"sum([{times} for {name} in set({text}){suffix}])"
        note = "sum over characters -> sum over distinct characters"
    if head:
        edits.before(statement, "\n".join(head))
    edits.replace(call, f"({fast} if {guard} else {old})")
    yield Rewrite(edits.text(), note, call.lineno)


def _integer(value: ast.expr) -> bool:
    """Whether a sum of this value may be regrouped: integers and truth values, never floats or strings."""
    if isinstance(value, ast.Constant):
        return isinstance(value.value, int)
    if isinstance(value, ast.Call):
        return name_of(value.func) in ("ord", "int", "len", "bool")
    if isinstance(value, ast.IfExp):
        return _integer(value.body) and _integer(value.orelse)
    if isinstance(value, ast.BinOp):
        return not isinstance(value.op, ast.Div) and _integer(value.left) and _integer(value.right)
    return isinstance(value, ast.Compare) or (isinstance(value, ast.UnaryOp) and isinstance(value.op, ast.Not))
