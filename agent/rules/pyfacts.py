"""What a rule can tell about Python code without running it: names bound or mutated, purity, likely types.

All answers are guesses from one function's text, good enough to propose a rewrite; the verdict decides.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from codeopt.agent.rules.pyedit import FunctionNode, Scope, flat, walk_scope


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


MUTATORS = _words(
    "append extend insert remove pop popleft appendleft clear sort reverse add discard update setdefault popitem "
    "extendleft rotate difference_update intersection_update symmetric_difference_update"
)
_PURE_CALLS = _words(
    "abs all any ascii bin bool bytes chr complex dict divmod enumerate filter float format frozenset hash hex int "
    "isinstance issubclass len list map max min oct ord pow range repr reversed round set slice sorted str sum tuple "
    "type zip ceil floor sqrt isqrt gcd lcm log log2 log10 exp sin cos tan atan atan2 hypot fabs factorial comb perm "
    "prod Counter product permutations combinations accumulate chain islice itemgetter"
)
_PURE_METHODS = _words(
    "lower upper strip lstrip rstrip split rsplit splitlines join replace find rfind index rindex count startswith "
    "endswith isdigit isalpha isalnum isupper islower isspace isnumeric isdecimal swapcase title capitalize zfill "
    "ljust rjust center encode decode format translate partition rpartition casefold keys values items get copy "
    "union intersection difference symmetric_difference issubset issuperset isdisjoint bit_length bit_count "
    "is_integer most_common elements hexdigest"
)
_RETURN_TYPES = {
    "list": "list", "sorted": "list", "set": "set", "frozenset": "set", "dict": "dict", "Counter": "dict",
    "defaultdict": "dict", "OrderedDict": "dict", "deque": "deque", "str": "str", "chr": "str", "bin": "str",
    "hex": "str", "oct": "str", "repr": "str", "input": "str", "int": "int", "len": "int", "ord": "int", "isqrt": "int",
    "gcd": "int", "float": "float", "sqrt": "float", "tuple": "tuple", "range": "range", "bytes": "bytes",
    "bytearray": "bytearray", "bool": "bool", "any": "bool", "all": "bool", "isinstance": "bool",
}  # fmt: skip
_METHOD_TYPES = {
    "split": "list", "rsplit": "list", "splitlines": "list", "readlines": "list", "join": "str", "lower": "str",
    "upper": "str", "strip": "str", "lstrip": "str", "rstrip": "str", "replace": "str", "swapcase": "str",
    "zfill": "str", "find": "int", "count": "int", "index": "int", "readline": "str", "decode": "str",
    "encode": "bytes", "bit_length": "int", "items": "view", "keys": "view", "values": "view",
}  # fmt: skip
_STR_METHODS = frozenset(m for m, t in _METHOD_TYPES.items() if t == "str" and m not in ("join", "readline")) | {
    "isdigit", "isalpha", "isupper", "islower", "isalnum", "isspace", "startswith", "endswith", "split", "title",
    "capitalize",
}  # fmt: skip
_NAMED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.ExceptHandler, ast.MatchAs, ast.MatchStar)
_ANNOTATIONS = {
    "List": "list", "list": "list", "Sequence": "list", "Set": "set", "set": "set", "FrozenSet": "set",
    "frozenset": "set", "Dict": "dict", "dict": "dict", "Mapping": "dict", "str": "str", "int": "int",
    "float": "float", "Tuple": "tuple", "tuple": "tuple", "bool": "bool", "bytes": "bytes", "deque": "deque",
    "Deque": "deque", "Counter": "dict", "DefaultDict": "dict",
}  # fmt: skip


def bound(region: ast.AST | Iterable[ast.AST]) -> set[str]:
    """Names bound anywhere in a region: assignment, loop target, with, import, def, walrus, except, del."""
    out: set[str] = set()
    for node in flat(region):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            out.add(node.id)
        elif isinstance(node, ast.alias):
            out.add((node.asname or node.name).split(".")[0])
        elif isinstance(node, _NAMED) and node.name:
            out.add(node.name)
    return out


def root(node: ast.AST) -> str:
    """The name at the root of `a.b[c].d`, "" where there is none."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Starred):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def mutated(region: ast.AST | Iterable[ast.AST]) -> set[str]:
    """Names whose objects are visibly changed in a region: `x.append(..)`, `x[i] = ..`, `x.a = ..`, `x += ..`, `del x[i]`,
    heapq and bisect calls. Calls of unknown functions with `x` as an argument do not count: see `passed`."""
    out: set[str] = set()
    for node in flat(region):
        if isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
            out.add(root(node))
        elif isinstance(node, ast.AugAssign):
            out.add(root(node.target))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in MUTATORS:
            out.add(root(node.func.value))
        if isinstance(node, ast.Call) and node.args:
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name.startswith(("heap", "insort")) or name == "shuffle":
                out.add(root(node.args[0]))
    out.discard("")
    return out


