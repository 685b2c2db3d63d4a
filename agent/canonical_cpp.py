"""The canonical form of a C++ or C program: its tokens, with the names of local variables numbered where that is safe.

Scopes are followed in the syntax tree, without types. A function that holds more than plain blocks, loops and lambdas
(local classes, aliases, directives, …) keeps its names, and so does a file whose macros turn names into text.
"""

from __future__ import annotations

from tree_sitter import Node

from codeopt.agent.rules.cppedit import Source, find, parse, up

_NAMES = ("identifier", "type_identifier")
_BLOCKS = (
    "compound_statement", "for_statement", "for_range_loop", "if_statement", "while_statement", "switch_statement",
    "lambda_expression", "catch_clause", "function_definition",
)  # fmt: skip
_PARAMETERS = ("parameter_declaration", "optional_parameter_declaration", "variadic_parameter_declaration")
_WRAPPED = ("reference_declarator", "parenthesized_declarator", "structured_binding_declarator", "variadic_declarator")
_NOT_SIMPLE = (
    "type_definition", "alias_declaration", "using_declaration", "namespace_alias_definition", "template_declaration",
    "template_parameter_list", "requires_expression", "gnu_asm_expression", "linkage_specification",
)  # fmt: skip
_WITH_BODY = ("struct_specifier", "class_specifier", "union_specifier", "enum_specifier")


class _NotSimple(Exception):
    """Which variable a name means cannot be told from the tree."""


def canonical(text: str) -> str:
    """The tokens, each with its kind. Raises RecursionError for trees out of all proportion."""
    src = parse(text)
    names: dict[int, str] = {}
    if not (src.errors or _looks_at_names(src)):
        for function in find(src.root, "function_definition"):
            if next(up(function, "function_definition"), None) is None:
                names |= _renamed(src, function)
    out: list[str] = []
    _tokens(src, src.root, names, out)
    return "\0".join(out)


def _renamed(src: Source, function: Node) -> dict[int, str]:
    found = _Function(src)
    try:
        found.definition(function)
    except _NotSimple:
        return {}
    return found.names


def _looks_at_names(src: Source) -> bool:
    """Whether a macro may hold names as text, or ones that are not seen here."""
    texts = [src.get(node, "value") for node in _macros(src)]
    included = (src.get(node, "path") for node in src.root.children if node.type == "preproc_include")
    return any("#" in text for text in texts) or any(path.startswith('"') for path in included) or "_Pragma" in src.text


def _macros(src: Source) -> list[Node]:
    found, stack = [], [src.root]
    while stack:
        node = stack.pop()
        if node.type in ("preproc_def", "preproc_function_def"):
            found.append(node)
        stack.extend(node.children)
    return found


def _tokens(src: Source, node: Node, names: dict[int, str], out: list[str]) -> None:
    if node.type == "comment":
        return
    if not node.children:
        text = " ".join(src[node].split()) if node.type == "preproc_arg" else src[node]
        out.append(names.get(node.start_byte) or f"{node.type} {text}")
    for child in node.children:
        _tokens(src, child, names, out)


