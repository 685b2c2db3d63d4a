"""Edits of Python text by the spans of its syntax tree, and what a rule can see in the tree.

Edits touch only the spans they name, so comments and layout elsewhere survive and the diff stays small. Typical use:

    for fn in functions(code):
        for loop in loops(fn):
            edits = Edits(code.text)
            edits.before(loop, f"{name} = set({src(code.text, node)})")
            edits.replace(node, name)
            edits.add_import("from collections import deque")
            yield Rewrite(edits.text(), "what was done", loop.lineno)

New source may have several lines, indented by four spaces a level: `Edits` shifts it to the file's own indentation.
"""

from __future__ import annotations

import ast
import io
import itertools
import re
import tokenize
from collections.abc import Iterable, Iterator
from functools import lru_cache

from codeopt.agent.rules.base import Code

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
Loop = ast.For | ast.AsyncFor | ast.While
Scope = FunctionNode | ast.Module
_NEW_SCOPE = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
_NEWLINE = re.compile(r"\r\n|\r|\n")


# ---------------------------------------------------------------- text and spans
@lru_cache(maxsize=64)
def _lines(text: str) -> tuple[tuple[int, str], ...]:
    """(offset of its first character, the line without its end) for each line, as the parser counts lines."""
    out, start = [], 0
    for m in _NEWLINE.finditer(text):
        out.append((start, text[start : m.start()]))
        start = m.end()
    out.append((start, text[start:]))
    return tuple(out)


def _offset(text: str, line: int, byte_col: int) -> int:
    start, body = _lines(text)[line - 1]
    return start + (byte_col if body.isascii() else len(body.encode()[:byte_col].decode()))


def span(text: str, node: ast.AST) -> tuple[int, int]:
    """Character offsets [start, end) of a node; a decorated function starts at its first decorator's `@`."""
    line, col = node.lineno, node.col_offset  # type: ignore[attr-defined]
    decorators = getattr(node, "decorator_list", None)
    start = _offset(text, line, col)
    if decorators:
        start = text.rindex("@", 0, _offset(text, decorators[0].lineno, decorators[0].col_offset))
    return start, _offset(text, node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]


def src(text: str, node: ast.AST, atom: bool = False) -> str:
    """Source of an expression, in parentheses where it spans lines (or, with `atom`, where an operator could split it)."""
    start, end = span(text, node)
    out = text[start:end]
    loose = not isinstance(node, ast.Name | ast.Constant | ast.Call | ast.Attribute | ast.Subscript
                           | ast.List | ast.Set | ast.Dict | ast.ListComp | ast.SetComp | ast.DictComp)
    if (atom and loose) or "\n" in out or isinstance(node, ast.GeneratorExp | ast.Tuple | ast.NamedExpr):
        return out if out.startswith("(") and _closes_at_end(out) else f"({out})"
    return out


def _closes_at_end(out: str) -> bool:
    try:
        return isinstance(ast.parse(out[1:-1].strip() or "()", mode="eval"), ast.Expression) and out.endswith(")")
    except SyntaxError:
        return False


def line_indent(text: str, line: int) -> str:
    """White space at the beginning of a 1-based line."""
    body = _lines(text)[line - 1][1]
    return body[: len(body) - len(body.lstrip(" \t\f"))]


@lru_cache(maxsize=64)
def indent_unit(text: str) -> str:
    """One level of the file's indentation: that of its first indented block, else four spaces."""
    for node in ast.walk(ast.parse(text)):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(node, ast.stmt) and body[0].lineno > node.lineno:
            outer, inner = line_indent(text, node.lineno), line_indent(text, body[0].lineno)
            if inner.startswith(outer) and len(inner) > len(outer):
                return inner[len(outer):]
    return "    "


def _string_interior(source: str) -> set[int]:
    """1-based lines of `source` that begin inside a string (they must not be indented)."""
    inside: set[int] = set()
    try:
        for tok in tokenize.generate_tokens(io.StringIO(source).readline):
            if tok.type == tokenize.STRING or tokenize.tok_name[tok.type].startswith("FSTRING"):
                inside.update(range(tok.start[0] + 1, tok.end[0] + 1))
    except (tokenize.TokenError, IndentationError):
        return inside
    return inside


def shift(source: str, indent: str, unit: str = "    ") -> str:
    """Indent every line but the first; levels of four spaces become `unit`; the inside of strings stays."""
    inside = _string_interior(source)
    out = []
    for number, line in enumerate(source.split("\n"), start=1):
        if number == 1 or number in inside or not line.strip():
            out.append(line)
            continue
        body = line.lstrip(" ")
        levels, rest = divmod(len(line) - len(body), 4)
        out.append(indent + unit * levels + " " * rest + body)
    return "\n".join(out)


