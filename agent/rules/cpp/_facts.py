"""What a rule can guess about names in C++ text: variables, their types, whether they change, counted loops.

Guesses, not proofs: no overloads, templates or macros are resolved. A rule that is wrong is caught by the verdict.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tree_sitter import Node

from codeopt.agent.rules.cppedit import (
    Source,
    bare,
    call_name,
    find,
    functions,
    inside,
    named,
    operator,
    up,
)


def word_set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_WIDTHS = ("int", "long", "long long", "short", "char", "long int", "long long int")
INTEGERS = (
    word_set("bool unsigned size_t ssize_t ptrdiff_t __int64")
    | {sign + width for sign in ("", "unsigned ", "signed ") for width in _WIDTHS}
    | {f"{sign}int{bits}_t" for sign in ("", "u") for bits in (8, 16, 32, 64)}
)
FLOATS = frozenset({"float", "double", "long double"})
ARITHMETIC = INTEGERS | FLOATS
CONTAINERS = word_set("vector string map set unordered_map unordered_set multimap multiset deque list")


@dataclass(frozen=True)
class Variable:
    """A declared name.

    Attributes:
        type: Without std::, const, storage class and spaces; aliases resolved ("vector<long long>").
        kind: "global", "local" or "param".
        node: The declaration.
        declarator: Its own part of the declaration, with initialiser.
        scope: The node in which the name is visible.
        dims: Sizes of an array, outermost first.
        init: The initialiser: an expression, or a list of arguments.
    """

    name: str
    type: str
    kind: str
    node: Node
    ident: Node
    declarator: Node
    scope: Node
    pointer: bool
    reference: bool
    const: bool
    dims: tuple[Node, ...]
    init: Node | None

    @property
    def template(self) -> str:
        """`vector` of `vector<int>`, or the type itself."""
        return self.type.split("<")[0]

    @property
    def plain(self) -> bool:
        """Neither pointer nor reference nor array."""
        return not (self.pointer or self.reference or self.dims)

    @property
    def alone(self) -> bool:
        """The only name in its declaration."""
        return len(self.node.children_by_field_name("declarator")) == 1


def arguments_of(type_name: str) -> list[str]:
    """Template arguments: ["int", "vector<int>"] of map<int,vector<int>>."""
    if "<" not in type_name or not type_name.endswith(">"):
        return []
    out, depth, at = [], 0, type_name.index("<") + 1
    for i in range(at, len(type_name) - 1):
        ch = type_name[i]
        depth += (ch == "<") - (ch == ">")
        if ch == "," and depth == 0:
            out.append(type_name[at:i])
            at = i + 1
    return [*out, type_name[at:-1]]


def element(type_name: str) -> str:
    """`int` of vector<int>, "" where there is none."""
    return next(iter(arguments_of(type_name)), "")


def _aliases(src: Source) -> dict[str, str]:
    if "aliases" in src.memo:
        return src.memo["aliases"]  # type: ignore[return-value]
    out: dict[str, str] = {}
    for node in _defines(src.root):
        value = src.get(node, "value").strip()
        if re.fullmatch(r"[A-Za-z_][\w:]*(?:[\w\s:<>,]*)", value):
            out[src.get(node, "name")] = value
    for node in find(src.root, "type_definition"):
        declarator = node.child_by_field_name("declarator")
        if declarator is not None and declarator.type == "type_identifier":
            out[src[declarator]] = src.get(node, "type")
    for node in find(src.root, "alias_declaration"):
        if node.parent is not None and node.parent.type != "template_declaration":
            out[src.get(node, "name")] = src.get(node, "type")
    src.memo["aliases"] = out
    return out


def _defines(root: Node) -> Iterator[Node]:
    for child in root.children:
        if child.type == "preproc_def":
            yield child
        elif child.type.startswith("preproc_if") or child.type == "preproc_else":
            yield from _defines(child)


def type_name(src: Source, text: str) -> str:
    """A type as rules compare it: aliases resolved, no std::, const, storage class or needless spaces."""
    aliases = _aliases(src)
    for _ in range(3):
        text = re.sub(r"\w+", lambda m: aliases.get(m.group(), m.group()), text)
    text = re.sub(
        r"\bstd\s*::\s*|\b(?:const|static|constexpr|register|inline|typename|mutable|volatile)\b", "", text
    )
    text = re.sub(r"\s+", " ", text).strip()
    return re.sub(r"\s*([<>,*&:()\[\]])\s*", r"\1", text)


def variables(src: Source) -> dict[str, list[Variable]]:
    """Every declared variable by name (locals, parameters, globals; no fields)."""
    if "variables" not in src.memo:
        out: dict[str, list[Variable]] = {}
        for node in find(
            src.root,
            "declaration",
            "parameter_declaration",
            "optional_parameter_declaration",
            "for_range_loop",
        ):
            for variable in _declared(src, node):
                out.setdefault(variable.name, []).append(variable)
        src.memo["variables"] = out
    return src.memo["variables"]  # type: ignore[return-value]


def _declared(src: Source, node: Node) -> Iterator[Variable]:
    kind, scope = _scope(node)
    quals = " ".join(src[c] for c in node.children if c.type in ("type_qualifier", "storage_class_specifier"))
    const = "const" in quals.split() or "constexpr" in quals.split()
    for declarator in node.children_by_field_name("declarator"):
        at: Node | None = declarator
        init: Node | None = None
        pointer = reference = False
        dims: list[Node] = []
        while at is not None and at.type not in ("identifier", "structured_binding_declarator"):
            if at.type == "init_declarator":
                init = at.child_by_field_name("value")
            elif at.type == "pointer_declarator":
                pointer = True
            elif at.type == "reference_declarator":
                reference = True
            elif at.type == "array_declarator":
                size = at.child_by_field_name("size")
                dims.insert(0, size if size is not None else at)
            elif at.type == "function_declarator":
                if kind != "local" or not _vexing(src, at):
                    break
                init = at.child_by_field_name("parameters")
            at = at.child_by_field_name("declarator") or next(
                (c for c in named(at) if c.type in _INNER), None
            )
        if at is None or at.type == "function_declarator":
            continue
        base = type_name(src, src.get(node, "type"))
        idents = [at] if at.type == "identifier" else named(at)
        for ident in idents:
            kind_type = base if at is ident else ""
            yield Variable(
                src[ident],
                kind_type,
                kind,
                node,
                ident,
                declarator,
                scope,
                pointer,
                reference,
                const,
                tuple(dims),
                init,
            )


_INNER = frozenset(
    {
        "identifier",
        "pointer_declarator",
        "reference_declarator",
        "array_declarator",
        "structured_binding_declarator",
    }
)


def _vexing(src: Source, declarator: Node) -> bool:
    """`vector<int> a(n);` in a body: the parser takes it for a function; its parameters are only names."""
    params = declarator.child_by_field_name("parameters")
    kids = named(params) if params is not None else []
    return bool(kids) and all(len(named(k)) == 1 and named(k)[0].type == "type_identifier" for k in kids)


def _scope(node: Node) -> tuple[str, Node]:
    if node.type.endswith("parameter_declaration"):
        return "param", next(
            up(node, "function_definition", "lambda_expression", "declaration", "translation_unit"), node
        )
    if node.type == "for_range_loop":
        return "local", node
    for at in up(
        node,
        "compound_statement",
        "for_statement",
        "condition_clause",
        "namespace_definition",
        "translation_unit",
    ):
        if at.type == "condition_clause":
            return "local", at.parent or at
        if at.type == "for_statement" and at.child_by_field_name("initializer") != node:
            continue
        return ("global" if at.type in ("namespace_definition", "translation_unit") else "local"), at
    return "global", node


def lookup(src: Source, ident: Node | None) -> Variable | None:
    """The variable that a name refers to."""
    if ident is None or ident.type not in ("identifier", "type_identifier"):
        return None
    best: Variable | None = None
    for v in variables(src).get(src[ident], []):
        if not inside(ident, v.scope) or v.node.start_byte > ident.start_byte:
            continue
        if best is None or inside(v.scope, best.scope):
            best = v
    return best


def type_of(src: Source, node: Node | None) -> str:
    """The type of an expression where it is plain to see, else ""."""
    node = bare(node)
    if node is None:
        return ""
    if node.type == "number_literal":
        text = src[node].lower()
        if not text.startswith("0x") and re.search(r"[.ef]", text):
            return "float" if text.endswith("f") else "double"
        return "long long" if "l" in text else "int"
    if node.type == "char_literal":
        return "char"
    if node.type in ("string_literal", "raw_string_literal"):
        return "char*"
    if node.type == "identifier":
        v = lookup(src, node)
        return v.type + "[]" * len(v.dims) + "*" * v.pointer if v is not None else ""
    if node.type == "cast_expression":
        return type_name(src, src.get(node, "type"))
    if node.type == "subscript_expression":
        base = type_of(src, node.child_by_field_name("argument"))
        if base.endswith("[]") or base.endswith("*"):
            return base.removesuffix("*") if base.endswith("*") else base[:-2]
        args = arguments_of(base)
        if base == "string":
            return "char"
        if base.startswith(("vector<", "array<", "deque<")) and args:
            return args[0]
        return args[1] if base.startswith(("map<", "unordered_map<")) and len(args) > 1 else ""
    if node.type == "call_expression":
        name = call_name(src, node)
        if name in (".size", ".length", "strlen"):
            return "size_t"
        if name == "to_string" or name == ".substr":
            return "string"
        return next((type_name(src, src.get(f.node, "type")) for f in functions(src) if f.name == name), "")
    if node.type == "binary_expression":
        if operator(node) in ("==", "!=", "<", ">", "<=", ">=", "&&", "||"):
            return "bool"
        sides = [type_of(src, node.child_by_field_name(s)) for s in ("left", "right")]
        if all(s in ARITHMETIC for s in sides):
            return max(sides, key=lambda s: (s in FLOATS, "long" in s or "size" in s, "unsigned" in s))
        return "string" if "string" in sides else ""
    if node.type == "unary_expression":
        return "bool" if operator(node) == "!" else type_of(src, node.child_by_field_name("argument"))
    return ""


def integral(src: Source, node: Node | None) -> bool:
    return type_of(src, node) in INTEGERS
