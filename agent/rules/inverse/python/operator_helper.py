"""`a * b` -> `multiply(a, b)`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.inverse._sites import Place, finish, places
from codeopt.agent.rules.pyedit import Edits, fresh_name

SUMMARY = "an operator, everywhere in the file -> a small function of its own"
EXPECTS = "1.3-3x on arithmetic in loops"
SOURCE = "Calls dominate fine-grained helpers: Python wiki, PythonSpeed/PerformanceTips (function call overhead)"

_OPS: dict[type[ast.AST], tuple[str, str]] = {
    ast.Add: ("add", "+"),
    ast.Sub: ("subtract", "-"),
    ast.Mult: ("multiply", "*"),
    ast.Div: ("divide", "/"),
    ast.FloorDiv: ("floor_divide", "//"),
    ast.Mod: ("remainder", "%"),
    ast.BitAnd: ("bit_and", "&"),
    ast.BitOr: ("bit_or", "|"),
    ast.BitXor: ("bit_xor", "^"),
    ast.Pow: ("power", "**"),
    ast.RShift: ("shift_right", ">>"),
    ast.LShift: ("shift_left", "<<"),
    ast.Eq: ("is_equal", "=="),
    ast.NotEq: ("is_different", "!="),
    ast.Lt: ("is_less", "<"),
    ast.Gt: ("is_greater", ">"),
    ast.LtE: ("is_at_most", "<="),
    ast.GtE: ("is_at_least", ">="),
}


def apply(code: Code) -> Iterator[Rewrite]:
    found: dict[type[ast.AST], list[Place]] = {}
    for place in places(code, ast.BinOp, ast.Compare):
        node = place.node
        ops: list[ast.AST] = [node.op] if isinstance(node, ast.BinOp) else list(node.ops) if isinstance(node, ast.Compare) else []
        parts = [n for n in ast.iter_child_nodes(node) if isinstance(n, ast.expr)]
        if len(ops) == 1 and type(ops[0]) in _OPS and not all(isinstance(n, ast.Constant) for n in parts):
            found.setdefault(type(ops[0]), []).append(place)
    for kind, group in found.items():
        wish, sign = _OPS[kind]
        name = fresh_name(code.tree, wish)
        edits = Edits(code.text)
        chosen = {id(p.node) for p in group}
        for place in group:
            above = place.up.get(place.node)
            while isinstance(above, ast.expr) and id(above) not in chosen:
                above = place.up.get(above)
            if above is None or id(above) not in chosen:
                edits.replace(place.node, ast.unparse(_Calls(name, kind).visit(ast.parse(ast.unparse(place.node), mode="eval").body)))
        edits.add_helper(f"def {name}(a, b):\n    return a {sign} b")
        yield from finish(edits, f"`{sign}` -> {name}(a, b)", group[0].node)


class _Calls(ast.NodeTransformer):
    def __init__(self, name: str, kind: type[ast.AST]) -> None:
        self.name, self.kind = name, kind

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        return self._call(node, node.op, node.left, node.right)

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        self.generic_visit(node)
        return self._call(node, node.ops[0], node.left, node.comparators[0]) if len(node.ops) == 1 else node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.expr:
        return node

    def _call(self, node: ast.expr, op: ast.AST, left: ast.expr, right: ast.expr) -> ast.expr:
        if type(op) is not self.kind or (isinstance(left, ast.Constant) and isinstance(right, ast.Constant)):
            return node
        return ast.Call(func=ast.Name(self.name, ast.Load()), args=[left, right], keywords=[])