# ---------------------------------------------------------------- edits
class Edits:
    """A set of changes to one text, in terms of nodes of its tree; `text()` applies them all.

    `text()` gives the old text where the changes cannot be made: two overlap, or a node's span is not its source
    (inside f-strings before Python 3.12). The catalogue drops rewrites that change nothing.
    """

    def __init__(self, text: str) -> None:
        self.old = text
        self._changes: dict[tuple[int, int], str] = {}
        self._imports: list[str] = []
        self._helpers: list[str] = []
        self._impossible = False
        self._newline = "\r\n" if "\r\n" in text else "\n"

    def _home(self, stmt: ast.stmt) -> tuple[list[ast.stmt], ast.AST]:
        """The block that a statement stands in (nodes of the same position in a fresh tree) and its owner."""
        want = (stmt.lineno, stmt.col_offset, type(stmt))
        for owner in ast.walk(parse(self.old)):
            for block in blocks_of(owner):
                if any((s.lineno, s.col_offset, type(s)) == want for s in block):
                    return block, owner
        raise ValueError(f"line {stmt.lineno}: not a statement of this text")

    def _own_line(self, stmt: ast.stmt) -> str:
        """Break `a; b` and `if x: a` around the statement; returns its block's indentation."""
        start = span(self.old, stmt)[0]
        block, owner = self._home(stmt)
        first = block[0]
        head = _lines(self.old)[first.lineno - 1][0]
        begin = span(self.old, first)[0]
        alone = not self.old[head:begin].strip()
        if alone or first.lineno != getattr(owner, "lineno", 0):
            indent = line_indent(self.old, _line_of(self.old, span(self.old, first)[0]))
        else:
            indent = line_indent(self.old, owner.lineno) + indent_unit(self.old)  # type: ignore[attr-defined]
        if not alone and any(s.lineno == stmt.lineno for s in block):
            colon = len(self.old[:begin].rstrip(" \t"))
            self._changes[(colon, begin)] = self._newline + indent
        for a, b in itertools.pairwise(block):
            if a.end_lineno == b.lineno and (stmt.lineno in (a.lineno, b.lineno) or start == begin):
                self._changes[(span(self.old, a)[1], span(self.old, b)[0])] = self._newline + indent
        return indent

    def _shifted(self, new: str, indent: str) -> str:
        return shift(new, indent, indent_unit(self.old)).replace("\n", self._newline)

    def _add(self, start: int, end: int, new: str) -> None:
        old = self._changes.get((start, end))
        self._changes[(start, end)] = old + new if old is not None and start == end else new

    def replace(self, node: ast.AST, new: str) -> None:
        """Replace an expression or a statement by new source ("" deletes a statement)."""
        start, end = span(self.old, node)
        if isinstance(node, ast.stmt):
            self.replace_stmts([node], new)
        else:
            self._impossible |= not _is_source(self.old[start:end], node)
            self._add(start, end, self._shifted(new, line_indent(self.old, node.lineno)))  # type: ignore[attr-defined]

    def replace_between(self, first: ast.AST, last: ast.AST, new: str) -> None:
        """Replace everything from the beginning of one expression to the end of a later one."""
        self._add(span(self.old, first)[0], span(self.old, last)[1], self._shifted(new, ""))

    def replace_stmts(self, stmts: list[ast.stmt], new: str) -> None:
        """Replace consecutive statements of one block."""
        indent = self._own_line(stmts[0])
        if len(stmts) > 1:
            self._own_line(stmts[-1])
        start, end = span(self.old, stmts[0])[0], span(self.old, stmts[-1])[1]
        block, _ = self._home(stmts[0])
        for pair in [p for p in self._changes if (start < p[0] and p[1] < end) or p == (start, end)]:
            del self._changes[pair]
        if new:
            self._add(start, end, self._shifted(new, indent))
        elif len(block) == len(stmts):
            self._add(start, end, "pass")
        else:
            self._delete_lines(start, end)

    def _delete_lines(self, start: int, end: int) -> None:
        head = self.old.rfind("\n", 0, start) + 1
        tail = self.old.find("\n", end)
        tail = len(self.old) if tail < 0 else tail + 1
        if not self.old[head:start].strip() and not self.old[end:tail].strip():
            start, end = head, tail
            self._add(start, end, "")
        else:
            self._add(start, end, "pass")

    def header(self, loop: ast.For | ast.While, new: str) -> None:
        """Replace what stands before the colon of a loop."""
        last = loop.iter if isinstance(loop, ast.For) else loop.test
        end = span(self.old, last)[1]
        end += len(self.old[end:]) - len(self.old[end:].lstrip(" \t)"))
        self._impossible |= self.old[end : end + 1] != ":"
        self._add(span(self.old, loop)[0], end, new)

    def before(self, stmt: ast.stmt, new: str) -> None:
        """Insert statements before one."""
        indent = self._own_line(stmt)
        start = span(self.old, stmt)[0]
        self._add(start, start, self._shifted(new, indent) + self._newline + indent)

    def after(self, stmt: ast.stmt, new: str) -> None:
        """Insert statements after one (after its trailing comment, if any)."""
        indent = self._own_line(stmt)
        end = span(self.old, stmt)[1]
        rest = _NEWLINE.split(self.old[end:], maxsplit=1)[0]
        if not rest.strip() or rest.lstrip().startswith("#"):
            end += len(rest)
        self._add(end, end, self._newline + indent + self._shifted(new, indent))

    def add_import(self, line: str) -> None:
        """Add a module-level import unless the text has it."""
        if line not in self._imports:
            self._imports.append(line)

    def add_helper(self, source: str) -> None:
        """Add a function (or constant) at module level, before the first statement that is not an import."""
        if source not in self._helpers:
            self._helpers.append(source)

    def text(self) -> str:
        """The edited text."""
        if self._impossible:
            return self.old
        out: list[str] = []
        last = 0
        ordered = sorted(self._changes.items(), key=lambda c: (c[0][0], c[0][1]))
        for (start, end), new in ordered:
            if start < last:
                return self.old
            out += [self.old[last:start], new]
            last = end
        result = "".join(out) + self.old[last:]
        for source in self._helpers:
            result = add_helper(result, source)
        for line in self._imports:
            result = add_import(result, line)
        return result


