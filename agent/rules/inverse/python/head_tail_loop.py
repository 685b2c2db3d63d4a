"""`for x in a` -> take the head, copy the tail."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.inverse._facts import builtin
from codeopt.agent.rules.inverse._loops import walked
from codeopt.agent.rules.inverse._sites import finish, places
from codeopt.agent.rules.pyedit import Edits

SUMMARY = "for x in a -> while rest: x = rest[0]; rest = rest[1:], a copy of the tail at every step"
EXPECTS = "O(n) -> O(n^2)"
SOURCE = "Head and tail as in functional languages; Python wiki, TimeComplexity (a slice is O(k))"


def apply(code: Code) -> Iterator[Rewrite]:
    for place in places(code, ast.For):
        loop = place.node
        if isinstance(loop, ast.For) and walked(place, loop) and builtin(code.text, "list", "len"):
            rest = place.name("rest")
            edits = Edits(code.text)
            edits.before(loop, f"{rest} = list({ast.unparse(loop.iter)})")
            edits.header(loop, f"while len({rest}) > 0")
            edits.before(loop.body[0], f"{ast.unparse(loop.target)} = {rest}[0]\n{rest} = {rest}[1:]")
            yield from finish(edits, "for -> head and tail", loop)
