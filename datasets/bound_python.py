"""What a Python file binds, for `codeopt.datasets.anonymise`.

A name that is also a built-in's, or that an import binds, is the file's own only inside of the scopes that bind it. An
attribute is the file's own where a class of it has such a field or method, and the object is nothing imported; methods of
classes with a base from elsewhere stay (they may be what the base calls), and so do names that attributes of built-in
types have.
"""

from __future__ import annotations

import builtins
import collections
from typing import TYPE_CHECKING

from codeopt.datasets.anonymise import Mark, text, walk

if TYPE_CHECKING:
    from tree_sitter import Node

_SCOPES = frozenset({
    "function_definition", "lambda", "class_definition", "list_comprehension", "set_comprehension", "dictionary_comprehension",
    "generator_expression", "module",
})  # fmt: skip
_PATTERNS = frozenset({
    "pattern_list", "tuple_pattern", "list_pattern", "list_splat_pattern", "dictionary_splat_pattern", "as_pattern_target",
    "tuple", "list", "list_splat", "typed_parameter", "parenthesized_expression", "expression_list", "splat_pattern",
})  # fmt: skip
_TARGETS = {
    "assignment": "left", "augmented_assignment": "left", "named_expression": "name", "for_statement": "left",
    "for_in_clause": "left", "as_pattern": "alias", "default_parameter": "name", "typed_default_parameter": "name",
}  # fmt: skip
_BUILTINS = frozenset(dir(builtins))
_ATTRIBUTES = frozenset(
    name
    for kind in (str, bytes, bytearray, list, tuple, dict, set, frozenset, int, float, complex, range, slice, memoryview,
                 BaseException, collections.deque, collections.Counter, collections.OrderedDict, collections.defaultdict)
    for name in dir(kind)
)  # fmt: skip


def marks(root: Node) -> list[Mark]:
    """What the view of this file changes, in bytes."""
    return _File(root).marks()


