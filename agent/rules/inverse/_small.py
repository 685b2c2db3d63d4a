"""Numbers that stay small: what may become a count of steps."""

from __future__ import annotations

import ast

from codeopt.agent.rules.inverse._kinds import arguments
from codeopt.agent.rules.inverse._sites import Place

MOST = 100_000


def small(place: Place, node: ast.expr) -> bool:
    """Whether an expression is a plain sum or product of constants and of parameters which are small in all examples."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, int) and abs(node.value) <= MOST
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        return small(place, node.left) and small(place, node.right)
    if not isinstance(node, ast.Name) or not isinstance(place.scope, ast.FunctionDef):
        return False
    values = arguments(place.text, place.scope).get(node.id, [])
    return bool(values) and all(isinstance(v, int) and abs(v) <= MOST for v in values)
