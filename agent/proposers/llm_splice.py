"""Putting the code of an answer into the file: patches, whole files, and single Python functions."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from dataclasses import dataclass

from codeopt.agent.proposers.llm_extract import Answer, EditError, Patch, dedented, parse_python, parses
from codeopt.agent.proposers.llm_splice_cpp import splice_cpp

_ELIDED = re.compile(
    r"^[ \t]*(?:#|//|/\*|\.\.\.|…)[ \t.…(]*"
    r"(?:(?:the )?rest of (?:the |your |this )?|(?:the )?remaining |(?:the )?existing |(?:the )?unchanged |same as )"
    r"[^\n]*?\b(?:code|functions?|methods?|file|class|implementation|unchanged|before|above|same)\b[^\n]*$",
    re.IGNORECASE | re.MULTILINE,
)
_Def = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def apply_answer(source: str, answer: Answer, language: str, function: str = "") -> str:
    """The whole new file.

    Args:
        source: The file as it is.
        answer: What the model's answer held.
        language: "python" or "cpp".
        function: Qualified name of the function to change; "" for a whole file.

    Raises:
        EditError: It does not fit the file, or the file does not parse afterwards.
    """
    newline = "\r\n" if "\r\n" in source else "\n"
    text = source.replace("\r\n", "\n")
    for line in _ELIDED.findall(answer.code):
        if line.strip() and line.strip() not in text:
            raise EditError(f"you left code out ({line.strip()[:60]!r}); give all of it, or SEARCH/REPLACE blocks")
    if answer.patches:
        for number, patch in enumerate(answer.patches, 1):
            text = apply_patch(text, patch, number)
    elif language == "cpp":
        text = splice_cpp(text, answer.code, function)
    else:
        text = splice_python(text, answer.code, function)
    if language == "python":
        try:
            parse_python(text)
        except EditError as error:
            raise EditError(f"with your change the file does not parse: {error}") from None
    return text.replace("\n", newline)


def apply_patch(text: str, patch: Patch, number: int = 1) -> str:
    """`text` after one SEARCH/REPLACE block; differences in trailing blanks and in the indentation of the whole
    block are forgiven.

    Raises:
        EditError: The old text is not there, or is there more than once.
    """
    if not patch.old.strip():
        raise EditError(f"block {number}: the SEARCH part is empty")
    count = text.count(patch.old)
    if count == 1:
        return text.replace(patch.old, patch.new)
    if count > 1:
        raise EditError(f"block {number}: the SEARCH part occurs {count} times; add lines around it")
    lines, old = text.split("\n"), patch.old.strip("\n").split("\n")
    hits = [i for i in range(len(lines) - len(old) + 1) if _same(lines[i : i + len(old)], old) is not None]
    if len(hits) != 1:
        why = f"occurs {len(hits)} times; add lines around it" if hits else "is not in the file; copy it exactly"
        raise EditError(f"block {number}: the SEARCH part {why}: {old[0].strip()[:80]!r}")
    shift = _same(lines[hits[0] : hits[0] + len(old)], old) or ("", "")
    new = [_shifted(line, shift) for line in patch.new.strip("\n").split("\n")] if patch.new.strip() else []
    return "\n".join([*lines[: hits[0]], *new, *lines[hits[0] + len(old) :]])


def _same(lines: list[str], old: list[str]) -> tuple[str, str] | None:
    """How to change indentation so that `old` becomes `lines` (remove, add); None if they differ otherwise."""
    if [line.strip() for line in lines] != [line.strip() for line in old]:
        return None
    first = next(i for i, line in enumerate(old) if line.strip())
    has, wants = _indent(old[first]), _indent(lines[first])
    shift = (has[len(wants) :], "") if has.startswith(wants) else ("", wants[len(has) :])
    fits = all(_shifted(a, shift).rstrip() == b.rstrip() for a, b in zip(old, lines) if b.strip())
    return shift if fits else None


def _shifted(line: str, shift: tuple[str, str]) -> str:
    remove, add = shift
    if not line.strip():
        return line
    return add + line[len(remove) :] if line.startswith(remove) else add + line.lstrip()


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def splice_python(source: str, code: str, function: str = "") -> str:
    """`source` with the functions and classes of `code` in the place of those with the same names.

    Code that defines everything the file defines is taken as the whole file. Otherwise new imports go after the
    file's own, new helpers before the changed function; a decorator list that the code leaves out is kept.

    Raises:
        EditError: `code` does not parse, or does not define `function`.
    """
    code = dedented(code)
    new, old = parse_python(code), parse_python(source)
    names, fresh = _names(old.body), _names(new.body)
    if function:
        if len(names) > 1 and names <= fresh and _statements(new) >= _statements(old) / 2:
            return code
    elif not fresh or not fresh <= names or _statements(new):
        return code
    owner, _, leaf = function.rpartition(".")
    target = find_def(old, function) if function else None
    if function and target is None:
        raise EditError(f"the file has no function {function}")
    pairs: list[tuple[_Def, _Def]] = []
    added: list[tuple[_Def, _Def]] = []
    extra: list[ast.stmt] = []
    found = not function
    for node in new.body:
        if isinstance(node, ast.ClassDef):
            twin = find_def(old, owner if owner.rpartition(".")[2] == node.name else node.name)
            if twin is None:
                extra.append(node)
            else:
                found |= _pair_class(node, twin, pairs, added, leaf)
        elif isinstance(node, _Def) and target is not None and node.name == leaf:
            pairs.append((target, node))
            found = True
        elif isinstance(node, _Def) and (twin := find_def(old, node.name)) is not None:
            pairs.append((twin, node))
        elif not _known(node, old):
            extra.append(node)
    if not found:
        raise EditError(f"your answer does not define {function}")
    return _rebuild(source, code, _Changes(old, target or pairs[0][0], pairs, added, extra))


def _names(body: list[ast.stmt]) -> set[str]:
    """Names of functions, classes and their methods."""
    found = set()
    for node in body:
        if isinstance(node, _Def):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{inner}" for inner in _names(node.body)}
    return found


def _statements(tree: ast.Module) -> int:
    """How many statements a file has besides definitions, imports and its docstring."""
    plain = [node for node in tree.body if not isinstance(node, (*_Def.__args__, ast.Import, ast.ImportFrom))]
    return len(plain) - (ast.get_docstring(tree) is not None)


def find_def(tree: ast.Module, name: str) -> _Def | None:
    """The last definition with that qualified name ("f", "Class.method"), also inside `if` and `try`."""
    body: list[ast.stmt] = tree.body
    node: _Def | None = None
    for part in name.replace(".<locals>", "").split("."):
        fitting = [item for item in _definitions(body) if item.name == part]
        if not fitting:
            return None
        node = fitting[-1]
        body = node.body
    return node


def _definitions(body: list[ast.stmt]) -> list[_Def]:
    found: list[_Def] = []
    for node in body:
        if isinstance(node, _Def):
            found.append(node)
        else:
            for field in ("body", "orelse", "finalbody"):
                found.extend(_definitions(getattr(node, field, [])))
            for handler in getattr(node, "handlers", []):
                found.extend(_definitions(handler.body))
    return found


def _known(node: ast.stmt, old: ast.Module) -> bool:
    """Whether the file has this statement already; sample calls and docstrings of an answer count as known."""
    if isinstance(node, (ast.Expr, ast.If)):
        return True
    dump = ast.dump(node)
    return any(ast.dump(other) == dump for other in old.body)


def _pair_class(
    new: ast.ClassDef, old: _Def, pairs: list[tuple[_Def, _Def]], added: list[tuple[_Def, _Def]], leaf: str
) -> bool:
    """Pair a class that an answer gives whole, or those methods that it gives; whether `leaf` is among them."""
    if _names(old.body) <= _names(new.body):
        pairs.append((old, new))
        return leaf in _names(new.body)
    methods = [node for node in new.body if isinstance(node, _Def)]
    own = {node.name: node for node in old.body if isinstance(node, _Def)}
    known = [node for node in methods if node.name in own]
    pairs.extend((own[node.name], node) for node in known)
    if known:
        added.extend((own[known[-1].name], node) for node in methods if node.name not in own)
    return any(node.name == leaf for node in known)


@dataclass(frozen=True)
class _Changes:
    """What an answer changes in a file.

    Attributes:
        old: The file's tree.
        target: The definition before which helpers go.
        pairs: Definitions of the file and what replaces them.
        added: Methods of the file and new methods that go after them.
        extra: New imports and helpers.
    """

    old: ast.Module
    target: _Def
    pairs: list[tuple[_Def, _Def]]
    added: list[tuple[_Def, _Def]]
    extra: list[ast.stmt]


def _rebuild(source: str, code: str, changes: _Changes) -> str:
    lines, fresh = source.split("\n"), code.split("\n")
    old, target, extra = changes.old, changes.target, changes.extra
    edits: list[tuple[int, int, list[str]]] = []
    latest = {id(twin): (twin, node) for twin, node in changes.pairs}.values()
    for twin, node in latest:
        if any(twin is not other and other.lineno <= twin.lineno <= (other.end_lineno or 0) for other, _ in latest):
            continue  # inside a definition that is replaced as a whole
        start = twin.lineno if twin.decorator_list and not node.decorator_list else _start(twin)
        text = _reindented(fresh[_start(node) - 1 : node.end_lineno], _indent(lines[twin.lineno - 1]))
        edits.append((start - 1, twin.end_lineno or start, text))
    for twin, node in changes.added:
        text = _reindented(fresh[_start(node) - 1 : node.end_lineno], _indent(lines[twin.lineno - 1]))
        edits.append((twin.end_lineno or 0, twin.end_lineno or 0, ["", *text]))
    imports = [node for node in extra if isinstance(node, (ast.Import, ast.ImportFrom))]
    helpers = [node for node in extra if not isinstance(node, (ast.Import, ast.ImportFrom))]
    home = next(node for node in old.body if node.lineno <= target.lineno <= (node.end_lineno or 0))
    before = (_start(home) if isinstance(home, _Def) else home.lineno) - 1
    if helpers:
        text = [line for node in helpers for line in [*fresh[_start(node) - 1 : node.end_lineno], "", ""]]
        edits.append((before, before, text))
    if imports:
        futures = [n for n in imports if isinstance(n, ast.ImportFrom) and n.module == "__future__"]
        at = min(_after_imports(old, not futures), before)
        text = [line for node in imports for line in fresh[node.lineno - 1 : node.end_lineno]]
        edits.append((at, at, text))
    for start, end, text in sorted(edits, key=lambda edit: edit[:2], reverse=True):
        lines[start:end] = text
    return "\n".join(lines)


def _start(node: ast.stmt) -> int:
    decorators = node.decorator_list if isinstance(node, _Def) else []
    return min([node.lineno, *(item.lineno for item in decorators)])


def _after_imports(tree: ast.Module, past_all: bool) -> int:
    """Line after the file's leading docstring and imports (after `__future__` alone if not `past_all`)."""
    line = 0
    for number, node in enumerate(tree.body):
        docstring = number == 0 and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        if not (docstring or future or (past_all and isinstance(node, (ast.Import, ast.ImportFrom)))):
            break
        line = node.end_lineno or line
    return line


def _reindented(lines: list[str], indent: str) -> list[str]:
    """Python lines moved to another indentation; lines inside a string that spans lines stay as they are."""
    text = "\n".join(lines) + "\n"
    own = _indent(lines[0])
    if own == indent:
        return lines
    inside: set[int] = set()
    opened: list[int] = []
    body = dedented(text) if parses(text, "python") else text
    try:
        for token in tokenize.generate_tokens(io.StringIO(body).readline):
            kind = tokenize.tok_name[token.type]
            if kind.endswith("STRING_START"):
                opened.append(token.start[0])
            elif kind.endswith("STRING_END"):
                inside.update(range(opened.pop() + 1, token.end[0] + 1))
            elif kind == "STRING":
                inside.update(range(token.start[0] + 1, token.end[0] + 1))
    except (tokenize.TokenError, IndentationError, SyntaxError):
        raise EditError("its indentation cannot be read") from None
    moved = []
    for number, line in enumerate(lines, 1):
        if number in inside or not line.strip():
            moved.append(line)
        else:
            moved.append(indent + line[len(own) :] if line.startswith(own) else line)
    return moved
