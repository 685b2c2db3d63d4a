"""Byte-span edits of C++ text, and the shape of its syntax tree (tree-sitter).

Edits touch only the bytes they name, so comments, macros and layout elsewhere survive. Rules look at nodes of the
tree, so text in comments, strings and macro bodies is never taken for code. Typical use:

    src = parse(code.text)
    for node in find(roots(src, code), "call_expression"):
        yield from rewrite(src, [replace(node, "...")], "what was done", node)

What a rule can guess about names (types, whether they change) is in `codeopt.agent.rules.cpp._facts`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import NamedTuple

import tree_sitter_cpp
from tree_sitter import Language, Node, Parser

from codeopt.agent.rules.base import Code, Rewrite

LOOPS = ("for_statement", "while_statement", "do_statement", "for_range_loop")
_PREPROCESSOR = frozenset(
    {"preproc_def", "preproc_function_def", "preproc_include", "preproc_call", "preproc_arg"}
)
_NAMES = frozenset({"identifier", "type_identifier"})


class Edit(NamedTuple):
    """Replace bytes [start, end) by text."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Source:
    """A parsed file. Get one from `parse`."""

    text: str
    data: bytes
    root: Node
    memo: dict[str, object] = field(default_factory=dict, compare=False, hash=False, repr=False)

    def __getitem__(self, node: Node) -> str:
        """The text of a node."""
        return self.data[node.start_byte : node.end_byte].decode(errors="replace")

    def get(self, node: Node, name: str) -> str:
        """The text of a named field of a node, "" where it has none."""
        child = node.child_by_field_name(name)
        return self[child] if child is not None else ""

    @cached_property
    def errors(self) -> int:
        """How many nodes the parser could not make sense of (macros cause some)."""
        return sum(1 for n in walk(self.root) if n.is_missing or n.type == "ERROR")

    @cached_property
    def macro_words(self) -> frozenset[str]:
        """Words in the bodies of macros, less the macros' own parameters."""
        words: set[str] = set()
        for node in walk(self.root):
            if node.type in ("preproc_def", "preproc_function_def"):
                params = node.child_by_field_name("parameters")
                own = set(re.findall(r"\w+", self[params])) if params is not None else set()
                words |= set(re.findall(r"\w+", self.get(node, "value"))) - own
        return frozenset(words)

    @cached_property
    def macro_names(self) -> frozenset[str]:
        """Names that are macros."""
        kinds = ("preproc_def", "preproc_function_def")
        return frozenset(self.get(n, "name") for n in walk(self.root) if n.type in kinds)

    @cached_property
    def names(self) -> tuple[Node, ...]:
        """Every identifier outside macro bodies, in order."""
        return tuple(n for n in find(self.root, *_NAMES))

    @cached_property
    def _by_name(self) -> dict[str, list[Node]]:
        out: dict[str, list[Node]] = {}
        for node in self.names:
            out.setdefault(self[node], []).append(node)
        return out

    def named(self, name: str) -> list[Node]:
        """Every identifier of that name."""
        return self._by_name.get(name, [])

    @cached_property
    def words(self) -> frozenset[str]:
        """The names of `names`, of fields and of namespaces."""
        more = find(self.root, "field_identifier", "namespace_identifier")
        return frozenset(self[n] for n in self.names) | frozenset(self[n] for n in more)


@lru_cache(maxsize=1)
def _parser() -> Parser:
    return Parser(Language(tree_sitter_cpp.language()))


@lru_cache(maxsize=32)
def parse(text: str) -> Source:
    """Parse a file. Never fails: what the parser cannot read becomes ERROR nodes."""
    data = text.encode(errors="surrogateescape")
    return Source(text, data, _parser().parse(data).root_node)


def walk(node: Node) -> Iterator[Node]:
    """A node and everything below it, the preprocessor's lines too, in order of the text."""
    stack = [node]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(node.children))


def find(where: Node | Iterable[Node], *types: str) -> Iterator[Node]:
    """Descendants (and the nodes themselves) of the given types, in order of the text, never inside the preprocessor's."""
    stack = [where] if isinstance(where, Node) else list(where)[::-1]
    while stack:
        node = stack.pop()
        if node.type in _PREPROCESSOR:
            continue
        if node.type in types:
            yield node
        stack.extend(reversed(node.children))


