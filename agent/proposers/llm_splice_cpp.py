"""Putting C++ functions of an answer into the file, found by name in the syntax tree."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from codeopt.agent.proposers.llm_extract import EditError, parse_cpp

_TOP = {"preproc_include", "using_declaration", "alias_declaration", "preproc_def", "preproc_function_def"}
_HELPERS = {
    "declaration", "struct_specifier", "class_specifier", "enum_specifier", "type_definition", "namespace_definition",
    "template_declaration", "function_definition", "concept_definition", "static_assert_declaration",
    "preproc_ifdef", "preproc_if", "preproc_call",
}  # fmt: skip


def splice_cpp(source: str, code: str, function: str = "") -> str:
    """`source` with the functions of `code` in the place of those with the same name and parameters.

    Code that defines every function of the file is taken as the whole file. Otherwise new includes and macros go
    after the file's own, and new types and helpers before the first changed function.

    Raises:
        EditError: `code` does not define `function`, or which overload it means cannot be told.
    """
    data, fresh = source.encode("utf-8", "surrogatepass"), code.encode("utf-8", "surrogatepass")
    old, new = list(_functions(parse_cpp(source).root_node)), list(_functions(parse_cpp(code).root_node))
    names = {_name(node) for node in old}
    whole = names <= {_name(node) for node in new} and bool(names) and (not function or _has_includes(source, code))
    if not function and not whole and not ("main" in names and any(_name(node) == "main" for node in new)):
        raise EditError("your answer is not the whole file; give all of it, or SEARCH/REPLACE blocks")
    if not function or whole:
        return code if code.endswith("\n") else code + "\n"
    edits: list[tuple[int, int, bytes]] = []
    taken: set[int] = set()
    found = False
    for node in new:
        twins = [item for item in old if _fits(_name(item), _name(node)) and item.id not in taken]
        if len(twins) > 1:
            twins = [item for item in twins if _parameters(item) == _parameters(node)]
            if not twins:
                raise EditError(f"{_name(node)} is overloaded; keep the parameters of the one you change")
        if not twins:
            continue
        twin = twins[0]
        taken.add(twin.id)
        found |= _fits(_name(node), function)
        outer, inner = _outer(twin), _outer(node)
        edits.append((outer.start_byte, outer.end_byte, fresh[inner.start_byte : inner.end_byte]))
    if not found:
        raise EditError(f"your answer does not define {function}")
    first = min(edit[0] for edit in edits)
    edits.extend(_additions(data, fresh, source, code, names, first))
    for start, end, text in sorted(edits, key=lambda edit: edit[:2], reverse=True):
        data = data[:start] + text + data[end:]
    return data.decode("utf-8", "surrogatepass")


def _additions(
    data: bytes, fresh: bytes, source: str, code: str, names: set[str], first: int
) -> Iterator[tuple[int, int, bytes]]:
    """What the answer brings besides the functions that it replaces."""
    root = parse_cpp(source).root_node
    have = {" ".join(data[node.start_byte : node.end_byte].decode("utf-8", "replace").split()) for node in root.children}
    home = next(node.start_byte for node in reversed(root.children) if node.start_byte <= first)
    includes = [node.end_byte for node in root.children if node.type == "preproc_include" and node.end_byte <= home]
    at = max(includes, default=0)
    top, helpers = [], []
    for node in parse_cpp(code).root_node.children:
        raw = fresh[node.start_byte : node.end_byte]
        text = raw.decode("utf-8", "replace")
        if " ".join(text.split()) in have or (node.type == "using_declaration" and text in source):
            continue
        functions = list(_functions(node))
        if any(any(_fits(name, _name(item)) for name in names) for item in functions):
            continue
        if node.type in _TOP:
            top.append(raw.rstrip() + b"\n")
        elif node.type in _HELPERS:
            helpers.append(raw + (b";" if node.type.endswith("_specifier") else b"") + b"\n\n")
    if top:
        lead = b"" if at == 0 or data[at - 1 : at] == b"\n" else b"\n"
        yield at, at, lead + b"".join(top)
    if helpers:
        yield home, home, b"".join(helpers)


def _functions(node: Node) -> Iterator[Node]:
    """Function definitions outside of functions, in classes and namespaces too."""
    if node.type == "function_definition":
        if _declarator(node) is not None:
            yield node
        return
    for child in node.children:
        yield from _functions(child)


def _declarator(node: Node) -> Node | None:
    inner = node.child_by_field_name("declarator")
    while inner is not None and inner.type != "function_declarator":
        inner = inner.child_by_field_name("declarator") or next(
            (child for child in inner.named_children if child.type.endswith("declarator")), None
        )
    return inner


def _name(node: Node) -> str:
    """Qualified name as far as the text says it: scopes around the definition, and in its own name."""
    declarator = _declarator(node)
    inner = declarator.child_by_field_name("declarator") if declarator is not None else None
    parts = [_text(inner)] if inner is not None else [""]
    around = node.parent
    while around is not None:
        if around.type in ("namespace_definition", "class_specifier", "struct_specifier"):
            name = around.child_by_field_name("name")
            if name is not None:
                parts.insert(0, _text(name))
        around = around.parent
    return "::".join(parts)


def _text(node: Node) -> str:
    return "".join((node.text or b"").decode("utf-8", "replace").split())


def _fits(one: str, other: str) -> bool:
    """Whether two qualified names can mean the same: the shorter is the end of the longer."""
    a, b = one.replace(".", "::").split("::"), other.replace(".", "::").split("::")
    size = min(len(a), len(b))
    return a[-size:] == b[-size:]


def _parameters(node: Node) -> str:
    """Parameter types and names without blanks."""
    declarator = _declarator(node)
    parameters = declarator.child_by_field_name("parameters") if declarator is not None else None
    return _text(parameters) if parameters is not None else ""


def _outer(node: Node) -> Node:
    """The definition with its `template <…>` line."""
    parent = node.parent
    return parent if parent is not None and parent.type == "template_declaration" else node


def _has_includes(source: str, code: str) -> bool:
    return "#include" not in source or "#include" in code