class _File:
    def __init__(self, root: Node) -> None:
        self.root = root
        self.own: dict[str, str] = {}  # name -> kind
        self.members: dict[str, str] = {}
        self.imported: set[str] = set()
        self.foreign: set[int] = set()  # first bytes of identifiers that are not the file's
        self.spans: dict[str, list[tuple[int, int]]] = {}
        self.indexed: set[str] = set()
        self._methods: list[tuple[str, list[str]]] = []  # with the bases of its class
        self._fields: list[tuple[str, str]] = []  # with the root of the object
        for node in walk(root):
            self._read(node)
        kinds = {name for name, kind in self.own.items() if kind == "type"} | {"object"}
        for name, bases in self._methods:
            if all(base in kinds for base in bases):
                self._member(name, "func")
        for name, base in self._fields:
            if base not in self.imported:
                self._member(name, "field")

    def _read(self, node: Node) -> None:
        kind = node.type
        if kind in ("import_statement", "import_from_statement", "future_import_statement"):
            self._import(node)
        elif kind in ("function_definition", "class_definition"):
            self._definition(node)
        elif kind in _TARGETS:
            target = node.child_by_field_name(_TARGETS[kind])
            if target is not None:
                self._target(target)
            elif kind == "as_pattern" and node.named_child_count > 1:
                self._target(node.named_children[-1])
        elif kind in ("parameters", "lambda_parameters", "global_statement"):
            for child in node.named_children:
                if child.type in _PATTERNS or child.type == "identifier":
                    self._target(child)
        elif kind == "type_parameter" and node.parent is not None and node.parent.type in ("function_definition", "class_definition"):
            for child in node.named_children:
                self._first(child, "type")
        elif kind == "type_alias_statement" and (left := node.child_by_field_name("left")) is not None:
            self._first(left, "type")
        elif kind in ("case_pattern", "keyword_pattern"):
            self._case(node)
        elif kind == "splat_pattern":
            self._target(node)
        elif kind == "subscript" and (value := node.child_by_field_name("value")) is not None and value.type == "identifier":
            self.indexed.add(text(value))

    def _first(self, node: Node, kind: str) -> None:
        """Bind the first identifier in a node."""
        found = next((one for one in walk(node) if one.type == "identifier"), None)
        if found is not None:
            self._bind(found, kind, found)

    def _case(self, node: Node) -> None:
        if node.type == "keyword_pattern":
            self.foreign.add(node.named_children[0].start_byte)
        for child in node.named_children:
            if child.type == "dotted_name" and child.named_child_count == 1 and text(child) != "_":
                self._target(child.named_children[0])

    def _import(self, node: Node) -> None:
        module = node.child_by_field_name("module_name")
        for child in node.children_by_field_name("name"):
            alias = child.child_by_field_name("alias")
            self.imported.add(text(alias) if alias is not None else text(child).split(".")[0] if module is None else text(child))
        self.foreign |= {leaf.start_byte for leaf in walk(node) if leaf.type == "identifier"}

    def _definition(self, node: Node) -> None:
        name = node.child_by_field_name("name")
        if name is None:
            return
        owner = self._scope(node.parent)
        if node.type == "class_definition":
            self._bind(name, "type", node.parent)
        elif owner.type != "class_definition":
            self._bind(name, "func", node.parent)
        else:
            held = owner.child_by_field_name("superclasses")
            bases = [text(base) for base in held.named_children if base.type != "comment"] if held is not None else []
            self._methods.append((text(name), bases))

    def _target(self, node: Node) -> None:
        """Bind every name of a pattern."""
        stack = [node]
        while stack:
            one = stack.pop()
            if one.type == "identifier":
                scope = self._scope(one)
                if scope.type == "class_definition":
                    self._member(text(one), "field")
                    self.spans.setdefault(text(one), []).append((scope.start_byte, scope.end_byte))
                    self.own.setdefault(text(one), "field")
                else:
                    self._bind(one, "var", one)
            elif one.type == "attribute":
                base, attribute = one.child_by_field_name("object"), one.child_by_field_name("attribute")
                if base is not None and attribute is not None:
                    self._fields.append((text(attribute), _root(base)))
            elif one.type == "typed_parameter":
                stack += one.named_children[:1]
            elif one.type in _PATTERNS:
                stack += reversed(one.named_children)

    def _bind(self, leaf: Node, kind: str, inside: Node | None) -> None:
        name = text(leaf)
        if name.startswith("__") and name.endswith("__"):
            return
        scope = self._scope(inside)
        self.own.setdefault(name, kind)
        if self.own[name] == "field":
            self.own[name] = kind
        self.spans.setdefault(name, []).append((scope.start_byte, scope.end_byte))

    def _member(self, name: str, kind: str) -> None:
        if name not in _ATTRIBUTES and not (name.startswith("__") and name.endswith("__")):
            self.members.setdefault(name, kind)

    def _scope(self, node: Node | None) -> Node:
        while node is not None and node.type not in _SCOPES:
            node = node.parent
        return node if node is not None else self.root

    # ------------------------------------------------------------ occurrences
    def marks(self) -> list[Mark]:
        found: list[Mark] = []
        stack = [self.root]
        attributes: set[int] = set()
        keywords: dict[int, bool] = {}
        while stack:
            node = stack.pop()
            kind = node.type
            if kind == "comment":
                found.append(Mark(node.start_byte, node.end_byte, ""))
            elif kind in ("integer", "float"):
                found.append(Mark(node.start_byte, node.end_byte, "num"))
            elif kind == "string_content" or (kind == "string" and all(one.type != "interpolation" for one in node.children)):
                found.append(Mark(node.start_byte, node.end_byte, "str"))
            elif kind == "identifier":
                if placed := self._kind(node, node.start_byte in attributes, keywords.get(node.start_byte)):
                    found.append(Mark(node.start_byte, node.end_byte, placed))
            else:
                if kind == "attribute":
                    base, leaf = node.child_by_field_name("object"), node.child_by_field_name("attribute")
                    if base is not None and leaf is not None:
                        attributes.add(leaf.start_byte)
                        if base.type in ("identifier", "attribute") and not self._has(_root(base), base.start_byte):
                            self.foreign.add(leaf.start_byte)
                elif kind == "keyword_argument" and (leaf := node.child_by_field_name("name")) is not None:
                    keywords[leaf.start_byte] = self._called(node)
                elif kind == "function_definition" and self._scope(node.parent).type == "class_definition":
                    leaf = node.child_by_field_name("name")
                    if leaf is not None:
                        attributes.add(leaf.start_byte)
                stack += reversed(node.children)
        return found

    def _called(self, keyword: Node) -> bool:
        """Whether the call that a keyword stands in is one of the file's own."""
        call = keyword.parent.parent if keyword.parent is not None else None
        if call is None or call.type != "call" or (function := call.child_by_field_name("function")) is None:
            return False
        if function.type == "attribute" and (leaf := function.child_by_field_name("attribute")) is not None:
            return text(leaf) in self.members and leaf.start_byte not in self.foreign
        return function.type == "identifier" and self._has(text(function), function.start_byte)

    def _has(self, name: str, at: int) -> bool:
        """Whether a plain name at that byte is the file's own."""
        kind = self.own.get(name)
        if kind is None:
            return False
        narrow = name in _BUILTINS or name in self.imported or kind == "field"
        held = [(start, end) for start, end in self.spans[name] if start <= at < end]
        if name in self.imported:  # where the same scope binds it, as a fallback say, it is the library's
            held = [(start, end) for start, end in held if (start, end) != (self.root.start_byte, self.root.end_byte)]
        return bool(held) if narrow else True

    def _kind(self, leaf: Node, attribute: bool, keyword: bool | None) -> str:
        """The kind of an occurrence, "" where it stays."""
        name = text(leaf)
        if leaf.start_byte in self.foreign or keyword is False:
            return ""
        if attribute:
            known = name in self.members
        elif keyword:
            known = name in self.own or name in self.members
        else:
            known = self._has(name, leaf.start_byte)
        if not known:
            return ""
        kind = self.own.get(name) or self.members[name]
        return "arr" if kind == "var" and name in self.indexed else kind


def _root(node: Node) -> str:
    """The name at the left end of a chain of attributes."""
    while node.type in ("attribute", "subscript", "call"):
        inner = node.child_by_field_name("object" if node.type == "attribute" else "value" if node.type == "subscript" else "function")
        if inner is None:
            break
        node = inner
    return text(node)
