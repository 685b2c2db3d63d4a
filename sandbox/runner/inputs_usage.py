"""Guess what a parameter is from how the code uses it.

Every expression gets a node; using a value as a list, adding one to it, calling `.split()` on it are evidence, and
nodes that meet (assignment, comparison, addition) become one. It is a guess: the baseline is asked afterwards.
"""

from __future__ import annotations

import ast
from collections import Counter
from typing import Any

from .inputs_usage_tables import CALLS, METHODS, NUMPY_LIKE

HELPERS = 3


class Node:
    """What is known about one value."""

    def __init__(self) -> None:
        self.kinds: Counter[str] = Counter()
        self.consts: list[Any] = []
        self.attrs: list[str] = []
        self.fields: dict[str, Node] = {}
        self.columns: dict[int, Node] = {}
        self._inner: dict[str, Node] = {}
        self._same: Node | None = None

    def root(self) -> Node:
        node = self
        while node._same is not None:
            node = node._same
        return node

    def inner(self, which: str) -> Node:
        """The node of the elements ("elem"), keys ("key") or values ("value"), made when first asked for."""
        root = self.root()
        return root._inner.setdefault(which, Node()).root()

    def has_inner(self, which: str) -> bool:
        return which in self.root()._inner

    def add(self, kind: str, weight: float = 1.0) -> Node:
        root = self.root()
        root.kinds[kind] += weight  # type: ignore[assignment]
        return root

    def field(self, name: str) -> Node:
        return self.root().fields.setdefault(name, Node()).root()

    def column(self, index: int) -> Node:
        return self.root().columns.setdefault(index, Node()).root()

    def join(self, other: Node, depth: int = 0) -> Node:
        """The two are values of one kind."""
        a, b = self.root(), other.root()
        if a is b or depth > 6:
            return a
        b._same = a
        a.kinds.update(b.kinds)
        a.consts += b.consts
        a.attrs += b.attrs
        for mine, theirs in ((a._inner, b._inner), (a.fields, b.fields), (a.columns, b.columns)):
            for key, node in theirs.items():  # type: ignore[attr-defined]
                if key in mine:
                    mine[key].join(node, depth + 1)  # type: ignore[index]
                else:
                    mine[key] = node  # type: ignore[index]
        return a