def _is_source(source: str, node: ast.AST) -> bool:
    try:
        found = ast.parse(f"({source}\n)", mode="eval").body
    except SyntaxError:
        return isinstance(node, ast.Slice | ast.Starred | ast.arg | ast.keyword)
    return ast.dump(found).replace("Store()", "Load()") == ast.dump(node).replace("Store()", "Load()")


def _line_of(text: str, offset: int) -> int:
    return len(_NEWLINE.findall(text[:offset])) + 1


def replace(text: str, node: ast.AST, new: str) -> str:
    """The text with one node replaced."""
    edits = Edits(text)
    edits.replace(node, new)
    return edits.text()


def add_import(text: str, line: str) -> str:
    """Add an import after the docstring and the `__future__` imports; no change where the module has it at the top."""
    tree = ast.parse(text)
    wanted = ast.parse(line).body[0]
    names = _import_names(wanted)
    if all(any(n in _import_names(s) for s in tree.body) for n in names):
        return text
    after: ast.stmt | None = None
    for index, stmt in enumerate(tree.body):
        doc = index == 0 and isinstance(stmt, ast.Expr) and isinstance(stmt.value, ast.Constant)
        if (doc and isinstance(stmt.value.value, str)) or (isinstance(stmt, ast.ImportFrom) and stmt.module == "__future__"):  # type: ignore[attr-defined]
            after = stmt
    newline = "\r\n" if "\r\n" in text else "\n"
    if after is None:
        head = 0
        rows = _lines(text)
        while head < len(rows) and rows[head][1].startswith("#") and (head < 2 or not tree.body):
            head += 1
        at = rows[head][0] if head < len(rows) else 0
        return text[:at] + line + newline + text[at:]
    edits = Edits(text)
    edits.after(after, line)
    return edits.text()


def add_helper(text: str, source: str) -> str:
    """Put a definition after the imports at the top of a module."""
    newline = "\r\n" if "\r\n" in text else "\n"
    body = ast.parse(text).body
    for index, stmt in enumerate(body):
        doc = index == 0 and isinstance(stmt, ast.Expr) and isinstance(stmt.value, ast.Constant)
        if not doc and not isinstance(stmt, ast.Import | ast.ImportFrom):
            start = span(text, stmt)[0]
            head = _lines(text)[_line_of(text, start) - 1][0]
            new = shift(source.strip("\n"), "", indent_unit(text)).replace("\n", newline)
            return text[:head] + new + newline * 3 + text[head:]
    return text


