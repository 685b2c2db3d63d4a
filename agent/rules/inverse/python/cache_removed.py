"""`@lru_cache` removed."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.inverse._facts import is_library
from codeopt.agent.rules.pyedit import Edits, functions
from codeopt.agent.rules.pyfacts import is_pure

SUMMARY = "@lru_cache and @cache on pure recursive functions -> nothing is kept"
EXPECTS = "exponential without the memo"
SOURCE = "Missing memoisation is the most frequent large difference in PIE's pairs; Python documentation, functools.lru_cache"

def apply(code: Code) -> Iterator[Rewrite]:
    for scope in functions(code):
        if not isinstance(scope, ast.FunctionDef) or len(scope.decorator_list) != 1:
            continue
        mark = scope.decorator_list[0]
        which = mark.func if isinstance(mark, ast.Call) else mark
        pure = all(is_pure(s, {scope.name}) for s in scope.body) and not any(isinstance(n, ast.Global | ast.Nonlocal) for n in ast.walk(scope))
        asked = any(isinstance(n, ast.Attribute) and n.attr in ("cache_info", "cache_clear") for n in ast.walk(code.tree))
        if is_library(code.text, which, "functools.lru_cache", "functools.cache") and pure and not asked:
            edits = Edits(code.text)
            edits.replace_between(mark, mark, "@")
            text = edits.text()
            lines = [line for line in text.split("\n") if line.strip() != "@@"]
            new = "\n".join(lines)
            if new != code.text:
                yield Rewrite(new, f"{scope.name} without its cache", scope.lineno)
