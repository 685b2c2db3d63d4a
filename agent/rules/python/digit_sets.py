"""A test of every digit of a number becomes a comparison with a set of good digits."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.pychars import depends_only_on
from codeopt.agent.rules.pyedit import Edits, fresh_name, functions, parents, statement_of
from codeopt.agent.rules.pyfacts import changed, names_in
from codeopt.agent.rules.pymatch import fill, match
from codeopt.agent.rules.pyplace import walk_all

SUMMARY = "`all(p(c) for c in str(n))`, `any(…)`: the digits that pass are found once, then set.issuperset or isdisjoint"
EXPECTS = "3-10x"
SOURCE = "Set methods run in C over the string"


def apply(code: Code) -> Iterator[Rewrite]:
    up = parents(code.tree)
    for scope in functions(code):
        for node in walk_all(scope):
            if not isinstance(node, ast.Call):
                continue
            for word, template in (("all", "$good.issuperset(str($X))"), ("any", "(not $good.isdisjoint(str($X)))")):
                b = match(f"{word}($T for $c in str($X))", node) or match(f"{word}([$T for $c in str($X)])", node)
                if not b or not depends_only_on(b["T"], b["c"].id, set(), set()):
                    continue
                place: ast.stmt = statement_of(node, up)
                free = names_in(b["T"]) - {b["c"].id}
                here: ast.AST = place
                while not isinstance(here, ast.FunctionDef | ast.AsyncFunctionDef | ast.Module | ast.ClassDef):
                    if isinstance(here, ast.For | ast.While) and not free & changed(here):
                        place = here
                    here = up[here]
                good = fresh_name(code.tree, "good_digits")
                edits = Edits(code.text)
                edits.before(place, fill(f"{good} = {{$c for $c in '0123456789' if $T}}", b))
                edits.replace(node, fill(template.replace("$good", good), b))
                yield Rewrite(edits.text(), "test of every digit: one set operation", node.lineno)
