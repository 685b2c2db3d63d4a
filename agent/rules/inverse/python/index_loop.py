"""`for x in a` -> `for i in range(len(a))`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.inverse._facts import builtin
from codeopt.agent.rules.inverse._loops import walked
from codeopt.agent.rules.inverse._sites import finish, places
from codeopt.agent.rules.pyedit import Edits

SUMMARY = "for x in a -> a copy of a and an index, x = values[i]"
EXPECTS = "1.1-1.5x"
SOURCE = "Pylint C0200 (consider-using-enumerate); usual in code carried over from C"

def apply(code: Code) -> Iterator[Rewrite]:
    for place in places(code, ast.For):
        loop = place.node
        if isinstance(loop, ast.For) and walked(place, loop) and builtin(code.text, "list", "len", "range"):
            values = place.name("values")
            i = place.name("i", values)
            edits = Edits(code.text)
            edits.before(loop, f"{values} = list({ast.unparse(loop.iter)})")
            edits.header(loop, f"for {i} in range(0, len({values}))")
            edits.before(loop.body[0], f"{ast.unparse(loop.target)} = {values}[{i}]")
            yield from finish(edits, "for -> index", loop)
