"""The canonical form of a Python program: the same for programs that differ in names of local variables only.

Names that nobody but their own function can see are numbered in the order in which they are bound. Parameters, globals,
attributes and the names of functions and classes stay. Nothing is run: the tree is compiled at most. Programs that may
look at their own names or text (`locals`, `eval`, `inspect`, a compiler that reads sources) have no canonical form.
"""

from __future__ import annotations

import ast
import re
import sys
import warnings
from collections.abc import Iterable, Iterator
from types import CodeType

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_SCOPES = (*_FUNCTIONS, *_COMPREHENSIONS, ast.ClassDef)
_NAMED = (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)
_LOCAL = "$"  # no name of a program begins with it
_REFLECTS = re.compile(
    "locals|vars|dir|eval|exec|breakpoint|inspect|dis|marshal|linecache|traceback|getsource|__file__|_getframe|currentframe|"
    "[a-z]+_frame|f_locals|f_back|__code__|co_[a-z]+|settrace|setprofile|__annotations__|get_type_hints|signature|"
    "query|evaluate|sql|triton|jit|script|taichi|warp|cython|pythran|transonic"
)


def canonical(tree: ast.Module) -> ast.Module | None:
    """`tree` itself, with local names and the annotations of locals taken away; None where they may be seen.

    An UnboundLocalError still names its variable when the program runs, which is not looked at.

    Args:
        tree: A program without docstrings. It is changed.
    """
    strings: set[str] = set()
    modules: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
            text = node.value if isinstance(node.value, str) else node.value.decode("latin-1")
            strings.update(re.findall(r"\w+", text))
        # Type parameters open scopes of their own kind.
        elif getattr(node, "type_params", None) or any(map(_REFLECTS.fullmatch, _words(node))):
            return None
        elif isinstance(node, ast.Import | ast.ImportFrom):
            modules.update(words[0] for words in map(_words, [node] if isinstance(node, ast.ImportFrom) else node.names))
    # What is not of the standard library may find a variable by its name in a string (`numexpr`, `pandas`, `numpy.bmat`).
    _Names(strings if modules - sys.stdlib_module_names else set()).rename(tree.body, {}, function=False)
    return tree