def up(node: Node, *types: str) -> Iterator[Node]:
    """Ancestors of the given types, nearest first."""
    at = node.parent
    while at is not None:
        if at.type in types:
            yield at
        at = at.parent


def inside(node: Node, outer: Node) -> bool:
    return outer.start_byte <= node.start_byte and node.end_byte <= outer.end_byte


def named(node: Node) -> list[Node]:
    """Named children without comments."""
    return [c for c in node.named_children if c.type != "comment"]


def statements(node: Node | None) -> list[Node]:
    """The statements of a block, or the statement itself."""
    if node is None:
        return []
    return named(node) if node.type == "compound_statement" else [node]


def only_statement(node: Node | None) -> Node | None:
    """The single statement of a block (however deeply bracketed), None where there are more."""
    body = statements(node)
    while len(body) == 1 and body[0].type == "compound_statement":
        body = statements(body[0])
    return body[0] if len(body) == 1 else None


def expression(node: Node | None) -> Node | None:
    """The expression of an expression statement."""
    if node is None or node.type != "expression_statement" or len(named(node)) != 1:
        return None
    return named(node)[0]


def bare(node: Node | None) -> Node | None:
    """The node without parentheses and condition clauses around it."""
    while node is not None and node.type in ("parenthesized_expression", "condition_clause") and named(node):
        node = named(node)[0]
    return node


def same(src: Source, a: Node | None, b: Node | None) -> bool:
    """Whether two nodes are written the same, spaces aside."""
    return a is not None and b is not None and squeeze(src[a]) == squeeze(src[b])


def squeeze(text: str) -> str:
    """Text without spaces, except between words."""
    return re.sub(
        r"(?<=\w) (?=\w)|\s+", lambda m: m.group() if m.group() == " " and _between_words(m) else "", text
    )


def _between_words(m: re.Match[str]) -> bool:
    s, a, b = m.string, m.start(), m.end()
    return (
        a > 0 and b < len(s) and (s[a - 1].isalnum() or s[a - 1] == "_") and (s[b].isalnum() or s[b] == "_")
    )


def operator(node: Node) -> str:
    """The operator of a binary, assignment or update expression."""
    op = node.child_by_field_name("operator")
    return op.type if op is not None else ""


def call_name(src: Source, node: Node | None) -> str:
    """The called function's name without `std::`, or `.name` for a method; "" for anything else."""
    if node is None or node.type != "call_expression":
        return ""
    fn = node.child_by_field_name("function")
    if fn is None:
        return ""
    if fn.type == "field_expression":
        return "." + src.get(fn, "field")
    return src[fn].removeprefix("::").removeprefix("std::")


def call_args(node: Node) -> list[Node]:
    args = node.child_by_field_name("arguments")
    return named(args) if args is not None else []


def receiver(node: Node) -> Node | None:
    """`x` of the call `x.f(...)`."""
    fn = node.child_by_field_name("function")
    return fn.child_by_field_name("argument") if fn is not None and fn.type == "field_expression" else None


def words(src: Source, node: Node) -> set[str]:
    """Names used in a node."""
    return {src[n] for n in find(node, *_NAMES)}


@dataclass(frozen=True)
class Function:
    """A function with a body. `name` is qualified by its classes ("Grid.step")."""

    name: str
    node: Node
    declarator: Node
    body: Node

    @property
    def params(self) -> list[Node]:
        plist = self.declarator.child_by_field_name("parameters")
        return named(plist) if plist is not None else []


def functions(src: Source) -> tuple[Function, ...]:
    """Every function definition; `NAME(args) { ... }` inside a body is a macro's loop, not a function."""
    if "functions" not in src.memo:
        src.memo["functions"] = tuple(_functions(src))
    return src.memo["functions"]  # type: ignore[return-value]


def _functions(src: Source) -> Iterator[Function]:
    for node in find(src.root, "function_definition"):
        declarator, body = node.child_by_field_name("declarator"), node.child_by_field_name("body")
        while declarator is not None and declarator.type in ("pointer_declarator", "reference_declarator"):
            declarator = next((c for c in named(declarator) if c.type.endswith("declarator")), None)
        if declarator is None or declarator.type != "function_declarator" or body is None:
            continue
        if node.child_by_field_name("type") is None and any(up(node, "compound_statement")):
            continue
        owners = [src.get(c, "name") for c in up(node, "class_specifier", "struct_specifier")][::-1]
        own = src.get(declarator, "declarator").replace("::", ".")
        yield Function(".".join([*owners, own]), node, declarator, body)