class _Function:
    """The names of one function's local variables.

    Attributes:
        names: New names, by the byte at which the old ones begin.
    """

    def __init__(self, src: Source) -> None:
        self.names: dict[int, str] = {}
        self._src = src
        self._fixed = src.macro_words | src.macro_names
        self._scopes: list[dict[str, str]] = []
        self._count = 0

    def definition(self, function: Node) -> None:
        """Follow a whole definition. Raises _NotSimple."""
        self._scopes.append({})
        declarator = function.child_by_field_name("declarator")
        for child in function.children:
            if child != declarator:
                self._visit(child)
                continue
            while child.type != "function_declarator":
                inner = child.child_by_field_name("declarator") or next(iter(child.named_children), None)
                if inner is None:
                    raise _NotSimple
                child = inner
            self._signature(child)

    def _signature(self, declarator: Node) -> None:
        """Declare the parameters of a function or of a lambda; its own name is nobody's variable."""
        for number, child in enumerate(declarator.children):
            if child.type == "parameter_list":
                self._parameters(child)
            elif declarator.field_name_for_child(number) != "declarator":
                self._visit(child)

    def _parameters(self, node: Node) -> None:
        for child in node.children:
            if child.type in _PARAMETERS:
                self._declaration(child)
            else:
                self._visit(child)

    def _visit(self, node: Node) -> None:
        kind = node.type
        if kind in _NOT_SIMPLE or kind.startswith("preproc") or (kind in _WITH_BODY and node.child_by_field_name("body")):
            raise _NotSimple
        if kind == "storage_class_specifier" and self._src[node] == "extern":
            raise _NotSimple
        if kind in _NAMES:
            name = self._variable(node)
            if name is not None and name != self._src[node]:
                self.names[node.start_byte] = name
        elif kind == "qualified_identifier":
            self._qualified(node)
        elif kind in _BLOCKS:
            self._scopes.append({})
            self._block(node)
            self._scopes.pop()
        elif kind == "declaration":
            self._declaration(node)
        elif kind in _PARAMETERS:
            self._uses(node)
        else:
            for child in node.children:
                self._visit(child)

    def _block(self, node: Node) -> None:
        """What a scope holds."""
        if node.type == "lambda_expression":
            self._captures(node)
        elif node.type == "for_range_loop":
            for name in ("initializer", "right", "type", "declarator", "body"):
                child = node.child_by_field_name(name)
                if child is not None:
                    (self._declare if name == "declarator" else self._visit)(child)
        elif node.type == "catch_clause":
            for child in node.children:
                (self._parameters if child.type == "parameter_list" else self._visit)(child)
        elif node.type == "function_definition":  # a macro in front of a block, or a local class's own
            if node.child_by_field_name("type") is not None:
                raise _NotSimple
            for child in node.children:
                self._uses(child)
        else:
            for child in node.children:
                self._visit(child)

    def _captures(self, node: Node) -> None:
        captures = node.child_by_field_name("captures")
        made = [child for child in captures.children if child.type == "lambda_capture_initializer"] if captures else []
        for child in captures.children if captures else ():
            self._visit(child.children[-1] if child in made else child)
        for child in made:
            self._declare(child.children[-3])
        for child in node.children:
            if child == captures:
                continue
            if child.type in ("abstract_function_declarator", "lambda_declarator"):
                self._signature(child)
            else:
                self._visit(child)

    def _uses(self, node: Node) -> None:
        """Look names up in what only looks like a declaration: arguments that could be parameters."""
        if node.type in (*_PARAMETERS, "parameter_list") or node.type.endswith("_declarator"):
            for child in node.children:
                self._uses(child)
        else:
            self._visit(node)

    def _declaration(self, node: Node) -> None:
        kind = node.child_by_field_name("type")
        if kind is not None and any(self._variable(name) for name in (kind, *kind.children) if name.type in _NAMES):
            raise _NotSimple  # a product or a comparison that was read as a declaration
        for number, child in enumerate(node.children):
            if node.field_name_for_child(number) == "declarator":
                self._declare(child)
            else:
                self._visit(child)

    def _declare(self, node: Node, variable: bool = True) -> None:
        """Bind the name of a declarator; a function's stays, and so does what may be one."""
        if node.type == "identifier":
            name = self._src[node]
            new = name
            if variable and name not in self._fixed:
                new = f"\1{self._count}"
                self._count += 1
                self.names[node.start_byte] = new
            self._scopes[-1][name] = new
            return
        if node.type == "function_declarator":
            variable = self._initialises(node)
        for number, child in enumerate(node.children):
            if node.field_name_for_child(number) == "declarator" or (node.type in _WRAPPED and child.is_named):
                self._declare(child, variable)
            else:
                self._uses(child)

    def _initialises(self, declarator: Node) -> bool:
        """Whether `type name(a, b)` hands variables to a constructor; else it declares a function."""
        parameters = declarator.child_by_field_name("parameters")
        kinds = [child.child_by_field_name("type") for child in parameters.named_children] if parameters else []
        return bool(kinds) and all(kind is not None and kind.type in _NAMES and self._variable(kind) for kind in kinds)

    def _qualified(self, node: Node) -> None:
        """Only arguments of templates: `std::count` is no local variable."""
        for number, child in enumerate(node.children):
            if node.field_name_for_child(number) != "name":
                self._visit(child)
            elif child.type == "qualified_identifier":
                self._qualified(child)
            else:
                for arguments in child.children:
                    if arguments.type == "template_argument_list":
                        self._visit(arguments)

    def _variable(self, node: Node) -> str | None:
        """What the local variable that a name means is called from now on; None where it means something else."""
        name = self._src[node]
        return next((scope[name] for scope in reversed(self._scopes) if name in scope), None)