def passed(region: ast.AST | Iterable[ast.AST]) -> set[str]:
    """Names given to calls that are not known to leave their arguments alone."""
    out: set[str] = set()
    for node in flat(region):
        if isinstance(node, ast.Call) and not _known_call(node):
            out.update(a.id for a in [*node.args, *[k.value for k in node.keywords]] if isinstance(a, ast.Name))
    return out


def changed(region: ast.AST | Iterable[ast.AST]) -> set[str]:
    """Names bound, mutated or handed to unknown calls in a region."""
    nodes = [region] if isinstance(region, ast.AST) else list(region)
    return bound(nodes) | mutated(nodes) | passed(nodes)


def names_in(node: ast.AST | Iterable[ast.AST]) -> set[str]:
    """Names read or written in a region."""
    return {n.id for n in flat(node) if isinstance(n, ast.Name)}


def _known_call(node: ast.Call) -> bool:
    if isinstance(node.func, ast.Name):
        return node.func.id in _PURE_CALLS or node.func.id == "print"
    return isinstance(node.func, ast.Attribute) and (node.func.attr in _PURE_METHODS | _PURE_CALLS | MUTATORS)


def is_pure(node: ast.AST, pure_functions: Iterable[str] = ()) -> bool:
    """Whether an expression (or statements) calls nothing that could have an effect: known built-ins and methods only."""
    known = set(pure_functions)
    for n in ast.walk(node):
        if isinstance(n, ast.Await | ast.Yield | ast.YieldFrom | ast.NamedExpr):
            return False
        if isinstance(n, ast.Call):
            name = n.func.attr if isinstance(n.func, ast.Attribute) else getattr(n.func, "id", "")
            allowed = _PURE_METHODS | _PURE_CALLS if isinstance(n.func, ast.Attribute) else _PURE_CALLS
            if name not in allowed and name not in known:
                return False
    return True


def invariant(node: ast.AST, region: ast.AST | Iterable[ast.AST]) -> bool:
    """Whether an expression is pure and reads nothing that the region changes."""
    return is_pure(node) and not names_in(node) & changed(region)


def annotation_type(node: ast.expr | None) -> str:
    """"list" for `list`, `List[int]`, `typing.List[int]`, `"list[int]"`, `Optional[List[int]]`; "" where unknown."""
    if node is None:
        return ""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        try:
            return annotation_type(ast.parse(node.value, mode="eval").body)
        except SyntaxError:
            return ""
    if isinstance(node, ast.Subscript):
        head = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
        return annotation_type(node.slice) if head == "Optional" else _ANNOTATIONS.get(head, "")
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return _ANNOTATIONS.get(name, "")


def element_annotation(node: ast.expr | None) -> str:
    """"int" for `List[int]`, "" where unknown."""
    if isinstance(node, ast.Subscript):
        inner = node.slice.elts[0] if isinstance(node.slice, ast.Tuple) and node.slice.elts else node.slice
        return annotation_type(inner)
    return ""