def roots(src: Source, code: Code) -> list[Node]:
    """Where a rule may look: the whole file, or the functions that `code.function` names."""
    if not code.function:
        return [src.root]
    wanted = code.function.replace("::", ".")
    return [f.node for f in functions(src) if f.name == wanted or f.name.endswith("." + wanted)]


def function_of(src: Source, node: Node) -> Function | None:
    """The innermost function that holds a node."""
    held = [f for f in functions(src) if inside(node, f.node)]
    return held[-1] if held else None


def loops_around(node: Node) -> list[Node]:
    """Loops around a node, nearest first, up to the function or lambda that holds it."""
    out: list[Node] = []
    at: Node | None = node.parent
    child = node
    while at is not None and at.type != "lambda_expression":
        if at.type == "function_definition" and at.child_by_field_name("type") is not None:
            break
        if at.type in LOOPS and not (
            at.type == "for_statement" and at.child_by_field_name("initializer") == child
        ):
            out.append(at)
        child, at = at, at.parent
    return out


# ---------------------------------------------------------------- edits
def replace(node: Node, text: str) -> Edit:
    return Edit(node.start_byte, node.end_byte, text)


def span(first: Node, last: Node, text: str) -> Edit:
    return Edit(first.start_byte, last.end_byte, text)


def before(node: Node, text: str) -> Edit:
    return Edit(node.start_byte, node.start_byte, text)


def after(node: Node, text: str) -> Edit:
    return Edit(node.end_byte, node.end_byte, text)


def indent(src: Source, node: Node) -> str:
    """The white space at the start of the node's line."""
    start = src.data.rfind(b"\n", 0, node.start_byte) + 1
    found = re.match(rb"[ \t]*", src.data[start : node.start_byte])
    return found.group().decode() if found else ""


def shift(text: str, by: str) -> str:
    """`text` with every line after the first indented by `by`."""
    return text.replace("\n", "\n" + by)


def braced(src: Source, node: Node, first: str) -> list[Edit]:
    """Edits that put the statement `first` before `node`, bracketed where `node` is the only body of a loop or if."""
    if node.parent is not None and node.parent.type in (
        "compound_statement",
        "translation_unit",
        "case_statement",
    ):
        return [before(node, first + "\n" + indent(src, node))]
    return [before(node, "{ " + first + " "), after(node, " }")]


def header(src: Source, text: str) -> Edit:
    """Put helper code after the last #include at the top level (or at the very start)."""
    includes = [n for n in src.root.children if n.type == "preproc_include"]
    at = includes[-1].end_byte if includes else 0
    newline = "" if at == 0 or src.data[at - 1 : at] == b"\n" else "\n"
    return Edit(at, at, newline + text.rstrip("\n") + "\n")


def include(src: Source, *names: str) -> list[Edit]:
    """Edits that include the standard headers which are not there yet."""
    nodes = [n for n in src.root.children if n.type == "preproc_include"]
    have = {src.get(n, "path").strip('<>"') for n in nodes}
    if "bits/stdc++.h" in have:
        return []
    at = nodes[0].start_byte if nodes else 0
    return [Edit(at, at, f"#include <{name}>\n") for name in names if name not in have]


def apply_edits(src: Source, edits: Sequence[Edit]) -> str:
    """The text after the edits; insertions at one place keep their order.

    Raises:
        ValueError: Two edits overlap.
    """
    out, at = [], 0
    for edit in sorted(edits, key=lambda e: (e.start, e.end)):
        if edit.start < at:
            raise ValueError(f"edits overlap at byte {edit.start}")
        out += [src.data[at : edit.start], edit.text.encode(errors="surrogateescape")]
        at = edit.end
    return b"".join([*out, src.data[at:]]).decode(errors="surrogateescape")


def rewrite(
    src: Source, edits: Sequence[Edit], note: str, at: Node | None = None, flags: tuple[str, ...] = ()
) -> Iterator[Rewrite]:
    """One `Rewrite`, or none where matches are nested (edits overlap) or the new text parses worse than the old."""
    ordered = sorted(edits, key=lambda e: (e.start, e.end))
    if any(a.end > b.start for a, b in pairwise(ordered)):
        return
    text = apply_edits(src, edits)
    if text != src.text and parse(text).errors <= src.errors:
        yield Rewrite(text, note, at.start_point[0] + 1 if at is not None else 1, flags)
