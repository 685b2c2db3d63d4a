"""How names are used in C++ text: what may change a variable, what is invariant in a loop, counted loops.

Guesses, not proofs: no overloads, templates or macros are resolved. A rule that is wrong is caught by the verdict.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tree_sitter import Node

from codeopt.agent.rules.cpp._facts import ARITHMETIC, INTEGERS, Variable, lookup, type_of, word_set
from codeopt.agent.rules.cppedit import (
    Source,
    call_args,
    call_name,
    expression,
    find,
    functions,
    inside,
    operator,
)

_ITERATORS = frozenset({"begin", "end", "rbegin", "rend"})
_ELEMENTS = frozenset({"at", "front", "back", "top"})
_CONST_METHODS = word_set(
    """
    size length empty cbegin cend crbegin crend find rfind count substr c_str compare lower_bound
    upper_bound equal_range find_first_of find_last_of find_first_not_of find_last_not_of contains
    capacity max_size test any
    """
)
_PURE = word_set(
    """
    max min abs fabs sqrt sqrtl cbrt pow exp log log2 log10 floor ceil round sin cos tan atan2 hypot
    gcd __gcd lcm printf to_string stoi stol stoll stod strlen strcmp strncmp isdigit isalpha
    isupper islower isspace toupper tolower accumulate max_element min_element count count_if find
    find_if lower_bound upper_bound binary_search equal equal_range distance all_of any_of none_of
    is_sorted make_pair make_tuple tie get llabs labs puts putchar __builtin_popcount
    __builtin_popcountll __builtin_ctz __builtin_clz size string vector set map static_cast
    unordered_set unordered_map multiset pair inner_product partial_sum copy fabsf sqrtf fmax fmin
    lexicographical_compare
    """
)


def uses(src: Source, v: Variable, within: Node | None = None) -> list[Node]:
    """Every use of a variable but its declaration."""
    where = within if within is not None else v.scope
    return [n for n in src.named(v.name) if inside(n, where) and n != v.ident and lookup(src, n) == v]


@dataclass(frozen=True)
class Access:
    """How a name is used: "read", "write", "escape" (its address or a reference leaves), or "method" with its name.

    `node` is the whole access (`a[i].x`), or the call for a method.
    """

    kind: str
    node: Node
    method: str = ""


def access(src: Source, ident: Node) -> Access:
    """Classify one use of a name."""
    node = ident
    while True:
        p = node.parent
        if p is None:
            return Access("escape", node)
        indexed = p.type == "subscript_expression" and p.child_by_field_name("argument") == node
        if (
            indexed
            or p.type == "parenthesized_expression"
            or (p.type == "pointer_expression" and operator(p) == "*")
        ):
            node = p
        elif p.type == "field_expression" and p.child_by_field_name("argument") == node:
            call = p.parent
            if (
                call is not None
                and call.type == "call_expression"
                and call.child_by_field_name("function") == p
            ):
                method = src.get(p, "field")
                if method not in _ELEMENTS:
                    return Access("method", call, method)
                node = call
            else:
                node = p
        elif (
            p.type == "binary_expression"
            and operator(p) in ("+", "-")
            and node == ident
            and _address(src, ident)
        ):
            node = p
        else:
            break
    return Access(_kind(src, node, p), node)


def _address(src: Source, ident: Node) -> bool:
    v = lookup(src, ident)
    return v is not None and bool(v.pointer or v.dims)


def _kind(src: Source, node: Node, p: Node) -> str:
    if p.type == "assignment_expression":
        return "write" if p.child_by_field_name("left") == node else "read"
    if p.type == "update_expression":
        return "write"
    if p.type == "pointer_expression" or p.type == "ERROR":
        return "escape"
    if p.type == "binary_expression" and operator(p) == ">>" and p.child_by_field_name("right") == node:
        left: Node | None = p
        while left is not None and left.type == "binary_expression" and operator(left) == ">>":
            left = left.child_by_field_name("left")
        return "read" if type_of(src, left) in INTEGERS else "write"
    if p.type == "argument_list" and p.parent is not None:
        return _argument(src, node, p.parent)
    if p.type == "init_declarator":
        target = p.child_by_field_name("declarator")
        bound = target is not None and target.type in ("reference_declarator", "pointer_declarator")
        held = p.parent is not None and "const" in src[p.parent][: p.start_byte - p.parent.start_byte].split()
        return "escape" if bound and not held else "read"
    if p.type == "for_range_loop" and p.child_by_field_name("right") == node:
        declared = p.child_by_field_name("declarator")
        const = any(c.type == "type_qualifier" for c in p.children)
        return (
            "escape"
            if declared is not None and declared.type == "reference_declarator" and not const
            else "read"
        )
    return "read"


def _argument(src: Source, node: Node, call: Node) -> str:
    if call.type in ("init_declarator", "new_expression"):
        return "read"
    name = call_name(src, call)
    for f in functions(src):
        if f.name.split(".")[-1] == name.removeprefix("."):
            at = next((i for i, a in enumerate(call_args(call)) if a == node), -1)
            if 0 <= at < len(f.params):
                text = src[f.params[at]].split("=")[0]
                return (
                    "escape"
                    if ("&" in text or "*" in text or "[" in text) and "const" not in text
                    else "read"
                )
            return "escape"
    name = name.split("<")[0]
    if name in _PURE or name in ARITHMETIC or name.startswith("."):
        return "read"
    return "escape"


def constant_method(src: Source, a: Access) -> bool:
    """Whether a method call leaves its object as it was (iterators: where they are only looked through)."""
    if a.method in _CONST_METHODS:
        return True
    if a.method not in _ITERATORS:
        return False
    around = a.node.parent
    while around is not None and around.type in (
        "binary_expression",
        "parenthesized_expression",
        "unary_expression",
    ):
        around = around.parent
    if around is None or around.type != "argument_list" or around.parent is None:
        return around is not None and around.type == "condition_clause"
    owner = around.parent
    return (
        owner.type == "init_declarator"
        or call_name(src, owner).split("<")[0] in _PURE
        or call_name(src, owner) == ".insert"
    )


def changes(src: Source, ident: Node) -> bool:
    """Whether this use may change the variable."""
    a = access(src, ident)
    return not constant_method(src, a) if a.kind == "method" else a.kind != "read"


def changed_in(src: Source, v: Variable, where: Node) -> bool:
    return v.name in src.macro_words or any(changes(src, u) for u in uses(src, v, where))


def invariant(src: Source, expr: Node, where: Node) -> bool:
    """Whether an expression keeps its value in `where`: only names that do not change there, only pure calls."""
    if not pure(src, expr):
        return False
    for n in find(expr, "identifier"):
        v = lookup(src, n)
        if v is None:
            if not (n.parent is not None and n.parent.type in ("call_expression", "qualified_identifier")):
                return False
        else:
            open_to_calls = v.kind == "global" and not v.const and _calls_unknown(src, where)
            if open_to_calls or changed_in(src, v, where) or (v.kind == "local" and inside(v.node, where)):
                return False
    return True


def _calls_unknown(src: Source, where: Node) -> bool:
    own = {f.name.split(".")[-1] for f in functions(src)}
    return any(call_name(src, c) in own for c in find(where, "call_expression"))


def pure(src: Source, node: Node) -> bool:
    """No assignment, no call but well-known pure ones."""
    if any(
        True
        for _ in find(
            node, "assignment_expression", "update_expression", "lambda_expression", "new_expression"
        )
    ):
        return False
    for call in find(node, "call_expression"):
        name = call_name(src, call).split("<")[0]
        ok = (
            name[1:] in _CONST_METHODS | _ITERATORS | _ELEMENTS
            if name.startswith(".")
            else name in _PURE | ARITHMETIC
        )
        if not ok:
            return False
    return True


@dataclass(frozen=True)
class Counted:
    """`for (T i = start; i < bound; ++i) body`. `type` is "" where `i` is declared outside."""

    node: Node
    name: str
    type: str
    start: Node
    op: str
    bound: Node
    body: Node
    condition: Node


def counted(src: Source, node: Node | None) -> Counted | None:
    """A loop that counts up by one, None for any other."""
    if node is None or node.type != "for_statement":
        return None
    init, cond, step, body = (
        node.child_by_field_name(f) for f in ("initializer", "condition", "update", "body")
    )
    if init is None or cond is None or step is None or body is None or cond.type != "binary_expression":
        return None
    if init.type == "declaration":
        d = init.children_by_field_name("declarator")
        if len(d) != 1 or d[0].type != "init_declarator":
            return None
        name, start, kind = (
            src.get(d[0], "declarator"),
            d[0].child_by_field_name("value"),
            src.get(init, "type"),
        )
    elif init.type == "assignment_expression" and operator(init) == "=":
        name, start, kind = src.get(init, "left"), init.child_by_field_name("right"), ""
    else:
        return None
    left, bound = cond.child_by_field_name("left"), cond.child_by_field_name("right")
    if (
        start is None
        or left is None
        or bound is None
        or src[left] != name
        or operator(cond) not in ("<", "<=")
    ):
        return None
    up_by_one = (
        step.type == "update_expression" and operator(step) == "++" and src.get(step, "argument") == name
    )
    if step.type == "assignment_expression":
        up_by_one = operator(step) == "+=" and src.get(step, "left") == name and src.get(step, "right") == "1"
    if not up_by_one or not re.fullmatch(r"\w+", name):
        return None
    return Counted(node, name, kind, start, operator(cond), bound, body, cond)


def assignment(node: Node | None, op: str = "=") -> tuple[Node, Node] | None:
    """(left, right) of an assignment (statement or expression) with the given operator."""
    e = expression(node) if node is not None and node.type == "expression_statement" else node
    if e is None or e.type != "assignment_expression" or operator(e) != op:
        return None
    left, right = e.child_by_field_name("left"), e.child_by_field_name("right")
    return (left, right) if left is not None and right is not None else None
