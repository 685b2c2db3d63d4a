"""From a function to a list of possible shapes for each parameter, best guess first.

Evidence, weakest last: values seen in examples, type hints, default values, use in the body, the name.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
from collections.abc import Sequence
from typing import Any

from . import inputs_names
from .hook_functions import definitions, module_text, plain_function, takes_instance
from .inputs_shapes import Shape, from_constructor, from_hint, from_values, hints_of, merge, of
from .inputs_usage import Node, Usage

MOST = 8
PLAIN = ("int", "float", "str", "bool", "bytes")


@dataclasses.dataclass
class Parameter:
    """One parameter: how it is passed, and what it may be. `optional` ones are left out now and then."""

    name: str
    keyword_only: bool
    variadic: bool
    optional: bool
    shapes: list[Shape]
    source: str


@dataclasses.dataclass
class Guess:
    """All parameters, the constants of the code, and one line for people."""

    parameters: list[Parameter]
    constants: dict[str, list[Any]]
    line: str


def guess(context: Any, examples: Sequence[dict[str, Any]]) -> Guess:
    """Guess the parameters of context.function; `examples` are decoded calls that are known to be real."""
    function = context.function
    signature = inspect.signature(function)
    hints = hints_of(plain_function(function))
    usage, constants = read_body(context)
    seen = seen_by_parameter(signature, examples)
    parameters = []
    for position, parameter in enumerate(signature.parameters.values()):
        if parameter.kind is parameter.VAR_KEYWORD:
            continue
        instance = position == 0 and takes_instance(context)
        shapes, source = possible(
            context, parameter, hints, usage.get(parameter.name), seen.get(parameter.name, []), instance
        )
        parameters.append(
            Parameter(
                parameter.name,
                parameter.kind is parameter.KEYWORD_ONLY,
                parameter.kind is parameter.VAR_POSITIONAL,
                parameter.default is not parameter.empty,
                [with_constants(shape, constants) for shape in shapes],
                source,
            )
        )
    return Guess(parameters, constants, "")


def describe(parameters: Sequence[Parameter], chosen: Sequence[Shape]) -> str:
    return "; ".join(
        "%s: %s from %s" % (parameter.name, shape.text(), parameter.source)
        for parameter, shape in zip(parameters, chosen)
    )


def possible(
    context: Any, parameter: Any, hints: dict[str, Any], node: Any, seen: list[Any], instance: bool
) -> tuple[list[Shape], str]:
    """The shapes of one parameter, best first, and where the best one comes from."""
    observed = from_values(seen) if seen else of("any")
    if instance:
        return [merge(from_constructor(context.owner), observed)], "its constructor"
    used = shapes_of(node, context) if node is not None else []
    named = inputs_names.from_name(parameter.name)
    hinted = from_hint(hints[parameter.name]) if parameter.name in hints else of("any")
    if hinted.kind != "any":
        best = fill(merge(hinted, observed), used + named)
        return [best], "its type hint" if observed.kind == "any" else "its type hint and examples"
    if observed.known():
        return [observed, *used][:MOST], "examples"
    found: list[Shape] = []
    source = "its use"
    default = parameter.default
    if default is not parameter.empty and default is not None:
        found, source = [from_values([default])], "its default"
    elif used and named and not strong(node):
        # Weak use agrees with several kinds: a matching name decides.
        matching = [shape for shape in used if shape.kind == named[0].kind]
        found = [fill(matching[0], named)] if matching else []
        source = "its use and name" if matching else source
    rest = used + named + inputs_names.fallbacks()
    if not found and not used:
        source = "its name" if named else "trying"
    for shape in rest:
        filled = fill(shape, [other for other in named if other.kind == shape.kind])
        if all(filled.text() != other.text() for other in found):
            found.append(filled)
    return found[:MOST], source


def fill(shape: Shape, others: Sequence[Shape]) -> Shape:
    """Replace what is not known inside `shape` by what `others` of the same kind know; int where nobody does."""
    if shape.kind == "any":
        return next((other for other in others if other.known()), of("int"))
    if shape.known():
        return shape
    peers = [other for other in others if other.kind == shape.kind and len(other.parts) == len(shape.parts)]
    parts = []
    for index, part in enumerate(shape.parts):
        inner = [peer.parts[index] for peer in peers if peer.parts[index].kind != "any"]
        default = of("str") if shape.kind == "dict" and index == 0 else of("int")
        parts.append(default if part.kind == "any" and not inner else fill(part, inner))
    return dataclasses.replace(shape, parts=parts)


def strong(node: Node) -> bool:
    """Whether use alone tells: some evidence points to one kind only."""
    weak = ("iterable", "sequence", "sized", "indexable", "ordered", "num", "object")
    return any(weight >= 2 for kind, weight in node.root().kinds.items() if kind not in weak)


def shapes_of(node: Node, context: Any, depth: int = 0) -> list[Shape]:
    """Shapes that fit the evidence of a node, best first."""
    node = node.root()
    if depth > 4:
        return []
    score = node.kinds
    inner = best_inner(node, "elem", context, depth)
    found: list[tuple[float, Shape]] = []

    def offer(weight: float, shape: Shape) -> None:
        if weight > 0:
            found.append((weight, shape))

    iterable = score["iterable"] + score["sequence"] + 0.6 * score["sized"] + 0.5 * score["indexable"]
    if node.fields:
        offer(*record_or_object(node, context, depth))
    offer(score["frame"] * 2, Shape("frame", names=list(node.fields)))
    offer(score["array"] * 1.5, of("array", of("float")))
    text_inner = inner.kind in ("str", "any") and not node.root().columns
    if inner.kind == "str" and characters(node):
        offer(1.0 + 1.3 * iterable, of("str"))
    offer(score["str"] * 1.5 + (iterable * (0.5 if inner.kind == "any" else 0.9) if text_inner else 0), of("str"))
    offer(1.2 * score["digits"], of("str"))
    columns = sorted(node.columns)
    if columns and not score["list"]:
        parts = [best(node.columns[i], context, depth) for i in range(columns[-1] + 1) if i in node.columns]
        offer(1.5 + iterable, Shape("tuple", parts))
    offer(score["list"] + iterable, of("list", inner))
    offer(score["set"] + 0.1 * iterable, of("set", inner if inner.kind in (*PLAIN, "any") else of("int")))
    if score["dict"] or score["indexable"] or node.has_inner("key"):
        key = best_inner(node, "key", context, depth)
        value = best_inner(node, "value" if node.has_inner("value") else "elem", context, depth)
        offer(score["dict"] * 1.5 + 0.3 * score["indexable"], of("dict", key, value))
    offer(score["tuple"], of("tuples", inner))
    number = score["num"] + 0.5 * score["ordered"]
    offer(score["int"] * 1.2 + number + 0.4 * score["digits"], of("int"))
    offer(score["float"] * 1.5 + 0.8 * number, of("float"))
    offer(score["bool"], of("bool"))
    offer(score["bytes"], of("bytes"))
    found.sort(key=lambda pair: -pair[0])
    shapes: list[Shape] = []
    for _, shape in found:
        if all(shape.text() != other.text() for other in shapes):
            constants = constants_of(node, shape.kind)
            # A string that is only ever compared with two or more constants is a choice among them.
            choice = shape.kind == "str" and len(constants) > 1 and score["str"] <= len(constants) and not iterable
            shapes.append(dataclasses.replace(shape, seen=constants, order="choice" if choice else ""))
    if score["none"] and shapes:
        shapes[0] = Shape("union", [shapes[0], of("none")])
    return shapes


def characters(node: Node) -> bool:
    """Whether the elements are compared with single characters only."""
    compared = [value for value in node.inner("elem").root().consts if isinstance(value, str)]
    return bool(compared) and all(len(value) == 1 for value in compared)


def best(node: Node, context: Any, depth: int) -> Shape:
    found = shapes_of(node, context, depth + 1)
    return found[0] if found else of("any")


def best_inner(node: Node, which: str, context: Any, depth: int) -> Shape:
    return best(node.inner(which), context, depth) if node.has_inner(which) else of("any")


def record_or_object(node: Node, context: Any, depth: int) -> tuple[float, Shape]:
    """Fields by string key are a dictionary; attributes are the class of the same file that has them all."""
    keys = [name for name in node.fields if not name.startswith(".")]
    if keys:
        parts = [fill(best(node.fields[name], context, depth), ()) for name in keys]
        return 3.0, Shape("record", parts, keys)
    wanted = {name[1:] for name in node.fields} | set(node.attrs)
    for value in vars(context.module).values():
        if isinstance(value, type) and value.__module__ == context.module.__name__:
            shape = from_constructor(value)
            if wanted <= set(dir(value)) | set(shape.names):
                return 3.0, shape
    return 0.0, of("any")


def constants_of(node: Node, kind: str) -> list[Any]:
    return [value for value in node.root().consts if type(value).__name__ == kind][:20]


def read_body(context: Any) -> tuple[dict[str, Node], dict[str, list[Any]]]:
    """How the parameters are used, and the constants of the function's body."""
    try:
        tree = ast.parse(module_text(context))
    except (OSError, SyntaxError, UnicodeDecodeError):
        return {}, {}
    found = dict(definitions(tree))
    body = found.get(context.function_name)
    if body is None:
        return {}, {}
    helpers = {name: node for name, node in found.items() if "." not in name}
    constants: dict[str, list[Any]] = {}
    for node in ast.walk(body):
        if isinstance(node, ast.Constant) and type(node.value).__name__ in PLAIN:
            if node.value == ast.get_docstring(body, clean=False):
                continue
            values = constants.setdefault(type(node.value).__name__, [])
            if node.value not in values and len(values) < 30 and len(str(node.value)) <= 60:
                values.append(node.value)
    usage = Usage(helpers)
    return usage.walk(body), constants


