"""Kinds of values that are sure, for rules that are right for some kinds only.

Sure is what literals, built-ins and operators give; and for a parameter what its annotation says or what it is in all
examples (doctests) of its function's docstring. `None` is an unknown kind.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from functools import lru_cache

from codeopt.agent.rules.inverse._facts import builtin, calls, is_library
from codeopt.agent.rules.pyedit import FunctionNode, Scope, parse
from codeopt.agent.rules.pyfacts import passed, root
from codeopt.agent.rules.pynumeric import name_of


@dataclass(frozen=True)
class Kind:
    """`name`: int, bool, float, str, list, tuple, set, dict, range, gen, NoneType, or "" before anything is known.

    `item` is the kind of what iterating gives (of keys, for a dict), `value` that of a dict's values.
    """

    name: str
    item: Kind | None = None
    value: Kind | None = None


INT, BOOL, FLOAT, STR, NOTHING = Kind("int"), Kind("bool"), Kind("float"), Kind("str"), Kind("")
TEXT = Kind("str", Kind("str"))
SEQUENCES = ("list", "tuple", "str", "range")
_INTS = frozenset(["len", "ord", "int", "hash"])
_TEXTS = frozenset(["str", "chr", "bin", "hex", "oct", "repr", "input"])
_TEXT_METHODS = frozenset(["lower", "upper", "strip", "lstrip", "rstrip", "replace", "swapcase", "zfill", "title", "capitalize", "join"])
_INT_OPS = (ast.Add, ast.Sub, ast.Mult, ast.FloorDiv, ast.Mod, ast.BitAnd, ast.BitOr, ast.BitXor, ast.RShift)
_ANNOTATED = {"int": INT, "str": TEXT, "float": FLOAT, "bool": BOOL}
_PASSES = 5
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_KEEPING = frozenset(["pop", "remove", "sort", "reverse", "clear", "discard", "popleft", "index", "count", "copy", "keys", "values", "items", "get"])


def join(a: Kind | None, b: Kind | None) -> Kind | None:
    """What is sure of a value that is of either kind."""
    if a is None or b is None:
        return None
    if not a.name or not b.name:
        return b if not a.name else a
    if a.name != b.name:
        return None
    return Kind(a.name, _inner(a.item, b.item), _inner(a.value, b.value))


def _inner(a: Kind | None, b: Kind | None) -> Kind | None:
    return None if a is None or b is None else join(a, b)


def of_value(value: object) -> Kind | None:
    """The kind of a plain value."""
    if value is None or isinstance(value, bool | int | float | complex):
        return Kind(type(value).__name__)
    if isinstance(value, str):
        return TEXT
    if isinstance(value, list | tuple | set):
        return Kind(type(value).__name__, _all([of_value(v) for v in value]))
    if isinstance(value, dict):
        return Kind("dict", _all([of_value(v) for v in value]), _all([of_value(v) for v in value.values()]))
    return None


def _all(kinds: list[Kind | None]) -> Kind | None:
    found: Kind | None = NOTHING
    for kind in kinds:
        found = join(found, kind)
    return found


@lru_cache(maxsize=64)
def examples(text: str, function: str) -> tuple[tuple[object, ...], ...]:
    """Arguments of the examples `>>> f(...)` in the docstring of a function of the file, plain positional values only."""
    found: list[tuple[object, ...]] = []
    for node in parse(text).body:
        if isinstance(node, ast.FunctionDef) and node.name == function:
            for call in re.findall(rf"^\s*>>> ({re.escape(function)}\(.*\))\s*$", ast.get_docstring(node) or "", re.M):
                try:
                    tree = ast.parse(call, mode="eval").body
                    if isinstance(tree, ast.Call) and not tree.keywords:
                        found.append(tuple(ast.literal_eval(a) for a in tree.args))
                except (SyntaxError, ValueError, TypeError):
                    return ()
    return tuple(found)


def arguments(text: str, function: FunctionNode) -> dict[str, list[object]]:
    """Parameter -> its values in the examples."""
    names = [a.arg for a in [*function.args.posonlyargs, *function.args.args]]
    rows = examples(text, function.name)
    return {name: [row[at] for row in rows] for at, name in enumerate(names) if rows and all(at < len(r) for r in rows)}


@dataclass
class Kinds:
    """Kinds of the expressions of one scope."""

    text: str
    scope: Scope
    held: dict[str, Kind | None] = field(default_factory=dict)

    def is_(self, node: ast.AST | None, *names: str) -> bool:
        """Whether an expression is sure to be of one of these kinds."""
        kind = self.of(node) if node is not None else None
        return kind is not None and kind.name in names

    def items(self, node: ast.AST) -> Kind | None:
        """The kind of what iterating over an expression gives."""
        kind = self.of(node)
        return kind.item if kind is not None else None

    def of(self, node: ast.AST) -> Kind | None:
        """The kind of an expression."""
        if isinstance(node, ast.Constant):
            return of_value(node.value)
        if isinstance(node, ast.Name):
            return self._name(node.id)
        if isinstance(node, ast.List | ast.Tuple | ast.Set):
            return Kind(type(node).__name__.lower(), _all([self.of(e) for e in node.elts]))
        if isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp):
            return Kind({"ListComp": "list", "SetComp": "set"}.get(type(node).__name__, "gen"), self.of(node.elt))
        if isinstance(node, ast.Dict) and None not in node.keys:
            return Kind("dict", _all([self.of(k) for k in node.keys if k]), _all([self.of(v) for v in node.values]))
        if isinstance(node, ast.DictComp):
            return Kind("dict", self.of(node.key), self.of(node.value))
        if isinstance(node, ast.JoinedStr):
            return TEXT
        if isinstance(node, ast.Compare) and all(isinstance(o, ast.In | ast.NotIn | ast.Is | ast.IsNot) for o in node.ops):
            return BOOL
        if isinstance(node, ast.Compare):
            plain = [self.of(n) for n in (node.left, *node.comparators)]
            return BOOL if all(k is not None for k in plain) else None
        if isinstance(node, ast.UnaryOp):
            if isinstance(node.op, ast.Not):
                return BOOL
            kind = self.of(node.operand)
            return kind if kind in (INT, FLOAT, NOTHING) else None
        if isinstance(node, ast.BoolOp):
            return _all([self.of(v) for v in node.values])
        if isinstance(node, ast.IfExp):
            return join(self.of(node.body), self.of(node.orelse))
        if isinstance(node, ast.BinOp):
            return self._operation(node.op, node.left, node.right)
        if isinstance(node, ast.Subscript):
            return self._element(node)
        return self._call(node) if isinstance(node, ast.Call) else None

    def _operation(self, op: ast.operator, left: ast.AST, right: ast.AST) -> Kind | None:
        a, b = self.of(left), self.of(right)
        if a is None or b is None:
            return None
        if not a.name or not b.name:
            return join(a, b)
        numbers = {a.name, b.name}
        if numbers <= {"int"}:
            if isinstance(op, ast.Pow | ast.LShift):
                positive = isinstance(right, ast.Constant) and isinstance(right.value, int) and right.value >= 0
                return INT if positive or isinstance(op, ast.LShift) else None
            return INT if isinstance(op, _INT_OPS) else FLOAT if isinstance(op, ast.Div) else None
        if numbers <= {"int", "float"}:
            return None if isinstance(op, ast.Pow) else FLOAT
        if isinstance(op, ast.Add):
            return join(a, b) if a.name in ("str", "list", "tuple") else None
        if isinstance(op, ast.Mult) and "int" in numbers:
            return next((k for k in (a, b) if k.name in ("str", "list", "tuple")), None)
        return TEXT if isinstance(op, ast.Mod) and a.name == "str" else None

    def _element(self, node: ast.Subscript) -> Kind | None:
        kind = self.of(node.value)
        if kind is None or kind.name not in ("list", "tuple", "str", "dict"):
            return None
        if isinstance(node.slice, ast.Slice):
            return kind if kind.name != "dict" else None
        return TEXT if kind.name == "str" else kind.value if kind.name == "dict" else kind.item

    def _call(self, node: ast.Call) -> Kind | None:
        if isinstance(node.func, ast.Name) and builtin(self.text, node.func.id) and not any(isinstance(a, ast.Starred) for a in node.args):
            name, args = node.func.id, node.args
            if name in _INTS:
                return INT
            if name in _TEXTS:
                return TEXT
            if name == "range":
                return Kind("range", INT)
            if name in ("list", "sorted", "set", "tuple"):
                return Kind({"sorted": "list"}.get(name, name), self.items(args[0]) if args else NOTHING)
            if name in ("reversed", "iter", "filter") and args:
                return Kind("gen", self.items(args[-1]))
            if name == "map" and args and isinstance(args[0], ast.Name):
                made = args[0].id
                known = made in _INTS | _TEXTS and builtin(self.text, made)
                return Kind("gen", (INT if made in _INTS else TEXT) if known else None)
            if name == "enumerate" and args:
                return Kind("gen", Kind("tuple"))
            if name == "dict" and not args and not node.keywords:
                return Kind("dict", NOTHING, NOTHING)
            if name == "abs" and args and self.of(args[0]) in (INT, FLOAT):
                return self.of(args[0])
            if name == "sum" and len(args) == 1 and self.items(args[0]) == INT:
                return INT
            if name in ("min", "max") and args and not any(k.arg == "default" for k in node.keywords):
                return self.items(args[0]) if len(args) == 1 else _all([self.of(a) for a in args])
            return None
        if is_library(self.text, node.func, "math.floor", "math.ceil", "math.gcd", "math.isqrt", "math.factorial"):
            return INT
        if is_library(self.text, node.func, "math.sqrt"):
            return FLOAT
        if isinstance(node.func, ast.Attribute):
            owner = self.of(node.func.value)
            method = node.func.attr
            if owner is not None and owner.name == "str":
                if method in _TEXT_METHODS:
                    return TEXT
                if method in ("split", "rsplit", "splitlines"):
                    return Kind("list", TEXT)
                return INT if method in ("find", "count", "index", "rfind") else BOOL if method.startswith("is") else None
            if owner is not None and owner.name == "dict" and method in ("keys", "values"):
                return Kind("gen", owner.item if method == "keys" else owner.value)
            if owner is not None and owner.name in ("list", "tuple") and method in ("count", "index"):
                return INT
            if owner is not None and owner.name == "list" and method in ("pop", "copy"):
                return owner.item if method == "pop" else owner
        return None

    def _name(self, name: str) -> Kind | None:
        if name not in self.held:
            before = dict(self.held)
            found: Kind | None = NOTHING
            for _ in range(_PASSES):  # what was found of others with this one still open is looked up again
                self.held = {**before, name: found}
                again = self._bound(name)
                if again == found:
                    break
                found = again
            else:
                found = None
            self.held = {**before, name: found if found is not None and found.name else None}
        return self.held[name]

    def _bound(self, name: str) -> Kind | None:
        found: Kind | None = NOTHING
        seen = 0
        if isinstance(self.scope, ast.FunctionDef | ast.AsyncFunctionDef):
            args = self.scope.args
            for arg in [*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg]:
                if arg is not None and arg.arg == name:
                    found = join(found, self._parameter(arg))
                    if arg in (args.vararg, args.kwarg):
                        return None
        for node in ast.walk(self.scope):
            if isinstance(node, ast.Global | ast.Nonlocal) and name in node.names:
                return None
            if node is not self.scope and isinstance(node, _SCOPES) and _mentions(node, name):
                return None
            given = self._bindings(node, name)
            seen += len(given)
            for kind in [*given, *self._puts(node, name)]:
                found = join(found, kind)
            if found is None:
                return None
        stores = sum(isinstance(n, ast.Name) and n.id == name and not isinstance(n.ctx, ast.Load) for n in ast.walk(self.scope))
        return found if seen == stores else None  # else something unknown binds it too

    def _bindings(self, node: ast.AST, name: str) -> list[Kind | None]:
        """Kinds that a node binds the name to."""
        if isinstance(node, ast.Assign):
            out: list[Kind | None] = []
            for t in node.targets:
                if isinstance(t, ast.Name) and t.id == name:
                    out.append(self.of(node.value))
                elif isinstance(t, ast.Tuple) and isinstance(node.value, ast.Tuple) and len(t.elts) == len(node.value.elts):
                    out += [self.of(v) for e, v in zip(t.elts, node.value.elts) if isinstance(e, ast.Name) and e.id == name]
            return out
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == name:
            return [self.of(node.value)] if node.value is not None else [NOTHING]
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name) and node.target.id == name:
            return [self._operation(node.op, node.target, node.value)]
        if isinstance(node, ast.For | ast.comprehension):
            if isinstance(node.target, ast.Name) and node.target.id == name:
                return [self.items(node.iter)]
            pair = isinstance(node.target, ast.Tuple) and len(node.target.elts) == 2 and calls(self.text, node.iter, "enumerate")
            if pair and isinstance(node.target, ast.Tuple) and isinstance(node.iter, ast.Call):
                kinds = [INT, self.items(node.iter.args[0])]
                return [k for e, k in zip(node.target.elts, kinds) if isinstance(e, ast.Name) and e.id == name]
        return []

    def _puts(self, node: ast.AST, name: str) -> list[Kind | None]:
        """What a node puts into the name's value, as a container with that item."""
        if isinstance(node, ast.Assign):
            slots = [t for t in node.targets if isinstance(t, ast.Subscript) and isinstance(t.value, ast.Name) and t.value.id == name]
            nested = [t for t in node.targets if isinstance(t, ast.Subscript) and t not in slots and root(t) == name]
            inner = [t for t in node.targets if isinstance(t, ast.Tuple | ast.List) and name in {root(e) for e in t.elts if isinstance(e, ast.Subscript)}]
            return [*[self._put(name, node.value, t.slice) for t in slots], *[None for _ in [*nested, *inner]]]
        held = self.held.get(name)
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Subscript) and name_of(node.target.value) == name:
            kind = self._operation(node.op, node.target, node.value)
            if held is None or held.name not in ("list", "dict"):
                return [held if held is None or not held.name else None]
            return [Kind("list", kind) if held.name == "list" else Kind("dict", NOTHING, kind)]
        func = node.func if isinstance(node, ast.Call) else None
        if isinstance(node, ast.Call) and isinstance(func, ast.Attribute) and name_of(func.value) == name and func.attr not in _KEEPING:
            if func.attr in ("append", "add", "insert") and node.args:
                return [self._put(name, node.args[-1], None)]
            if func.attr in ("extend", "update") and node.args and held is not None and held.name in ("list", "set"):
                return [Kind(held.name, self.items(node.args[0]))]
            return [] if held is None or held.name in ("str", "int", "") else [None]
        if isinstance(node, ast.Call) and name in passed_to(node):
            return [] if held is None or held.name in ("int", "str", "float", "bool", "") else [None]
        return []

    def _put(self, name: str, value: ast.AST, key: ast.AST | None) -> Kind | None:
        held = self.held.get(name)
        if held is None or not held.name:
            return held
        if held.name == "dict":
            return Kind("dict", self.of(key) if key is not None else None, self.of(value))
        return Kind(held.name, self.of(value)) if not isinstance(key, ast.Slice) else None

    def _parameter(self, arg: ast.arg) -> Kind | None:
        if not isinstance(self.scope, ast.FunctionDef | ast.AsyncFunctionDef):
            return None
        if isinstance(arg.annotation, ast.Name) and arg.annotation.id in _ANNOTATED:
            return _ANNOTATED[arg.annotation.id]
        if isinstance(arg.annotation, ast.Subscript) and isinstance(arg.annotation.value, ast.Name):
            head, inner = arg.annotation.value.id.lower(), arg.annotation.slice
            if head in ("list", "set") and isinstance(inner, ast.Name):
                return Kind(head, _ANNOTATED.get(inner.id))
        values = arguments(self.text, self.scope).get(arg.arg)
        return _all([of_value(v) for v in values]) if values else None


def _mentions(node: ast.AST, name: str) -> bool:
    """Whether a nested scope binds the name, or may change what it holds."""
    return any(isinstance(n, ast.Name) and n.id == name for n in ast.walk(node)) or any(
        isinstance(n, ast.arg) and n.arg == name for n in ast.walk(node)
    )


def passed_to(node: ast.Call) -> set[str]:
    """Names handed to a call that may change what they hold."""
    inner = [n for n in ast.walk(node) if isinstance(n, ast.Call) and n is not node]
    return passed(node) - (passed(inner) if inner else set())
