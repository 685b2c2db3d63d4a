"""What a C, C++ or CUDA file binds, for `codeopt.datasets.anonymise`.

A function that is only declared is somebody else's, and so is what is `extern` or stands behind a scope (`std::`) that the
file does not define. Members of the file's classes are its own but for the names that the standard library's classes
have, and for those of objects that the file does not bind (`threadIdx.x`). Bodies of macros and pragmas are read word by word.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from codeopt.datasets.anonymise import Mark, text, walk

if TYPE_CHECKING:
    from tree_sitter import Node

_LEAVES = frozenset({
    "identifier", "type_identifier", "field_identifier", "namespace_identifier", "statement_identifier",
})  # fmt: skip
_DECLARATIONS = frozenset({
    "declaration", "parameter_declaration", "optional_parameter_declaration", "variadic_parameter_declaration",
    "field_declaration", "for_range_loop", "function_definition", "type_definition",
})  # fmt: skip
_TYPES = frozenset({"class_specifier", "struct_specifier", "union_specifier", "enum_specifier"})
_NAMED = {
    "alias_declaration": "type", "enumerator": "var", "preproc_def": "var", "preproc_function_def": "func",
    "namespace_definition": "mod", "namespace_alias_definition": "mod", "concept_definition": "type",
    "optional_type_parameter_declaration": "type",
}  # fmt: skip
_MEMBERS = frozenset({
    "append", "assign", "at", "back", "begin", "bottom", "c_str", "capacity", "cbegin", "cend", "clear", "close",
    "compare", "contains", "count", "data", "emplace", "emplace_back", "emplace_front", "empty", "end", "eof",
    "erase", "extract", "fail", "find", "find_first_of", "find_last_of", "first", "flush", "front", "get", "getline",
    "good", "ignore", "insert", "join", "key", "length", "load", "lock", "lower_bound", "max_size", "merge", "open",
    "peek", "pop", "pop_back", "pop_front", "precision", "push", "push_back", "push_front", "put", "rbegin", "read",
    "release", "rend", "replace", "reserve", "reset", "resize", "reverse", "rfind", "second", "seekg",
    "shrink_to_fit", "size", "sort", "splice", "store", "str", "substr", "swap", "tellg", "top", "unique", "unlock",
    "upper_bound", "use_count", "value", "what", "width", "write",
})  # fmt: skip
_STRINGS = frozenset({"string_literal", "raw_string_literal", "char_literal"})
_PATHS = frozenset({"preproc_include", "linkage_specification"})
_TOKEN = re.compile(
    r"""(?P<comment>/\*.*?\*/|//.*)|(?P<str>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|(?P<num>\.?\d(?:[eEpP][+-]|[\w.'])*)"""
    r"""|(?P<name>[^\W\d]\w*)""",
    re.DOTALL,
)


def marks(root: Node) -> list[Mark]:
    """What the view of this file changes, in bytes."""
    return _File(root).marks()


def words(raw: bytes, start: int) -> list[tuple[str, int, int, str]]:
    """Tokens of a text that the grammar leaves whole: ("comment", "str", "num" or "name", first byte, last byte + 1, text)."""
    string = raw.decode("utf-8", "replace")
    places = [0]
    for char in string:
        places.append(places[-1] + len(char.encode()))
    if places[-1] != len(raw):
        return []  # not UTF-8: it stays as it is
    found = _TOKEN.finditer(string)
    return [(str(one.lastgroup), start + places[one.start()], start + places[one.end()], one[0]) for one in found]


