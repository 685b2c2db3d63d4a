"""What a specification says: the function's head, its docstring, and the examples in it. Nothing is run."""

from __future__ import annotations

import ast
import copy
import re
from dataclasses import dataclass

from codeopt.agent.counterexamples import literal
from codeopt.agent.plan.counter import called
from codeopt.errors import UserError
from codeopt.sandbox.runner.codec import Unencodable, encode

_ARROWS = ("==", "➞", "=>", "->", "→", "returns", "should return", "should be", "=", "is")
DOCTEST = re.compile(r">>>\s*(?P<call>.+?)\n(?P<value>.+?)(?=\n\s*\n|\n\s*>>>|\Z)", re.DOTALL)


@dataclass(frozen=True)
class Example:
    """A call and the answer that the specification gives for it, both encoded; of a program what it reads and prints."""

    call: bytes
    answer: bytes


@dataclass(frozen=True)
class Specification:
    """A function that somebody wants, or a program that reads stdin and prints.

    Attributes:
        text: The file: imports, other functions, and the head with its docstring. Of a program a description.
        function: The name of the one that is wanted; "" for a program.
        examples: Those of its docstring that are calls of plain values with plain answers.
        language: "python", or "cpp" for a program.
        inputs: Of a program: Python text with a generator make(size, seed) of its stdin.
    """

    text: str
    function: str
    examples: tuple[Example, ...]
    language: str = "python"
    inputs: str = ""


def is_specification(source: str, function: str) -> bool:
    """Whether that function of a file has a docstring and nothing else that does something."""
    node = _find(source, function)
    if node is None or ast.get_docstring(node) is None:
        return False
    return all(_idle(statement) for statement in node.body[1:])


def read_specification(source: str, function: str) -> Specification:
    """The specification in a file.

    Raises:
        UserError: There is no such function, or it has no docstring.
    """
    node = _find(source, function)
    if node is None:
        raise UserError(f"no function {function!r} to write", "a specification is a def with a docstring")
    doc = ast.get_docstring(node)
    if doc is None:
        raise UserError(f"{function} has no docstring", "say in it what the function does, with examples")
    return Specification(source, function, examples_of(doc, function))


def examples_of(doc: str, function: str) -> tuple[Example, ...]:
    """The examples of a docstring: doctests, and lines such as `f([1, 2]) == 3` or `f(1) ➞ 2`."""
    found: dict[bytes, Example] = {}
    pairs = [(match["call"], match["value"]) for match in DOCTEST.finditer(doc)]
    for line in doc.split("\n"):
        at = line.find(f"{function}(")
        if at < 0:
            continue
        end = _closing(line, at + len(function))
        rest = line[end:].strip()
        for arrow in _ARROWS:
            if end and rest.startswith(arrow):
                pairs.append((line[at:end], rest[len(arrow) :].strip().lstrip(">").strip()))
                break
    for call, value in pairs:
        data = called(call.strip(), function) if call.strip().startswith(f"{function}(") else None
        answer = _answer(value.strip())
        if data is not None and answer is not None:
            found.setdefault(data, Example(data, answer))
    return tuple(found.values())


def standing(program: str, specification: Specification) -> str:
    """A program with the imports and the other definitions of the specification's file that it lacks."""
    tree, file = _parsed(program), _parsed(specification.text)
    if tree is None or file is None or "from __future__ " in program:  # which has to stay first
        return program
    has = {getattr(node, "name", "") for node in tree.body} | {ast.unparse(node) for node in tree.body if _imports(node)}
    lacks = [
        node for node in file.body
        if (_imports(node) and ast.unparse(node) not in has)
        or (isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Assign) and getattr(node, "name", "=") not in has)
    ]  # fmt: skip
    lacks = [node for node in lacks if getattr(node, "name", "") != specification.function]
    head = "\n".join(ast.unparse(node) for node in lacks)
    return f"{head}\n\n{program}" if head else program


def with_head(program: str, specification: Specification) -> str:
    """A program whose function has the specification's docstring and annotations: what inputs are guessed from.

    The program as it is where its function has other parameters, or does not parse.
    """
    wanted, tree = _find(specification.text, specification.function), _parsed(program)
    if wanted is None or tree is None:
        return program
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == specification.function:
            if [arg.arg for arg in node.args.args] != [arg.arg for arg in wanted.args.args]:
                return program
            node.args = copy.deepcopy(wanted.args)
            doc = ast.Expr(ast.Constant(ast.get_docstring(wanted, clean=False)))
            node.body = [doc, *(node.body[1:] if ast.get_docstring(node) is not None else node.body)]
    has = {ast.unparse(item) for item in tree.body if _imports(item)}
    imports = [item for item in ast.parse(specification.text).body if _imports(item) and ast.unparse(item) not in has]
    future = [item for item in tree.body if isinstance(item, ast.ImportFrom) and item.module == "__future__"]
    tree.body = [*future, *imports, *(item for item in tree.body if item not in future)]
    return ast.unparse(ast.fix_missing_locations(tree))


def _answer(text: str) -> bytes | None:
    """The outcome that a call with this answer has, encoded; None where it is no plain value.

    Of words after it ("2  # both are even", "True, since …") the longest part that is a value counts.
    """
    text = text.split("\n")[0] if not text.startswith(("[", "(", "{")) else text
    for end in range(len(text), 0, -1):
        if end < len(text) and (text[end].isalnum() or text[end] in "._"):
            continue
        try:
            return encode([(0, literal(ast.parse(text[:end].strip(), mode="eval").body))])
        except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError, Unencodable):
            continue
    return None


def _closing(line: str, start: int) -> int:
    """Where the bracket that opens at `start` is closed: the position after it; 0 where it is not."""
    depth, quote = 0, ""
    for at in range(start, len(line)):
        char = line[at]
        if quote:
            quote = "" if char == quote and line[at - 1] != "\\" else quote
        elif char in "'\"":
            quote = char
        elif char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
            if depth == 0:
                return at + 1
    return 0


def _parsed(source: str) -> ast.Module | None:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _imports(node: ast.stmt) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom)


def _find(source: str, function: str) -> ast.FunctionDef | None:
    tree = _parsed(source)
    nodes = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == function] if tree else []
    return nodes[-1] if nodes else None


def _idle(statement: ast.stmt) -> bool:
    """Whether a statement of a body is there for the form only."""
    if isinstance(statement, ast.Pass):
        return True
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)
    if isinstance(statement, ast.Raise) and statement.exc is not None:
        name = statement.exc.func if isinstance(statement.exc, ast.Call) else statement.exc
        return isinstance(name, ast.Name) and name.id == "NotImplementedError"
    return False
