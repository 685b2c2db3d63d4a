"""How alike two pieces of code are whatever their names: the cosine of TF-IDF weights over shingles of normalised code.

Names that the file itself binds are one and the same token, and so are the values of literals; comments, layout and
annotations do not count. What stays are the constructs and the names from elsewhere (built-ins, methods, libraries),
on which it depends how code can be made faster.
"""

from __future__ import annotations

import ast
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from textwrap import dedent

from tree_sitter import Node

from codeopt.agent.rules import cppedit
from codeopt.agent.rules.base import Code
from codeopt.agent.rules.pyedit import functions
from codeopt.agent.screen import fingerprint
from codeopt.agent.tasks.kernel import first_line

SHINGLE = 3  # tokens
_IDENTIFIERS = frozenset({"identifier", "type_identifier", "field_identifier", "namespace_identifier"})
_LITERALS = frozenset({"number_literal", "string_literal", "raw_string_literal", "char_literal", "preproc_arg"})
_BINDING = (
    "declaration", "field_declaration", "parameter_declaration", "optional_parameter_declaration", "for_range_loop",
    "init_declarator", "pointer_declarator", "reference_declarator", "array_declarator", "function_declarator",
    "structured_binding_declarator", "type_definition", "alias_declaration", "class_specifier", "struct_specifier",
    "union_specifier", "enum_specifier", "enumerator",
)  # fmt: skip
_PUNCTUATION = frozenset("(){};,")
Shingles = Counter[tuple[str, ...]]


@dataclass(frozen=True)
class Piece:
    """A statement at the top level of a file, or in the body of a class there.

    Attributes:
        owner: First lines of the class, "" outside of classes.
        text: As it stands in the file.
        mark: Equal for pieces that differ only in comments, layout and docstrings.
        shingles: Of its tokens.
    """

    owner: str
    text: str
    mark: str
    shingles: Shingles


def pieces(text: str, language: str) -> list[Piece]:
    """A file in pieces, comments between them left out.

    Raises:
        SyntaxError, ValueError: Python that does not parse.
    """
    text = re.sub(r"\r\n?", "\n", text)
    return list(_python_pieces(text) if language == "python" else _cpp_pieces(text))


def parts(text: str, language: str, function: str = "") -> list[Shingles]:
    """What of a file may be like another piece of code.

    It is the function and the ones of the file that it calls, each by itself; without a function the whole and each of
    its functions.

    Raises:
        SyntaxError, ValueError: Python that does not parse.
    """
    if language == "python":
        code = Code(text, language, function)
        names = _Names.of(code.tree)
        return [_shingles(names.tokens(node)) for node in functions(code)]
    src = cppedit.parse(text)
    bound = _bound(src)
    nodes = [src.root, *(found.node for found in cppedit.functions(src))]
    return [_shingles(_cpp_tokens(src, node, bound)) for node in nodes]


def similarities(query: Sequence[Shingles], documents: Sequence[Shingles]) -> list[float]:
    """For each document its cosine, 0..1, with the part of the query that is most like it."""
    seen = Counter(chain.from_iterable(documents))
    idf = {shingle: math.log((1 + len(documents)) / (1 + count)) + 1 for shingle, count in seen.items()}
    rare = math.log(1 + len(documents)) + 1

    def weights(shingles: Shingles) -> dict[tuple[str, ...], float]:
        raw = {key: (1 + math.log(count)) * idf.get(key, rare) for key, count in shingles.items()}
        norm = math.sqrt(sum(value * value for value in raw.values()))
        return {key: value / norm for key, value in raw.items()}

    asked = [weights(part) for part in query]
    answered = map(weights, documents)
    return [max((sum(w * part.get(key, 0.0) for key, w in d.items()) for part in asked), default=0.0) for d in answered]


def _shingles(tokens: Iterable[str]) -> Shingles:
    row = list(tokens)
    return Counter(tuple(row[at : at + SHINGLE]) for at in range(len(row) - SHINGLE + 1))


# ---------------------------------------------------------------- Python
@dataclass(frozen=True)
class _Names:
    """What a Python file binds: names, and attributes (methods and fields)."""

    own: frozenset[str]
    members: frozenset[str]

    @classmethod
    def of(cls, tree: ast.Module) -> _Names:
        own, members = set(), set()
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                own.add(node.name)
                members.add(node.name)
            elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                own.add(node.id)
            elif isinstance(node, ast.arg):
                own.add(node.arg)
            elif isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
                members.add(node.attr)
        return cls(frozenset(own), frozenset(members))

    def tokens(self, root: ast.AST) -> Iterator[str]:
        stack: list[ast.AST] = [root]
        while stack:
            node = stack.pop()
            if isinstance(node, ast.expr_context) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
                continue
            if isinstance(node, ast.Name):
                yield "x" if node.id in self.own else node.id
            elif isinstance(node, ast.Attribute):
                yield "." + ("x" if node.attr in self.members else node.attr)
            elif isinstance(node, ast.Constant):
                yield type(node.value).__name__
            else:
                yield type(node).__name__
            hints = {getattr(node, "annotation", None), getattr(node, "returns", None)}
            stack += [child for child in ast.iter_child_nodes(node) if child not in hints][::-1]


def _python_pieces(text: str) -> Iterator[Piece]:
    tree = ast.parse(text)
    names = _Names.of(tree)
    lines = text.split("\n")

    def made(node: ast.stmt, owner: str) -> Piece:
        whole = "\n".join(lines[first_line(node) - 1 : node.end_lineno])
        return Piece(owner, whole, fingerprint(dedent(whole), "python"), _shingles(names.tokens(node)))

    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            head = "\n".join(lines[first_line(node) - 1 : first_line(node.body[0]) - 1])
            yield from (made(member, head) for member in node.body)
        else:
            yield made(node, "")


# ---------------------------------------------------------------- C++
def _cpp_pieces(text: str) -> Iterator[Piece]:
    src = cppedit.parse(text)
    bound = _bound(src)
    for node in src.root.children:
        if node.type != "comment":
            whole = src[node].rstrip("\n")
            yield Piece("", whole, fingerprint(whole, "cpp"), _shingles(_cpp_tokens(src, node, bound)))


def _bound(src: cppedit.Source) -> frozenset[str]:
    """Names that a C++ file declares."""
    names = set(src.macro_names)
    for node in cppedit.find(src.root, *_BINDING):
        held = node.children_by_field_name("declarator") or node.children_by_field_name("name")
        if not held and node.type.endswith("_declarator"):
            held = cppedit.named(node)
        names |= {src[child] for child in held if child.type in _IDENTIFIERS}
    return frozenset(names)


def _cpp_tokens(src: cppedit.Source, root: Node, bound: frozenset[str]) -> Iterator[str]:
    stack = [root]
    while stack:
        node = stack.pop()
        if node.type == "comment":
            continue
        if node.type in _LITERALS:
            yield node.type
        elif node.child_count:
            stack += node.children[::-1]
        elif node.type in _IDENTIFIERS:
            yield "x" if src[node] in bound else src[node]
        elif node.type not in _PUNCTUATION:
            yield src[node]