def type_of(node: ast.AST, scope: Scope, depth: int = 3) -> str:
    """Likely type of an expression in a scope: list, set, dict, str, int, float, bool, tuple, bytes, range, deque, view, gen; "" unknown."""
    kinds: dict[type, str] = {
        ast.List: "list", ast.ListComp: "list", ast.Set: "set", ast.SetComp: "set", ast.Dict: "dict",
        ast.DictComp: "dict", ast.Tuple: "tuple", ast.JoinedStr: "str", ast.GeneratorExp: "gen", ast.Compare: "bool",
    }  # fmt: skip
    if type(node) in kinds:
        return kinds[type(node)]
    if isinstance(node, ast.Constant):
        return type(node.value).__name__
    if depth <= 0:
        return ""
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Name):
            return _RETURN_TYPES.get(node.func.id, "")
        if isinstance(node.func, ast.Attribute):
            return _METHOD_TYPES.get(node.func.attr, "") or _RETURN_TYPES.get(node.func.attr, "")
    if isinstance(node, ast.BinOp):
        left, right = type_of(node.left, scope, depth - 1), type_of(node.right, scope, depth - 1)
        if isinstance(node.op, ast.Add | ast.Mult | ast.Mod):
            for kind in ("str", "list", "tuple"):
                if left == kind or (right == kind and not isinstance(node.op, ast.Mod)):
                    return kind
        if isinstance(node.op, ast.Div):
            return "float"
        return left if left == right else ("float" if "float" in (left, right) else "")
    if isinstance(node, ast.IfExp):
        return type_of(node.body, scope, depth - 1) or type_of(node.orelse, scope, depth - 1)
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
        return type_of(node.value, scope, depth - 1)
    if isinstance(node, ast.Name):
        return _name_type(node.id, scope, depth)
    return ""


def _name_type(name: str, scope: Scope, depth: int) -> str:
    found: set[str] = set()
    if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef):
        kind = annotation_type(_argument_annotation(name, scope))
        if kind:
            found.add(kind)
    usage: set[str] = set()
    for node in walk_scope(scope):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name) and target.id == name:
                    found.add(type_of(node.value, scope, depth - 1))
                elif isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                    for t, v in zip(target.elts, node.value.elts):
                        if isinstance(t, ast.Name) and t.id == name:
                            found.add(type_of(v, scope, depth - 1))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == name:
            found.add(annotation_type(node.annotation))
        elif isinstance(node, ast.For) and isinstance(node.target, ast.Name) and node.target.id == name:
            found.add(element_type(node.iter, scope, depth - 1))
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == name:
            if node.attr in ("append", "extend", "sort", "insert"):
                usage.add("list")
            elif node.attr in _STR_METHODS:
                usage.add("str")
            elif node.attr in ("items", "keys", "values", "setdefault"):
                usage.add("dict")
            elif node.attr in ("appendleft", "popleft"):
                usage.add("deque")
    known = found - {""} or usage
    return known.pop() if len(known) == 1 else ""


def _argument_annotation(name: str, fn: FunctionNode) -> ast.expr | None:
    args = [*fn.args.posonlyargs, *fn.args.args, *fn.args.kwonlyargs]
    return next((a.annotation for a in args if a.arg == name), None)


def element_type(node: ast.AST, scope: Scope, depth: int = 3) -> str:
    """Likely type of what iterating over an expression gives; "" unknown."""
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        kinds = {type_of(e, scope, depth - 1) for e in node.elts}
        return kinds.pop() if len(kinds) == 1 else ""
    if isinstance(node, ast.ListComp | ast.GeneratorExp | ast.SetComp):
        return type_of(node.elt, scope, depth - 1)
    kind = type_of(node, scope, depth)
    if kind in ("str", "range"):
        return {"str": "str", "range": "int"}[kind]
    if isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in ("split", "splitlines", "readlines", "rsplit"):
            return "str"
        if name in ("sorted", "list", "set", "reversed", "tuple") and node.args:
            return element_type(node.args[0], scope, depth - 1)
        if name == "map" and node.args:
            return _RETURN_TYPES.get(getattr(node.args[0], "id", ""), "")
    if isinstance(node, ast.Name) and depth > 0:
        if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef):
            annotated = element_annotation(_argument_annotation(node.id, scope))
            if annotated:
                return annotated
        for n in walk_scope(scope):
            if isinstance(n, ast.Assign) and any(isinstance(t, ast.Name) and t.id == node.id for t in n.targets):
                found = element_type(n.value, scope, depth - 1)
                if found:
                    return found
    return ""


def maybe_unhashable(node: ast.AST, scope: Scope) -> bool:
    """Whether the elements of a container may be unhashable, as far as the text shows (True where lists are visibly inside)."""
    kind = element_type(node, scope)
    return kind in ("list", "dict", "set", "deque")