class _File:
    def __init__(self, root: Node) -> None:
        self.root = root
        self.own: dict[str, str] = {}
        self.members: dict[str, str] = {}
        self.arrays: set[str] = set()
        self._declared: list[tuple[str, set[str]]] = []  # function-like, at the file's level: name, lone names as parameters
        self._loops: dict[str, list[int]] = {}  # macro -> numbers of the parameters that its body declares
        for node in walk(root):
            self._read(node)
        for name, given in self._declared:
            if any(self.own.get(one, "type") != "type" for one in given):
                self.own.setdefault(name, "var")  # `vector<int> v(N);` reads like a function
        if self._loops:
            for node in walk(root):
                self._expanded(node)

    def _read(self, node: Node) -> None:
        kind = node.type
        if kind in _DECLARATIONS:
            self._declaration(node)
        elif kind in _TYPES:
            if node.child_by_field_name("body") is not None:
                self._name(node, "type")
        elif kind in _NAMED:
            self._name(node, _NAMED[kind])
            if kind == "preproc_function_def":
                self._macro(node)
        elif kind in ("type_parameter_declaration", "variadic_type_parameter_declaration"):
            for child in node.named_children:
                if child.type == "type_identifier":
                    self._bind(text(child), "type")
        elif kind == "labeled_statement":
            label = node.child_by_field_name("label")
            if label is not None:
                self._bind(text(label), "label")
        elif kind == "lambda_capture_initializer":
            left = node.child_by_field_name("left")
            if left is not None:
                self._bind(text(left), "var")
        elif kind == "subscript_expression":
            base = node.child_by_field_name("argument")
            if base is not None and base.type == "identifier":
                self.arrays.add(text(base))

    def _bind(self, name: str, kind: str) -> None:
        if name != "main" and not re.match(r"__|_[A-Z]", name):
            self.own.setdefault(name, kind)

    def _name(self, node: Node, kind: str) -> None:
        name = node.child_by_field_name("name")
        if name is not None and name.type == "template_type":
            name = name.child_by_field_name("name")
        if name is not None and name.type in _LEAVES:
            self._bind(text(name), kind)

    def _declaration(self, node: Node) -> None:
        kind = node.type
        for declarator in node.children_by_field_name("declarator"):
            bare = declarator.type != "init_declarator"
            if bare and kind == "declaration" and any(text(one) == "extern" for one in node.children):
                continue
            for leaf, called, array, behind in _declared(declarator):
                name = text(leaf)
                if array:
                    self.arrays.add(name)
                if kind == "type_definition":
                    self._bind(name, "type")
                elif kind == "field_declaration" or (kind == "function_definition" and _in_class(node)):
                    if name not in _MEMBERS:
                        self.members.setdefault(name, "func" if called is not None else "field")
                elif kind == "function_definition":
                    if not behind:
                        self._bind(name, "func")
                elif kind == "declaration" and called is not None and not _has_above(node, "compound_statement"):
                    given = {text(one) for one in walk(called) if one.type == "type_identifier"}
                    lone = called.child_by_field_name("parameters")
                    if lone is None or all(one.named_child_count == 1 for one in lone.named_children):
                        self._declared.append((name, given))
                elif not behind:
                    self._bind(name, "var")

    def _macro(self, node: Node) -> None:
        given, body = node.child_by_field_name("parameters"), node.child_by_field_name("value")
        if given is None:
            return
        names = [text(one) for one in given.named_children if one.type == "identifier"]
        for name in names:
            self._bind(name, "var")
        macro = node.child_by_field_name("name")
        if body is not None and macro is not None:
            told = text(body)
            made = [at for at, one in enumerate(names) if re.search(rf"\b[A-Za-z_]\w*[\s&*]+{re.escape(one)}\s*[=:]", told)]
            if made:
                self._loops[text(macro)] = made

    def _expanded(self, node: Node) -> None:
        """Bind the names that a loop macro declares where it stands."""
        if node.type != "call_expression":
            return
        function, arguments = node.child_by_field_name("function"), node.child_by_field_name("arguments")
        if function is not None and arguments is not None:
            given = [one for one in arguments.named_children if one.type != "comment"]
            for at in self._loops.get(text(function), ()):
                if at < len(given) and given[at].type == "identifier":
                    self._bind(text(given[at]), "var")

    # ------------------------------------------------------------ occurrences
    def marks(self) -> list[Mark]:
        found: list[Mark] = []
        foreign: set[int] = set()
        stack = [self.root]
        while stack:
            node = stack.pop()
            kind, start, end = node.type, node.start_byte, node.end_byte
            if kind == "comment":
                found.append(Mark(start, end, ""))
            elif kind == "number_literal":
                found.append(Mark(start, end, "num"))
            elif kind == "user_defined_literal":
                found.append(Mark(start, end, "num" if node.children[0].type == "number_literal" else "str"))
            elif kind in _STRINGS:
                if node.parent is None or node.parent.type not in _PATHS:
                    found.append(Mark(start, end, "str"))
            elif kind == "preproc_arg":
                found += self._words(node)
            elif kind in _LEAVES:
                if start not in foreign and (placed := self._kind(node)):
                    found.append(Mark(start, end, placed))
            else:
                if kind == "qualified_identifier":
                    self._qualified(node, foreign)
                elif kind == "field_expression":
                    base, leaf = node.child_by_field_name("argument"), node.child_by_field_name("field")
                    if base is not None and leaf is not None and base.type == "identifier" and not self._known(text(base)):
                        foreign.add(leaf.start_byte)
                stack += reversed(node.children)
        return found

    def _words(self, node: Node) -> list[Mark]:
        found = []
        for kind, start, end, told in words(node.text or b"", node.start_byte):
            if kind == "comment":
                found.append(Mark(start, end, ""))
            elif kind != "name":
                found.append(Mark(start, end, kind))
            elif self._known(told):
                found.append(Mark(start, end, self._sort(told)))
        return found

    def _qualified(self, node: Node, foreign: set[int]) -> None:
        """Note the names behind a scope that is not the file's."""
        scope = node.child_by_field_name("scope")
        if node.start_byte not in foreign and (scope is None or self.own.get(text(_head(scope))) in ("mod", "type")):
            return
        inner = node.child_by_field_name("name")
        while inner is not None:
            if inner.type == "qualified_identifier":
                foreign.add(inner.start_byte)
                if (middle := inner.child_by_field_name("scope")) is not None:
                    foreign.add(_head(middle).start_byte)
            elif inner.type in _LEAVES:
                foreign.add(inner.start_byte)
            inner = inner.child_by_field_name("name")

    def _known(self, name: str) -> bool:
        return name in self.own or name in self.members

    def _kind(self, leaf: Node) -> str:
        name = text(leaf)
        if leaf.type == "field_identifier":
            return self._sort(name) if name in self.members else ""
        return self._sort(name) if self._known(name) else ""

    def _sort(self, name: str) -> str:
        kind = self.own.get(name) or self.members[name]
        return "arr" if kind == "var" and name in self.arrays else kind


