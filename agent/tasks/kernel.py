"""Files in KernelBench's form: `Model`, `get_inputs()` and `get_init_inputs()`; what they say is read, never run, here.

Beyond that form a file may hold:

    SHAPES = [{"rows": 4096, "columns": 1024}, ...]     other values for its module-level numbers, one task for each
    HELD_OUT = [{"rows": 1000}, ...]                    the same, only for the decision
    class Exact(torch.nn.Module)                        the module in higher precision, where widening all floats won't do;
                                                        it gets the arguments, and has its weights, in double precision
    def cost(): return {"bytes": ..., "flops": ...}     where torch's own count is not the least that is needed
"""

from __future__ import annotations

import ast
import symtable
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codeopt.errors import UserError

REFERENCE = "Model"
CANDIDATE = "ModelNew"
EXACT = "Exact"
LISTS = ("SHAPES", "HELD_OUT")
FORM = "a kernel's reference defines class Model, get_inputs() and get_init_inputs()"


@dataclass(frozen=True)
class Shape:
    """One size of a kernel's task.

    Attributes:
        name: As a person reads it: "rows=4096, columns=1024", or "as written".
        whole: The reference's text with these values.
        inputs: What of it makes the inputs, without the module itself.
        held_out: Only for the decision.
    """

    name: str
    whole: str
    inputs: str
    held_out: bool = False


@dataclass(frozen=True)
class KernelFile:
    """A reference as it was read.

    Attributes:
        file: Where it was read from.
        source: Its text.
        shapes: At least one; those that are held out come last.
    """

    file: Path
    source: str
    shapes: tuple[Shape, ...]


def is_kernel(source: str) -> bool:
    """Whether a Python text is a kernel's reference."""
    names = _defined(source)
    return {REFERENCE, "get_inputs"} <= set(names)


def read_kernel(file: Path, source: str) -> KernelFile:
    """Read a reference.

    Raises:
        UserError: Something in it is not as the form asks.
    """
    missing = [name for name in (REFERENCE, "get_inputs", "get_init_inputs") if name not in _defined(source)]
    if missing:
        raise UserError(f"{file.name} defines no {missing[0]}", FORM)
    tree = ast.parse(source)
    shapes, held_out = (_listed(file, tree, name) for name in LISTS)
    hidden = sorted(_read_by_module(source) & {name for values in (*shapes, *held_out) for name in values})
    if hidden:
        hint = f"a candidate cannot know it: pass it to {REFERENCE} by get_init_inputs, or read it from an input"
        raise UserError(f"{file.name}: {REFERENCE} reads {hidden[0]}, which shapes set", hint)
    chosen = [(values, False) for values in shapes or [{}]] + [(values, True) for values in held_out]
    return KernelFile(file, source, tuple(shaped(file, source, values, apart) for values, apart in chosen))


def candidate_class(file: Path, source: str) -> str:
    """The class that a candidate's file offers: `ModelNew`, else `Model`.

    Raises:
        UserError: It has neither.
    """
    if name := module_class(source):
        return name
    raise UserError(f"{file.name} defines neither {CANDIDATE} nor {REFERENCE}", f"name the faster module {CANDIDATE}")


def module_class(source: str) -> str:
    """The class of a candidate's text that is the module; "" where it has none, or does not parse."""
    names = _defined(source)
    return next((name for name in (CANDIDATE, REFERENCE) if name in names), "")


def _defined(source: str) -> list[str]:
    """Names of the classes and functions at the top of a module; [] where it does not parse."""
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError):
        return []
    return [node.name for node in body if isinstance(node, ast.ClassDef | ast.FunctionDef)]


def _read_by_module(source: str) -> set[str]:
    """Names of the file that the text of `Model` reads."""
    table = symtable.symtable(source, "kernel", "exec")
    found: set[str] = set()
    left = [child for child in table.get_children() if child.get_name() == REFERENCE]
    while left:
        scope = left.pop()
        found |= {symbol.get_name() for symbol in scope.get_symbols() if symbol.is_global() and symbol.is_referenced()}
        left += scope.get_children()
    return found


