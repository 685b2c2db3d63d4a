"""Names and parameters as others see them, before and after an edit: of one function, or of everything public in a file.

Only texts are read. Public in Python is what has no leading underscore in its qualified name; methods such as `__init__`
are public too. In C++ and C it is every function that is not static and in no unnamed namespace.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator

from tree_sitter import Node

from codeopt.agent.rules.cppedit import Function, find, functions, named, parse, squeeze, up

_BINDS = ("staticmethod", "classmethod", "property", "cached_property", "setter")
_SAME = {"cached_property": "property"}
_HOPS = 8  # names that stand for other names


def function_changed(new: ast.Module, old: ast.Module, name: str) -> str:
    """"" where a function is still there and, where both are plain defs, has its parameters; else what is wrong."""
    after, before = _last(new.body, name.split("."), new), _last(old.body, name.split("."), old)
    if after is None:
        return f"{name} is gone"
    if isinstance(before, ast.FunctionDef) and isinstance(after, ast.FunctionDef):
        return _changed(name, _parameters(before.args), _parameters(after.args))
    return ""


def public_changed(new: str, old: str, language: str) -> str:
    """"" where everything public in `old` is in `new`, with the same parameters; else the first that is not."""
    if language != "python":
        return _cpp_changed(new, old)
    after, before = ast.parse(new), ast.parse(old)
    for name in _public(before.body, ""):
        parts = name.split(".")
        was, now = _signature(before, parts), _signature(after, parts)
        if was is not None and now is None and parts[-1] == "__init__" and _resolved(before, parts) is None:
            continue  # made by a base class that the text does not show
        if was is not None and now is None:
            now = "what the text does not show" if _last(after.body, parts, after) else None
        if was is not None and (reason := f"{name} is gone" if now is None else _changed(name, was, now)):
            return f"{reason}: everything public keeps its name and parameters"
    return ""


def _changed(name: str, was: str, now: str) -> str:
    return "" if was == now else f"the signature of {name} changed from {was} to {now}"


# --- Python -----------------------------------------------------------------------------------------------


def _public(body: list[ast.stmt], prefix: str) -> Iterator[str]:
    """Qualified names of public functions, methods and classes; for a class also its constructor."""
    nodes = {node.name: node for node in flat(body) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}
    for name, node in nodes.items():
        if name.startswith("_") and not (name.startswith("__") and name.endswith("__")):
            continue
        yield prefix + name
        if isinstance(node, ast.ClassDef):
            yield f"{prefix}{name}.__init__"
            yield from _public(node.body, f"{prefix}{name}.")


def _signature(tree: ast.Module, parts: list[str]) -> str | None:
    """What `parts` names as one text; None where it is not there, or what it is cannot be told."""
    node = _resolved(tree, parts)
    if node is None and parts[-1] == "__init__":
        owner = _resolved(tree, parts[:-1])
        return _made(owner) if isinstance(owner, ast.ClassDef) else None
    if isinstance(node, ast.ClassDef):
        return "a class"
    if isinstance(node, ast.Lambda):
        return _parameters(node.args)
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return None
    called = [_called(decorator) for decorator in node.decorator_list]
    words = [f"@{_SAME.get(name, name)}" for name in called if name in _BINDS]
    words += ["async"] if isinstance(node, ast.AsyncFunctionDef) else []
    return " ".join([*words, _parameters(node.args)])


def _made(node: ast.ClassDef) -> str | None:
    """The parameters of a constructor that no `__init__` defines: by the fields of a data class, else none."""
    made = [decorator for decorator in node.decorator_list if _called(decorator) == "dataclass"]
    if not made and not any(_called(base) == "NamedTuple" for base in node.bases):
        return "(self)" if not (node.bases or node.keywords or node.decorator_list) else None
    fields = ["self"]
    for item in node.body:
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name) and "ClassVar" not in ast.unparse(item.annotation):
            fields.append(item.target.id + (f"={ast.unparse(item.value)}" if item.value is not None else ""))
    said = [ast.unparse(word) for call in made if isinstance(call, ast.Call) for word in call.keywords if word.arg in ("init", "kw_only")]
    return f"({', '.join(fields)})" + "".join(f" {word}" for word in said)


def _called(node: ast.expr) -> str:
    """The last name of `a.b`, or of the call `a.b(...)`."""
    node = node.func if isinstance(node, ast.Call) else node
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _parameters(arguments: ast.arguments) -> str:
    """Parameters with kinds and defaults, without annotations, which do not change a call."""

    def bare(argument: ast.arg) -> ast.arg:
        return ast.arg(argument.arg)

    plain = ast.arguments(
        posonlyargs=list(map(bare, arguments.posonlyargs)),
        args=list(map(bare, arguments.args)),
        vararg=bare(arguments.vararg) if arguments.vararg else None,
        kwonlyargs=list(map(bare, arguments.kwonlyargs)),
        kw_defaults=arguments.kw_defaults,
        kwarg=bare(arguments.kwarg) if arguments.kwarg else None,
        defaults=arguments.defaults,
    )
    return f"({ast.unparse(plain)})"


def _resolved(tree: ast.Module, parts: list[str]) -> ast.AST | None:
    """The def, class or lambda that a qualified name means, through `f = g` and `f = wrapper(g)`."""
    node: ast.AST | None = _last(tree.body, parts, tree)
    for _ in range(_HOPS):
        if not isinstance(node, ast.Assign):
            return node
        value = node.value
        if isinstance(value, ast.Call) and len(value.args) == 1 and not value.keywords:
            value = value.args[0]
        if isinstance(value, ast.Lambda):
            return value
        if not isinstance(value, ast.Name):
            return None
        node = _last(tree.body, [*parts[:-1], value.id], tree, node) or _last(tree.body, [value.id], tree, node)
    return None


def _last(scope: list[ast.stmt], parts: list[str], tree: ast.Module, before: ast.AST | None = None) -> ast.stmt | None:
    """The statement that binds a qualified name last: a def, a class member (a base's, too), or an assignment.

    With `before`, the last one ahead of that statement, where it is among them.
    """
    found: ast.stmt | None = None
    for node in flat(scope):
        if node is before:
            break
        if (isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.name == parts[0]) or (
            isinstance(node, ast.Assign) and any(isinstance(target, ast.Name) and target.id == parts[0] for target in node.targets)
        ):
            found = node
    if len(parts) == 1 or found is None:
        return found
    if not isinstance(found, ast.ClassDef):
        return None
    inner = _last(found.body, parts[1:], tree, before)
    for base in found.bases if inner is None else ():
        if isinstance(base, ast.Name) and base.id != parts[0]:
            inner = inner or _last(tree.body, [base.id, *parts[1:]], tree, found)
    return inner


def flat(body: list[ast.stmt]) -> list[ast.stmt]:
    """The statements of a scope, those under if, try and with included."""
    out: list[ast.stmt] = []
    for node in body:
        out.append(node)
        if isinstance(node, ast.If | ast.Try | ast.With):
            for part in ("body", "orelse", "finalbody"):
                out += flat(getattr(node, part, []))
            for handler in getattr(node, "handlers", []):
                out += flat(handler.body)
    return out


# --- C++ and C --------------------------------------------------------------------------------------------


def _cpp_changed(new: str, old: str) -> str:
    after, before = _cpp_signatures(new), _cpp_signatures(old)
    for name, texts in before.items():
        lost = list((texts - after.get(name, Counter())).elements())
        if lost:
            now = list((after.get(name, Counter()) - texts).elements())
            reason = _changed(name, lost[0], now[0]) if now else f"{name}, which was {lost[0]}, is gone"
            return f"{reason}: every function that is not static keeps its name and parameters"
    return ""


def _cpp_signatures(source: str) -> dict[str, Counter[str]]:
    """Name -> what is declared of its overloads: type, parameters without their names, qualifiers."""
    src = parse(source)
    found: dict[str, Counter[str]] = {}

    def text(node: Node, without: Node | None = None) -> str:
        raw = src.data[node.start_byte : node.end_byte]
        if without is not None:
            raw = raw[: without.start_byte - node.start_byte] + b" " + raw[without.end_byte - node.start_byte :]
        return squeeze(" ".join(raw.decode("utf-8", "replace").replace("std::", "").split()))

    def parameter(node: Node) -> str:
        name = next(find(declarator, "identifier"), None) if (declarator := node.child_by_field_name("declarator")) else None
        whole = text(node, name)
        # Whether a copy may change is the function's own matter.
        return whole if any(mark in whole for mark in "*&[") else squeeze(" ".join(word for word in whole.split() if word != "const"))

    for function in functions(src):
        if _is_internal(function, src.data):
            continue
        node, declarator = function.node, function.declarator
        kind = node.child_by_field_name("type")
        qualifiers = [text(child) for child in named(node) if child.type == "type_qualifier"]
        words = [word for word in qualifiers if word in ("const", "volatile")] + ([text(kind)] if kind is not None else [])
        outer = node.child_by_field_name("declarator")
        if outer is not None:
            words.append(src.data[outer.start_byte : declarator.start_byte].decode("utf-8", "replace").strip())
        inside = ", ".join(word for word in map(parameter, function.params) if word != "void")
        after = [text(child) for child in named(declarator) if child.type in ("type_qualifier", "ref_qualifier", "trailing_return_type")]
        template = node.parent.child_by_field_name("parameters") if node.parent is not None and node.parent.type == "template_declaration" else None
        whole = " ".join(filter(None, [f"template{text(template)}" if template is not None else "", *words, f"({inside})", *after]))
        found.setdefault(function.name, Counter())[whole] += 1
    return found


def _is_internal(function: Function, data: bytes) -> bool:
    """Whether no other file can call it; a static member can be called."""
    if any(space.child_by_field_name("name") is None for space in up(function.node, "namespace_definition")):
        return True
    static = any(
        child.type == "storage_class_specifier" and data[child.start_byte : child.end_byte] == b"static" for child in function.node.children
    )
    return static and not any(up(function.node, "class_specifier", "struct_specifier"))