def with_constants(shape: Shape, constants: dict[str, list[Any]]) -> Shape:
    """Add the code's own constants to the values worth using; most branches hang on one of them."""
    parts = [with_constants(part, constants) for part in shape.parts]
    extra = constants.get(shape.kind, []) if shape.kind in ("int", "str", "float", "bytes") else []
    if shape.low is not None:
        extra = [value for value in extra if shape.low <= value <= (shape.high or 0)]
    seen = shape.seen + [value for value in extra if value not in shape.seen]
    return dataclasses.replace(shape, parts=parts, seen=seen)


def seen_by_parameter(signature: inspect.Signature, examples: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    seen: dict[str, list[Any]] = {}
    for call in examples:
        try:
            bound = signature.bind(*call["args"], **call["kwargs"])
        except TypeError:
            continue
        for name, value in bound.arguments.items():
            seen.setdefault(name, []).append(value)
    return seen


def call_of(parameters: Sequence[Parameter], values: dict[str, Any]) -> dict[str, Any]:
    """Put values (by parameter name, optional ones may be absent) into the form of a call."""
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    gap = False
    for parameter in parameters:
        if parameter.name not in values:
            gap = gap or not parameter.keyword_only
        elif parameter.variadic:
            args.extend(values[parameter.name] if not gap else ())
        elif parameter.keyword_only or gap:
            kwargs[parameter.name] = values[parameter.name]
        else:
            args.append(values[parameter.name])
    return {"args": args, "kwargs": kwargs}