def _listed(file: Path, tree: ast.Module, name: str) -> list[dict[str, Any]]:
    """The value of `SHAPES` or `HELD_OUT`; [] where there is none."""
    for node in tree.body:
        value = _assigned(node).get(name)
        if value is not None:
            try:
                found = ast.literal_eval(value)
            except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
                found = None
            if not isinstance(found, list | tuple) or not all(isinstance(item, dict) and item for item in found):
                raise UserError(
                    f"{file.name}:{node.lineno}: {name} is no list of dictionaries", f'write {name} = [{{"rows": 4096}}, …]'
                )
            return list(found)
    return []


def _assigned(node: ast.stmt) -> dict[str, ast.expr]:
    """Names that a statement gives a value of their own, with it: `a = 1`, `a: int = 1`, `a, b = 1, 2`."""
    if isinstance(node, ast.AnnAssign) and node.value is not None and isinstance(node.target, ast.Name):
        return {node.target.id: node.value}
    if not isinstance(node, ast.Assign) or len(node.targets) != 1:
        return {}
    target, value = node.targets[0], node.value
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
        pairs = zip(target.elts, value.elts, strict=True)
    else:
        pairs = zip([target], [value], strict=True)
    return {name.id: own for name, own in pairs if isinstance(name, ast.Name)}


def shaped(file: Path, source: str, values: Mapping[str, Any], held_out: bool = False) -> Shape:
    """A reference with other values for its module-level numbers.

    Raises:
        UserError: The module has no such number, or a value is none.
    """
    tree = ast.parse(source)
    found: dict[str, ast.expr] = {}
    for node in tree.body:
        found |= {name: value for name, value in _assigned(node).items() if name in values}
    unknown = sorted(set(values) - set(found))
    if unknown:
        raise UserError(
            f"{file.name}: a shape sets {unknown[0]}, which the module does not", f"add a line {unknown[0]} = … at its top"
        )
    whole = _without(source, [], [(node, _written(file, name, values[name])) for name, node in found.items()])
    tree = ast.parse(whole)
    apart = [
        node
        for node in tree.body
        if (isinstance(node, ast.ClassDef) and node.name in (REFERENCE, EXACT)) or set(_assigned(node)) & set(LISTS)
    ]
    inputs = _without(whole, apart, [])
    name = ", ".join(f"{key}={value}" for key, value in values.items()) or "as written"
    return Shape(name, whole, inputs, held_out)


def _written(file: Path, name: str, value: object) -> str:
    """A value of a shape as Python text: numbers and booleans, and the name of a type ("torch.float16")."""
    if isinstance(value, bool | int | float):
        return repr(value)
    if isinstance(value, str) and value.startswith("torch.") and value.replace(".", "").replace("_", "").isalnum():
        return value
    raise UserError(f"{file.name}: a shape sets {name} to {value!r}", 'give a number, or a type as "torch.float16"')


def _without(source: str, gone: Sequence[ast.stmt], new: Sequence[tuple[ast.expr, str]]) -> str:
    """The text without some statements, and with other text in the place of some expressions."""
    raw = source.encode("utf-8")
    starts = [0]
    for line in raw.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))

    def place(line: int | None, column: int | None) -> int:
        return starts[(line or 1) - 1] + (column or 0)

    edits = [(place(node.lineno, node.col_offset), place(node.end_lineno, node.end_col_offset), text) for node, text in new]
    for node in gone:
        decorators = getattr(node, "decorator_list", [])
        first = min([node.lineno, *(item.lineno for item in decorators)])
        edits.append((place(first, 0), place(node.end_lineno, node.end_col_offset), "\n" * ((node.end_lineno or first) - first)))
    for start, end, text in sorted(edits, reverse=True):
        raw = raw[:start] + text.encode("utf-8") + raw[end:]
    return raw.decode("utf-8")