class Usage(ast.NodeVisitor):
    """Walks one function; `env` holds the nodes of its names."""

    def __init__(self, functions: dict[str, ast.FunctionDef], depth: int = 0) -> None:
        self.env: dict[str, Node] = {}
        self.functions, self.depth = functions, depth
        self._helpers: dict[str, dict[str, Node]] = {}

    def parameters(self, function: Any) -> list[str]:
        arguments = function.args
        return [arg.arg for arg in arguments.posonlyargs + arguments.args + arguments.kwonlyargs]

    def walk(self, function: Any) -> dict[str, Node]:
        names = self.parameters(function)
        nodes = {name: Node() for name in names}
        self.env.update(nodes)
        self._helpers[function.name] = nodes
        for statement in function.body:
            self.visit(statement)
        return {name: node.root() for name, node in nodes.items()}

    # --- statements -------------------------------------------------------------------------------------------

    def bind(self, target: ast.AST, node: Node) -> None:
        if isinstance(target, ast.Name):
            self.env[target.id] = node
        elif isinstance(target, (ast.Tuple, ast.List)):
            for index, part in enumerate(target.elts):
                if isinstance(part, ast.Starred):
                    node.add("sequence")
                    self.bind(part.value, Node())
                else:
                    self.bind(part, node.column(index))
        elif isinstance(target, (ast.Subscript, ast.Attribute)):
            self.expr(target).join(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        value = self.expr(node.value)
        for target in node.targets:
            if isinstance(target, (ast.Tuple, ast.List)) and isinstance(node.value, (ast.Tuple, ast.List)):
                for part, item in zip(target.elts, node.value.elts):
                    self.bind(part, self.expr(item))
            else:
                self.bind(target, value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.bind(node.target, self.expr(node.value))

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.expr(ast.BinOp(left=_load(node.target), op=node.op, right=node.value))

    def visit_For(self, node: Any) -> None:
        self.bind(node.target, self.iterated(node.iter))
        for statement in node.body + node.orelse:
            self.visit(statement)

    def visit_FunctionDef(self, node: Any) -> None:
        self.functions = {**self.functions, node.name: node}
        saved = dict(self.env)
        nodes = {name: Node() for name in self.parameters(node)}
        self._helpers[node.name] = nodes
        self.env.update(nodes)
        for statement in node.body:
            self.visit(statement)
        self.env = saved

    def visit_With(self, node: Any) -> None:
        for item in node.items:
            self.expr(item.context_expr)
        for statement in node.body:
            self.visit(statement)

    def generic_visit(self, node: ast.AST) -> None:
        if isinstance(node, ast.expr):
            self.expr(node)
            return
        for child in ast.iter_child_nodes(node):
            self.visit(child)

    # --- expressions ------------------------------------------------------------------------------------------

    def expr(self, node: Any) -> Node:
        method = getattr(self, "on_" + type(node).__name__, None)
        if method is not None:
            found: Node = method(node)
            return found
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.expr(child)
            elif isinstance(child, ast.comprehension):
                self.comprehension(child)
        return Node()

    def visit(self, node: ast.AST) -> None:
        if isinstance(node, ast.expr):
            self.expr(node)
        else:
            super().visit(node)

    def iterated(self, node: ast.expr) -> Node:
        """What iterating over an expression yields."""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
            name, args = node.func.id, node.args
            if name == "enumerate":
                pair = Node()
                pair.column(0).add("int")
                pair.column(1).join(self.iterated(args[0]))
                return pair
            if name == "zip":
                pair = Node()
                for index, arg in enumerate(args):
                    pair.column(index).join(self.iterated(arg))
                return pair
        node_of = self.expr(node)
        node_of.add("iterable")
        return node_of.inner("elem")

    def comprehension(self, node: ast.comprehension) -> None:
        self.bind(node.target, self.iterated(node.iter))
        for test in node.ifs:
            self.expr(test)

    def on_Name(self, node: ast.Name) -> Node:
        if node.id not in self.env:
            self.env[node.id] = Node()
        return self.env[node.id].root()

    def on_Constant(self, node: ast.Constant) -> Node:
        fresh = Node()
        value = node.value
        if isinstance(value, (bool, int, float, str, bytes)):
            fresh.add(type(value).__name__ if value is not True and value is not False else "bool")
            fresh.consts.append(value)
        elif value is None:
            fresh.add("none", 0.1)
        return fresh

    def on_List(self, node: Any) -> Node:
        fresh = Node().add("list" if isinstance(node, ast.List) else "iterable", 0.5)
        for item in node.elts:
            fresh.inner("elem").join(self.expr(item))
        return fresh

    on_Set = on_List

    def on_Tuple(self, node: ast.Tuple) -> Node:
        fresh = Node()
        for index, item in enumerate(node.elts):
            fresh.column(index).join(self.expr(item))
        return fresh

    def on_ListComp(self, node: Any) -> Node:
        saved = dict(self.env)
        for generator in node.generators:
            self.comprehension(generator)
        element = self.expr(node.elt)
        self.env = saved
        fresh = Node()
        fresh.inner("elem").join(element)
        return fresh

    on_SetComp = on_GeneratorExp = on_ListComp

    def on_DictComp(self, node: ast.DictComp) -> Node:
        saved = dict(self.env)
        for generator in node.generators:
            self.comprehension(generator)
        self.expr(node.key)
        self.expr(node.value)
        self.env = saved
        return Node().add("dict", 0.5)

    def on_Lambda(self, node: ast.Lambda) -> Node:
        saved = dict(self.env)
        for arg in node.args.args:
            self.env[arg.arg] = Node()
        self.expr(node.body)
        self.env = saved
        return Node()

    def on_IfExp(self, node: ast.IfExp) -> Node:
        self.expr(node.test)
        return self.expr(node.body).join(self.expr(node.orelse))

    def on_BoolOp(self, node: ast.BoolOp) -> Node:
        nodes = [self.expr(value) for value in node.values]
        return nodes[-1]

    def on_UnaryOp(self, node: ast.UnaryOp) -> Node:
        value = self.expr(node.operand)
        if isinstance(node.op, (ast.USub, ast.UAdd)):
            return value.add("num")
        if isinstance(node.op, ast.Invert):
            return value.add("int")
        return Node()

    def on_BinOp(self, node: ast.BinOp) -> Node:
        left, right = self.expr(node.left), self.expr(node.right)
        op = type(node.op)
        if op in (ast.FloorDiv, ast.LShift, ast.RShift):
            left.add("int", 2)
            right.add("int", 2)
            return Node().add("int", 0.5)
        if op is ast.Mod:
            if left.kinds["str"]:
                return left
            left.add("int", 1.5)
            right.add("int", 1.5)
            return Node().add("int", 0.5)
        if op in (ast.BitAnd, ast.BitOr, ast.BitXor):
            left.add("int")
            right.add("int")
            return left
        if op in (ast.Div, ast.Pow):
            left.add("num")
            right.add("num")
            return Node().add("num", 0.5)
        if op is ast.MatMult:
            left.add("array", 3)
            right.add("array", 3)
            return left
        if op is ast.Mult:
            return self._times(left, right)
        if op is ast.Sub:
            left.add("num", 0.7)
            right.add("num", 0.7)
            return Node().add("num", 0.5)
        if left.kinds["str"] or right.kinds["str"] or left.kinds["list"] or right.kinds["list"]:
            return left.join(right)
        left.add("num", 0.3)
        right.add("num", 0.3)
        fresh = Node()
        fresh.kinds.update({"num": 0.3})  # type: ignore[dict-item]
        return fresh

    def _times(self, left: Node, right: Node) -> Node:
        for one, other in ((left, right), (right, left)):
            if one.kinds["str"] or one.kinds["list"]:
                other.add("int", 1.5)
                return one
        left.add("num", 0.8)
        right.add("num", 0.8)
        return Node().add("num", 0.5)

    def on_Compare(self, node: ast.Compare) -> Node:
        left = self.expr(node.left)
        for op, other in zip(node.ops, node.comparators):
            right = self.expr(other)
            if isinstance(op, (ast.In, ast.NotIn)):
                if right.kinds["str"]:
                    left.add("str")
                else:
                    right.add("iterable", 0.5)
                    right.inner("elem").join(left)
            elif isinstance(op, (ast.Is, ast.IsNot, ast.Eq, ast.NotEq)):
                left.join(right)
            else:
                left.add("ordered", 0.5)
                left.join(right)
            left = right
        return Node().add("bool", 0.1)

    def on_Subscript(self, node: ast.Subscript) -> Node:
        base = self.expr(node.value)
        index = node.slice
        if isinstance(index, ast.Slice):
            for part in (index.lower, index.upper, index.step):
                if part is not None:
                    self.expr(part).add("int")
            base.add("sequence")
            return base
        if isinstance(index, ast.Tuple):
            if any(isinstance(item, (ast.Slice, ast.Constant)) for item in index.elts):
                base.add("array", 1.5)
            self.expr(index)
            return base.inner("elem")
        if isinstance(index, ast.Constant) and isinstance(index.value, str):
            base.add("record")
            return base.field(index.value)
        position = self.expr(index)
        if isinstance(index, ast.Constant):
            base.add("sequence")
        elif position.kinds["int"] >= 1 or position.kinds["num"]:
            base.add("sequence", 0.6)
        else:
            base.add("indexable")
            position.add("int", 0.4)
        return base.inner("elem")

    def on_Attribute(self, node: ast.Attribute) -> Node:
        base = self.expr(node.value)
        base.root().attrs.append(node.attr)
        for kind, weight in METHODS.get(node.attr, ()):
            base.add(kind, weight)
        if node.attr in METHODS:
            return Node()
        base.add("object", 0.5)
        return base.field("." + node.attr)

    def on_Call(self, node: ast.Call) -> Node:
        for keyword in node.keywords:
            self.expr(keyword.value)
        func = node.func
        if isinstance(func, ast.Attribute):
            return self._method(node, func)
        if isinstance(func, ast.Name):
            return self._plain(node, func.id)
        self.expr(func)
        for arg in node.args:
            self.expr(arg)
        return Node()

    def _method(self, node: ast.Call, func: ast.Attribute) -> Node:
        if isinstance(func.value, ast.Name) and func.value.id not in self.env:
            return self._library(node, func.value.id, func.attr)
        base = self.expr(func.value)
        args = [self.expr(arg) for arg in node.args]
        for kind, weight in METHODS.get(func.attr, ()):
            base.add(kind, weight)
        if func.attr not in METHODS:
            base.attrs.append(func.attr)
            base.add("object", 0.5)
            return Node()
        if func.attr == "join" and args:
            args[0].add("iterable").inner("elem").add("str", 2)
        elif func.attr in ("append", "add", "remove", "count", "index") and args and not base.kinds["str"]:
            base.inner("elem").join(args[0])
        elif func.attr in ("split", "splitlines", "readlines"):
            fresh = Node().add("list")
            fresh.inner("elem").add("str", 2)
            return fresh
        elif func.attr in ("get", "setdefault", "pop") and args and base.kinds["dict"]:
            if isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str):
                return base.field(node.args[0].value)
            base.inner("key").join(args[0])
            return base.inner("value")
        elif func.attr == "items":
            fresh = Node()
            fresh.inner("elem").column(0).join(base.inner("key"))
            fresh.inner("elem").column(1).join(base.inner("value"))
            return fresh
        elif func.attr in ("keys", "values"):
            fresh = Node()
            fresh.inner("elem").join(base.inner("key" if func.attr == "keys" else "value"))
            return fresh
        elif func.attr in ("lower", "upper", "strip", "lstrip", "rstrip", "replace", "title", "copy"):
            return base
        return Node()

    def _library(self, node: ast.Call, module: str, name: str) -> Node:
        args = [self.expr(arg) for arg in node.args]
        if module in NUMPY_LIKE and args:
            args[0].add("array", 1.2)
            return Node().add("array", 0.5)
        for arg, use in zip(args, CALLS.get(module + "." + name, CALLS.get(module + ".*", ()))):
            _apply(arg, use)
        return Node()

    def _plain(self, node: ast.Call, name: str) -> Node:
        if name in ("list", "sorted", "tuple", "set", "reversed", "iter", "deque", "frozenset") and node.args:
            fresh = Node()
            fresh.inner("elem").join(self.iterated(node.args[0]))
            if name == "sorted":
                fresh.inner("elem").add("ordered", 0.5)
            return fresh
        if name == "range":
            for arg in node.args:
                self.expr(arg).add("int", 2)
            fresh = Node()
            fresh.inner("elem").add("int")
            return fresh
        if name in ("enumerate", "zip"):
            fresh = Node()
            fresh.inner("elem").join(self.iterated(node))
            return fresh
        if name == "isinstance" and len(node.args) == 2:
            kinds = [item.id for item in ast.walk(node.args[1]) if isinstance(item, ast.Name)]
            for kind in kinds:
                self.expr(node.args[0]).add(kind, 1.0)
            return Node()
        args = [self.expr(arg) for arg in node.args]
        if name in ("max", "min") and len(args) > 1:
            for one in args:
                one.add("num", 0.5)
                args[0].join(one)
            return args[0]
        for one, use in zip(args, CALLS.get(name, ())):
            _apply(one, use)
        self._helper(name, args)
        if name in ("max", "min") and args:
            return args[0].inner("elem")
        return Node().add("int", 0.3) if name in ("len", "ord", "int") else Node()

    def _helper(self, name: str, args: list[Node]) -> None:
        """A call of a function of the same file: its parameters are used as these arguments are."""
        if name not in self._helpers and name in self.functions and self.depth < HELPERS:
            inner = Usage(self.functions, self.depth + 1)
            inner._helpers = self._helpers
            inner.walk(self.functions[name])
        for arg, node in zip(args, self._helpers.get(name, {}).values()):
            arg.join(node)


def _load(node: Any) -> Any:
    return ast.copy_location(type(node)(**dict(ast.iter_fields(node))), node)


def _apply(node: Node, use: str) -> None:
    """`use` is a kind, or a kind and the kind of the elements: "iterable:num"."""
    kind, _, inner = use.partition(":")
    if kind:
        node.add(kind)
    if inner:
        node.inner("elem").add(inner)
