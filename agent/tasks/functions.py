"""What a Python file offers for optimisation, read from its syntax tree alone: nothing is imported or run."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.types import Record

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
_STDIN_CALLS = {"input", "fileinput.input", "sys.stdin", "os.read"}
_ARGV = {"sys.argv", "argparse.ArgumentParser", "click.command", "typer.run", "typer.Typer"}


class FunctionInfo(Record):
    """One function or method.

    Attributes:
        qualname: "f", "Class.method"; a function inside a function is "outer.<locals>.inner".
        line, end_line: 1-based, the decorators included.
        doc: First line of the docstring.
        has_hints: Every parameter but self and cls has a type hint.
        parameters: Names in order, with "*" and "**" in front as in the source; self and cls are left out.
        calls: Names of the functions of this file that its body mentions, sorted.
        is_async: It has to be awaited.
        is_generator: It yields.
        reads_input: It mentions stdin or argv itself.
    """

    qualname: str
    line: int
    end_line: int
    doc: str = ""
    has_hints: bool = False
    parameters: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    is_async: bool = False
    is_generator: bool = False
    reads_input: bool = False

    @property
    def name(self) -> str:
        """The last part of the qualified name."""
        return self.qualname.rpartition(".")[2]

    @property
    def reachable(self) -> bool:
        """Whether it can be called from outside: not inside another function."""
        return "<locals>" not in self.qualname

    @property
    def public(self) -> bool:
        """Whether it looks like something that others call: reachable, no leading underscore, no test, no main."""
        parts = self.qualname.split(".")
        return (
            self.reachable
            and not any(part.startswith("_") for part in parts)
            and not self.name.startswith("test_")
            and self.name != "main"
        )


class Script(Record):
    """What a file does when it is run.

    Attributes:
        runs: It has code that does something at module level or under `if __name__ == "__main__"`.
        reads_stdin: That code, or a function, reads stdin.
        reads_argv: That code, or a function, looks at the arguments.
    """

    runs: bool
    reads_stdin: bool
    reads_argv: bool


def functions_of(source: str) -> list[FunctionInfo]:
    """All functions and methods of a file, in the order of the source.

    Raises:
        SyntaxError: The text is not Python.
    """
    tree = ast.parse(source)
    found = list(_walk(tree.body, ""))
    names = {qualname.rpartition(".")[2] for qualname, _, _ in found}
    return [_info(qualname, node, method, names) for qualname, node, method in found]


def script_of(source: str) -> Script:
    """What happens when the file is run as a script.

    Raises:
        SyntaxError: The text is not Python.
    """
    tree = ast.parse(source)
    mentioned = set(_mentions(tree))
    return Script(
        runs=any(_acts(node) for node in tree.body),
        reads_stdin=bool(mentioned & _STDIN_CALLS) or _opens_zero(tree),
        reads_argv=bool(mentioned & _ARGV),
    )


def entry_points(functions: list[FunctionInfo]) -> list[FunctionInfo]:
    """The public functions that no other function of the file calls, or all public ones where all are called."""
    public = [item for item in functions if item.public and not item.reads_input]
    used = {name for item in functions if item.name != "main" for name in item.calls if name != item.name}
    return [item for item in public if item.name not in used] or public


def _walk(
    body: list[ast.stmt], prefix: str, in_class: bool = False
) -> Iterator[tuple[str, FunctionNode, bool]]:
    for node in body:
        if isinstance(node, FunctionNode):
            yield prefix + node.name, node, in_class
            yield from _walk(node.body, f"{prefix}{node.name}.<locals>.")
        elif isinstance(node, ast.ClassDef):
            yield from _walk(node.body, f"{prefix}{node.name}.", in_class=True)
        elif isinstance(node, ast.If | ast.Try | ast.With):
            for part in ("body", "orelse", "finalbody"):
                yield from _walk(getattr(node, part, []), prefix, in_class)


def _info(qualname: str, node: FunctionNode, method: bool, names: set[str]) -> FunctionInfo:
    plain = [*node.args.posonlyargs, *node.args.args]
    static = any(isinstance(item, ast.Name) and item.id == "staticmethod" for item in node.decorator_list)
    if method and not static and plain:
        plain = plain[1:]
    stars = [("*", node.args.vararg), ("**", node.args.kwarg)]
    every = [*plain, *node.args.kwonlyargs, *(arg for _, arg in stars if arg)]
    mentioned = set(_mentions(node))
    return FunctionInfo(
        qualname=qualname,
        line=min([node.lineno, *(item.lineno for item in node.decorator_list)]),
        end_line=node.end_lineno or node.lineno,
        doc=(ast.get_docstring(node) or "").partition("\n")[0].strip(),
        has_hints=all(arg.annotation is not None for arg in every),
        parameters=tuple(
            [arg.arg for arg in plain]
            + [arg.arg for arg in node.args.kwonlyargs]
            + [star + arg.arg for star, arg in stars if arg]
        ),
        calls=tuple(sorted(names & {name.rpartition(".")[2] for name in mentioned})),
        is_async=isinstance(node, ast.AsyncFunctionDef),
        is_generator=any(isinstance(part, ast.Yield | ast.YieldFrom) for part in _own(node)),
        reads_input=bool(mentioned & (_STDIN_CALLS | _ARGV)) or _opens_zero(node),
    )


def _own(node: FunctionNode) -> Iterator[ast.AST]:
    """The nodes of a function's body, those of inner functions and lambdas left out."""
    waiting: list[ast.AST] = list(node.body)
    while waiting:
        part = waiting.pop()
        yield part
        if not isinstance(part, FunctionNode | ast.Lambda | ast.ClassDef):
            waiting.extend(ast.iter_child_nodes(part))


def _mentions(tree: ast.AST) -> Iterator[str]:
    """Names and dotted names that are read anywhere below, "from sys import stdin" counted as "sys.stdin"."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield f"{node.value.id}.{node.attr}" if isinstance(node.value, ast.Name) else node.attr
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _opens_zero(tree: ast.AST) -> bool:
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "open"
            and node.args
        ):
            first = node.args[0]
            if isinstance(first, ast.Constant) and first.value in (0, "/dev/stdin"):
                return True
    return False


def _acts(node: ast.stmt) -> bool:
    """Whether a module-level statement does something: a call or a loop, not a definition or a constant."""
    if isinstance(node, ast.For | ast.While | ast.With):
        return True
    if isinstance(node, ast.If):
        return _is_main_guard(node) or any(_acts(part) for part in node.body)
    return isinstance(node, ast.Expr) and any(isinstance(part, ast.Call) for part in ast.walk(node))


def _is_main_guard(node: ast.If) -> bool:
    test = node.test
    return isinstance(test, ast.Compare) and any(
        isinstance(part, ast.Name) and part.id == "__name__" for part in [test.left, *test.comparators]
    )
