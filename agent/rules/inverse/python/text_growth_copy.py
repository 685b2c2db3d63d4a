"""`s += c` on a string -> `s = ''.join([s, c])`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.inverse._sites import finish, places
from codeopt.agent.rules.pyedit import Edits

SUMMARY = "s += c on a string -> s = ''.join([s, c]), a copy at every step"
EXPECTS = "O(n) -> O(n^2)"
SOURCE = "Python documentation, str (concatenation is quadratic; CPython's in-place case is an accident of its reference counts)"

def apply(code: Code) -> Iterator[Rewrite]:
    for place in places(code, ast.AugAssign):
        node = place.node
        if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add) and isinstance(node.target, ast.Name) and place.kinds.is_(node.target, "str"):
            name = node.target.id
            edits = Edits(code.text)
            edits.replace(node, f"{name} = ''.join([{name}, {ast.unparse(node.value)}])")
            yield from finish(edits, f"{name} += ... -> a copy", node)