def compiled(tree: ast.Module) -> str:
    """What a canonical tree is compiled to: byte code, constants and names, without lines and local names.

    It is this process's compiler, not the one under which the program runs. What it folds and leaves out changes no
    behaviour, so equal forms mean equal programs under any version of Python; how fast another one runs two spellings
    of the same is not told.

    Raises:
        SyntaxError: The tree is no program, though it parses (`return` outside of a function).
        ValueError, RecursionError, MemoryError: It is out of all proportion.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt | ast.expr | ast.excepthandler | ast.pattern | ast.arg | ast.keyword | ast.alias):
            # Byte code has its jumps and no-ops where lines begin.
            node.lineno = node.end_lineno = 1
            node.col_offset = node.end_col_offset = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        code = compile(tree, "<candidate>", "exec", dont_inherit=True, optimize=0)
    return repr(_plain(code))


def _plain(value: object) -> object:
    """A constant whose `repr` tells all of it: it holds code without lines and local names, and sets in order."""
    if isinstance(value, CodeType):
        return (
            value.co_name,
            value.co_qualname,
            value.co_flags,
            (value.co_argcount, value.co_posonlyargcount, value.co_kwonlyargcount),
            value.co_code,
            value.co_exceptiontable,
            value.co_names,
            *([name[0] if name[0] == _LOCAL else name for name in names] for names in
              (value.co_varnames, value.co_cellvars, value.co_freevars)),
            [_plain(constant) for constant in value.co_consts],
        )  # fmt: skip
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, frozenset):
        return {"frozenset": sorted(map(repr, value))}
    return value


def _words(node: ast.AST) -> list[str]:
    """The names that a node itself says, in parts."""
    if isinstance(node, ast.Name):
        return [node.id]
    if isinstance(node, ast.Attribute):
        return [node.attr]
    if isinstance(node, ast.keyword):
        return [node.arg or ""]
    if isinstance(node, ast.alias):
        return node.name.split(".")
    # A relative import is of the project's own.
    return ["."] * node.level + (node.module or "").split(".") if isinstance(node, ast.ImportFrom) else []


def _parts(scope: ast.AST) -> tuple[list[ast.AST], list[ast.AST]]:
    """What of a node that opens a scope belongs to the scope around it, and what to its own."""
    if isinstance(scope, ast.Lambda):
        return [scope.args], [scope.body]
    if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef):
        return [*scope.decorator_list, scope.args, *filter(None, [scope.returns])], [*scope.body]
    if isinstance(scope, ast.ClassDef):
        return [*scope.decorator_list, *scope.bases, *scope.keywords], [*scope.body]
    assert isinstance(scope, _COMPREHENSIONS)
    first, *others = scope.generators
    made = [scope.key, scope.value] if isinstance(scope, ast.DictComp) else [scope.elt]
    return [first.iter], [first.target, *first.ifs, *others, *made]


def _own(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """The nodes of one scope, in order. Of the scopes inside only what is evaluated, or bound, out here."""
    for node in nodes:
        yield node
        yield from _own(_parts(node)[0] if isinstance(node, _SCOPES) else ast.iter_child_nodes(node))
        if isinstance(node, _COMPREHENSIONS):
            yield from (inner for inner in _own(_parts(node)[1]) if isinstance(inner, ast.NamedExpr))


def _bound(node: ast.AST) -> str:
    """The name that a node itself binds; "" for none."""
    if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        return node.id
    if isinstance(node, ast.NamedExpr):
        return node.target.id
    if isinstance(node, ast.alias):
        return (node.asname or node.name).partition(".")[0]
    if isinstance(node, ast.MatchMapping):
        return node.rest or ""
    return (node.name or "") if isinstance(node, _NAMED) else ""


class _Names:
    """Numbers local names, except those that are to be kept."""

    def __init__(self, kept: set[str]) -> None:
        self._kept = kept
        self._count = 0

    def rename(self, nodes: Iterable[ast.AST], names: dict[str, str], *, function: bool) -> None:
        """Rename in the nodes of a scope, and in those inside it.

        Args:
            nodes: Parts of one scope.
            names: What is seen there under another name.
            function: Annotations of variables are not evaluated there.
        """
        for node in nodes:
            if isinstance(node, ast.Name):
                node.id = names.get(node.id, node.id)
            elif isinstance(node, ast.Nonlocal):
                node.names = [names.get(name, name) for name in node.names]
            elif isinstance(node, ast.alias):
                node.asname = names.get(node.asname or node.name, node.asname)
            elif isinstance(node, ast.MatchMapping) and node.rest:
                node.rest = names.get(node.rest, node.rest)
            elif isinstance(node, _NAMED) and node.name:
                node.name = names.get(node.name, node.name)
            elif isinstance(node, ast.AnnAssign) and function:
                node.annotation = ast.Constant(None)
            if isinstance(node, _SCOPES):
                around, inside = _parts(node)
                self.rename(around, names, function=function)
                self.rename(inside, self._inner(node, inside, names), function=isinstance(node, _FUNCTIONS))
            else:
                self.rename(ast.iter_child_nodes(node), names, function=function)

    def _inner(self, scope: ast.AST, inside: list[ast.AST], names: dict[str, str]) -> dict[str, str]:
        """What is seen under another name in a scope inside."""
        if isinstance(scope, ast.ClassDef):
            return {}  # and nothing around it is renamed, see below
        if isinstance(scope, _COMPREHENSIONS):
            bound = [_bound(node) for generator in scope.generators for node in _own([generator.target])]
            return {**names, **self._numbered(bound, set())}
        nodes = list(_own(inside))
        assert isinstance(scope, _FUNCTIONS)
        own = {child.arg for child in ast.iter_child_nodes(scope.args) if isinstance(child, ast.arg)}
        shared: set[str] = set()
        for node in nodes:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                own.add(node.name)
            elif isinstance(node, ast.alias) and not node.asname and "." in node.name:
                own.add(_bound(node))
            elif isinstance(node, ast.Global):
                own.update(node.names)
            elif isinstance(node, ast.Nonlocal):
                shared.update(node.names)
        bound = [name for name in map(_bound, nodes) if name not in shared]
        left = {old: new for old, new in names.items() if old not in own}
        if any(isinstance(node, ast.ClassDef) for node in ast.walk(scope)):
            return left  # the body of a class looks names up by their text
        return left | self._numbered(bound, own)

    def _numbered(self, bound: Iterable[str], own: set[str]) -> dict[str, str]:
        """New names for those that are free to have one; the others are their own, so that nothing outside shadows them."""
        made = {}
        for name in filter(None, dict.fromkeys(bound)):
            if name in own or name in self._kept or name.startswith("__"):
                made[name] = name
            else:
                made[name] = f"{_LOCAL}{self._count:06}"
                self._count += 1
        return made