def _import_names(stmt: ast.stmt) -> list[tuple[str, str, str]]:
    if isinstance(stmt, ast.Import):
        return [("", a.name, a.asname or a.name) for a in stmt.names]
    if isinstance(stmt, ast.ImportFrom):
        return [(stmt.module or "", a.name, a.asname or a.name) for a in stmt.names]
    return []


def parses(text: str) -> bool:
    """Whether the text is a Python module."""
    try:
        compile(text, "<rewrite>", "exec", ast.PyCF_ONLY_AST)
    except (SyntaxError, ValueError):
        return False
    return True


# ---------------------------------------------------------------- tree and scopes
@lru_cache(maxsize=64)
def parse(text: str) -> ast.Module:
    """The tree of a text, shared: do not change it."""
    return ast.parse(text)


def parents(tree: ast.AST) -> dict[ast.AST, ast.AST]:
    """Child -> parent for every node below `tree`."""
    return {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}


def blocks_of(node: ast.AST) -> Iterator[list[ast.stmt]]:
    """The statement lists that a node owns (body, orelse, finalbody)."""
    for name in ("body", "orelse", "finalbody"):
        block = getattr(node, name, None)
        if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
            yield block


def walk_scope(node: ast.AST) -> Iterator[ast.AST]:
    """Nodes below `node` in source order, without entering nested functions, lambdas and classes (they are yielded)."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, _NEW_SCOPE):
            yield from walk_scope(child)


def all_functions(tree: ast.Module) -> dict[str, FunctionNode]:
    """Qualified name ("f", "Class.method", "outer.inner") -> function, for the whole file."""
    out: dict[str, FunctionNode] = {}

    def visit(node: ast.AST, prefix: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                name = f"{prefix}{child.name}"
                if not isinstance(child, ast.ClassDef):
                    out[name] = child
                visit(child, name + ".")
            else:
                visit(child, prefix)

    visit(tree, "")
    return out


def functions(code: Code) -> list[Scope]:
    """What is in scope: the target and the same-file functions that it calls (transitively, by name), nested ones too.

    With no target: the module itself and every function of the file. An unknown target gives an empty list.
    """
    table = all_functions(code.tree)
    if not code.function:
        return [code.tree, *table.values()]
    if code.function not in table:
        return []
    by_last: dict[str, list[str]] = {}
    for name in table:
        by_last.setdefault(name.rsplit(".", 1)[-1], []).append(name)
    seen: list[str] = []
    todo = [code.function]
    while todo:
        name = todo.pop(0)
        if name in seen:
            continue
        seen.append(name)
        for node in ast.walk(table[name]):
            called = ""
            if isinstance(node, ast.Name):
                called = node.id
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"):
                called = node.attr
            todo.extend(by_last.get(called, ()))
        todo.extend(n for n in table if n.startswith(name + "."))
    return [table[name] for name in seen]


def loops(scope: ast.AST) -> list[Loop]:
    """The loops of a function (or module), outer ones first, nested functions left out."""
    return [n for n in walk_scope(scope) if isinstance(n, ast.For | ast.AsyncFor | ast.While)]


def all_names(tree: ast.AST) -> set[str]:
    """Every identifier in a tree."""
    out: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            out.add(node.id)
        elif isinstance(node, ast.arg):
            out.add(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            out.add(node.name)
        elif isinstance(node, ast.alias):
            out.add((node.asname or node.name).split(".")[0])
        elif isinstance(node, ast.Attribute):
            out.add(node.attr)
    return out


def fresh_name(tree: ast.AST, wish: str) -> str:
    """`wish`, or `wish_2`, `wish_3` … : a name that the tree does not use."""
    used = all_names(tree)
    name, number = wish, 2
    while name in used:
        name, number = f"{wish}_{number}", number + 1
    return name


def statement_of(node: ast.AST, up: dict[ast.AST, ast.AST]) -> ast.stmt:
    """The statement that a node stands in (or is)."""
    while not isinstance(node, ast.stmt):
        node = up[node]
    return node


def enclosing(node: ast.AST, up: dict[ast.AST, ast.AST], kinds: type | tuple[type, ...]) -> ast.AST | None:
    """The nearest ancestor of the given kinds, None at a function border or at the top."""
    here = up.get(node)
    while here is not None and not isinstance(here, kinds):
        if isinstance(here, _NEW_SCOPE):
            return None
        here = up.get(here)
    return here


def flat(nodes: ast.AST | Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Every node of a tree or of several (nested scopes too)."""
    for node in [nodes] if isinstance(nodes, ast.AST) else nodes:
        yield from ast.walk(node)
