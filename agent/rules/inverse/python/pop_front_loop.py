"""`for x in a` -> `pop(0)` until nothing is left."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.inverse._facts import builtin
from codeopt.agent.rules.inverse._loops import walked
from codeopt.agent.rules.inverse._sites import finish, places
from codeopt.agent.rules.pyedit import Edits

SUMMARY = "for x in a -> a copy of a that is emptied by pop(0)"
EXPECTS = "O(n) -> O(n^2)"
SOURCE = "Python documentation, collections.deque (pop(0) of a list is O(n)); Ruff and Pylint performance notes"

def apply(code: Code) -> Iterator[Rewrite]:
    for place in places(code, ast.For):
        loop = place.node
        if isinstance(loop, ast.For) and walked(place, loop) and builtin(code.text, "list"):
            queue = place.name("queue")
            edits = Edits(code.text)
            edits.before(loop, f"{queue} = list({ast.unparse(loop.iter)})")
            edits.header(loop, f"while {queue}")
            edits.before(loop.body[0], f"{ast.unparse(loop.target)} = {queue}.pop(0)")
            yield from finish(edits, "for -> pop(0)", loop)
