"""What a Fortran file binds, for `codeopt.datasets.anonymise`.

Names are the same whatever their case. What a `use` statement brings in from a module that the file does not hold is
somebody else's, and so is what is `external`. Sentinel comments (`!$omp`, `!$acc`, `!dir$`) are directives: they stay, and the
names in them are changed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from codeopt.datasets.anonymise import Mark, text, walk
from codeopt.datasets.bound_c import words

if TYPE_CHECKING:
    from tree_sitter import Node

_UNITS = {
    "program_statement": "mod", "module_statement": "mod", "submodule_statement": "mod", "function_statement": "func",
    "subroutine_statement": "func", "module_procedure_statement": "func",
}  # fmt: skip
_LEAVES = frozenset({"identifier", "name", "type_name", "type_member", "module_name", "method_name", "local_name"})
_SENTINEL = re.compile(rb"[!c*](\$|dir\$|dec\$|gcc\$|ibm\$)", re.IGNORECASE)


def marks(root: Node) -> list[Mark]:
    """What the view of this file changes, in bytes."""
    return _File(root).marks()


class _File:
    def __init__(self, root: Node) -> None:
        self.root = root
        self.own: dict[str, str] = {}
        self.members: dict[str, str] = {}
        self.arrays: set[str] = set()
        self._used: list[Node] = []
        self._external: set[str] = set()
        for node in walk(root):
            self._read(node)
        foreign = set(self._external)
        for node in self._used:
            if all(_low(one) not in self.own for one in node.named_children if one.type == "module_name"):
                held = [one for one in node.named_children if one.type == "included_items"]
                foreign |= {_low(leaf) for items in held for leaf in walk(items) if leaf.type in ("identifier", "local_name")}
        self.own = {name: kind for name, kind in self.own.items() if name not in foreign}

    def _read(self, node: Node) -> None:
        kind = node.type
        if kind in _UNITS:
            self._bind([one for one in node.named_children if one.type == "name"][:1], _UNITS[kind])
        elif kind in ("parameters", "function_result"):
            self._bind([one for one in node.named_children if one.type == "identifier"], "var")
        elif kind == "derived_type_statement":
            self._bind([one for one in node.named_children if one.type == "type_name"][:1], "type")
        elif kind == "variable_declaration":
            self._declaration(node)
        elif kind in ("common_statement", "parameter_statement", "variable_modification"):
            external = kind == "variable_modification" and text(node).lower().startswith(("external", "intrinsic"))
            leaves = [one for one in walk(node) if one.type == "identifier" and _leads(one)]
            if external:
                self._external |= {_low(one) for one in leaves}
            else:
                self._bind(leaves, "var")
                if kind == "variable_modification" and text(node).lower().startswith("dimension"):
                    self.arrays |= {_low(one) for one in leaves}
        elif kind == "assignment_statement":
            left = node.child_by_field_name("left")
            if left is not None and left.type == "identifier":
                self._bind([left], "var")
        elif kind in ("loop_control_expression", "interface_statement"):
            self._bind([one for one in node.named_children if one.type in ("identifier", "name")][:1], "var")
        elif kind == "use_statement":
            self._used.append(node)

    def _bind(self, leaves: list[Node], kind: str) -> None:
        for leaf in leaves:
            self.own.setdefault(_low(leaf), kind)

    def _declaration(self, node: Node) -> None:
        attributes = [text(one).lower() for one in node.children_by_field_name("attribute")]
        if any(one.startswith(("external", "intrinsic")) for one in attributes):
            return
        shaped = any(one.startswith("dimension") for one in attributes)
        component = node.parent is not None and node.parent.type == "derived_type_definition"
        for declarator in node.children_by_field_name("declarator"):
            sized = any(one.type == "sized_declarator" for one in (declarator, *declarator.named_children[:1]))
            leaf = next((one for one in walk(declarator) if one.type == "identifier"), None)
            if leaf is None:
                continue
            if component:
                self.members.setdefault(_low(leaf), "field")
            else:
                self._bind([leaf], "var")
            if shaped or sized:
                self.arrays.add(_low(leaf))

    # ------------------------------------------------------------ occurrences
    def marks(self) -> list[Mark]:
        found: list[Mark] = []
        foreign: set[int] = set()
        stack = [self.root]
        while stack:
            node = stack.pop()
            kind, start, end = node.type, node.start_byte, node.end_byte
            if kind == "comment":
                found += self._comment(node)
            elif kind == "number_literal":
                found.append(Mark(start, end, "num"))
            elif kind == "string_literal":
                found.append(Mark(start, end, "str"))
            elif kind in _LEAVES and not node.named_child_count:
                if start not in foreign and (placed := self._kind(_low(node), kind == "type_member" or _is_component(node))):
                    found.append(Mark(start, end, placed, True))
            else:
                name = node.child_by_field_name("name") if kind == "keyword_argument" else None
                if name is not None and not self._called(node):
                    foreign.add(name.start_byte)
                stack += reversed(node.children)
        return found

    def _comment(self, node: Node) -> list[Mark]:
        raw = node.text or b""
        sentinel = _SENTINEL.match(raw)
        if sentinel is None:
            return [Mark(node.start_byte, node.end_byte, "")]
        found = []
        for kind, start, end, told in words(raw[sentinel.end() :], node.start_byte + sentinel.end()):
            if kind == "name" and (placed := self._kind(told.lower(), False)):
                found.append(Mark(start, end, placed, True))
            elif kind == "num":
                found.append(Mark(start, end, "num"))
        return found

    def _called(self, keyword: Node) -> bool:
        """Whether the call, or the constructor, that a keyword stands in is one of the file's own."""
        call = keyword.parent.parent if keyword.parent is not None else None
        if call is None or call.type not in ("call_expression", "subroutine_call"):
            return False
        return any(_low(one) in self.own for one in call.named_children[:1])

    def _kind(self, name: str, member: bool) -> str:
        kind = self.members.get(name, "") if member else self.own.get(name, "")
        return "arr" if kind == "var" and name in self.arrays else kind


def _low(node: Node) -> str:
    return text(node).lower()


def _leads(leaf: Node) -> bool:
    """Whether an identifier is what is declared, and no size or value of it."""
    above = leaf.parent
    return above is not None and above.type != "size" and (
        above.type not in ("parameter_assignment", "sized_declarator") or above.named_children[0].start_byte == leaf.start_byte
    )


def _is_component(leaf: Node) -> bool:
    """Whether an identifier declares a component of a derived type."""
    above = leaf.parent
    while above is not None and above.type in ("sized_declarator", "init_declarator", "pointer_init_declarator"):
        if above.named_children[0].start_byte != leaf.start_byte:
            return False
        above = above.parent
    return (
        above is not None
        and above.type == "variable_declaration"
        and above.parent is not None
        and above.parent.type == "derived_type_definition"
        and leaf.type == "identifier"
    )