def _declared(declarator: Node) -> list[tuple[Node, Node | None, bool, bool]]:
    """What a declarator names: leaf, its function declarator, whether it has dimensions, whether it stands behind a scope."""
    called: Node | None = None
    array = behind = False
    node: Node | None = declarator
    while node is not None:
        if node.type in _LEAVES:
            return [(node, called, array, behind)]
        if node.type == "structured_binding_declarator":
            return [(child, None, False, False) for child in node.named_children if child.type == "identifier"]
        if node.type == "function_declarator":
            called = node
        elif node.type in ("pointer_declarator", "parenthesized_declarator"):
            called = None if node.type == "parenthesized_declarator" else called
        elif node.type == "array_declarator":
            array = True
        elif node.type == "qualified_identifier":
            behind = True
        elif node.type in ("destructor_name", "operator_name", "operator_cast", "template_type"):
            return []
        inner = node.child_by_field_name("declarator") or node.child_by_field_name("name")
        if inner is None and node.type.endswith("_declarator") and node.named_children:
            inner = node.named_children[-1] if node.type == "reference_declarator" else node.named_children[0]
        node = inner
    return []


def _head(node: Node) -> Node:
    """The first name of a scope."""
    while node.type not in _LEAVES:
        inner = node.child_by_field_name("scope") or node.child_by_field_name("name")
        if inner is None:
            break
        node = inner
    return node


def _in_class(node: Node) -> bool:
    return node.parent is not None and (
        node.parent.type == "field_declaration_list"
        or (node.parent.type == "template_declaration" and node.parent.parent is not None and node.parent.parent.type == "field_declaration_list")
    )


def _has_above(node: Node, kind: str) -> bool:
    above = node.parent
    while above is not None and above.type != kind:
        above = above.parent
    return above is not None
