"""Files in KernelBench's form: `Model`, `get_inputs()` and `get_init_inputs()`; what they say is read, never run, here.

Beyond that form a file may hold:

    SHAPES = [{"rows": 4096, "columns": 1024}, ...]     other values for its module-level numbers, one task for each
    HELD_OUT = [{"rows": 1000}, ...]                    the same, only for the decision
    class Exact(torch.nn.Module)                        the module in higher precision, where widening all floats won't do;
                                                        it gets the arguments, and has its weights, in double precision
    def cost(): return {"bytes": ..., "flops": ...}     where torch's own count is not the least that is needed
    class ModelNew(torch.nn.Module)                     a faster module that is there already: the search begins with it

Functions may stand for modules without weights: `reference(...)` for `Model`, and for `ModelNew` the one other public function
with as many arguments, a Triton kernel's launcher.
"""

from __future__ import annotations

import ast
import difflib
import symtable
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from codeopt.agent.tasks import cuda
from codeopt.errors import UserError

REFERENCE = "Model"
CANDIDATE = "ModelNew"
EXACT = "Exact"
FUNCTION = "reference"
LISTS = ("SHAPES", "HELD_OUT")
FORM = "a kernel's reference defines class Model, get_inputs() and get_init_inputs(), or functions reference() and get_inputs()"
JITS = ("jit", "autotune", "heuristics", "compile")


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
        source: Its text, as modules.
        shapes: At least one; those that are held out come last.
        start: The text of the faster module that is there already, without the reference; "" where there is none.
        launcher: The Python text that calls a CUDA file (or C++ with a binding), which is then what candidates are; "" for
            modules in Python.
        written: The file's text, as it was read.
    """

    file: Path
    source: str
    shapes: tuple[Shape, ...]
    start: str = ""
    launcher: str = ""
    written: str = ""

    @property
    def is_cuda(self) -> bool:
        """Whether candidates are CUDA files, or C++ files with a binding."""
        return bool(self.launcher)

    def merged(self, new: str) -> str:
        """The file with a candidate in the place of the module that was there; what candidates do not get to see stays.

        Args:
            new: What came of `start`.
        """
        before, seen, after = (text.splitlines(keepends=True) for text in (self.written, self.start, new))
        lines: list[str] = []
        for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, seen, after, autojunk=False).get_opcodes():
            if tag == "equal":
                lines += before[i1:i2]  # `start` has the same lines, and perhaps more at its end
            else:
                lines += [*after[j1:j2], *(line for line, shown in zip(before[i1:i2], seen[i1:i2]) if line != shown)]
        found = "".join(lines)
        try:
            if _same(read_kernel(self.file, found).start, new):
                return found
        except (UserError, SyntaxError):
            pass
        hidden = _apart(ast.parse(self.written), (REFERENCE, EXACT, FUNCTION))
        texts = ("".join(before[first_line(node) - 1 : node.end_lineno]) for node in hidden)
        return "\n\n".join([new.rstrip() + "\n", *(text.rstrip("\n") + "\n" for text in texts)])

    def module(self, text: str) -> tuple[str, str]:
        """The Python text of a candidate, and the class in it.

        Raises:
            UserError: It defines none; a CUDA file has no launcher, or cannot be compiled here.
        """
        if self.is_cuda:
            return cuda.module_text(self.file, self.launcher, text), CANDIDATE
        return text, candidate_class(self.file, text)


def is_kernel(source: str) -> bool:
    """Whether a Python text is a kernel's reference."""
    names = set(defined(source))
    return "get_inputs" in names and (REFERENCE in names or (FUNCTION in names and "torch" in source))


def read_kernel(file: Path, source: str) -> KernelFile:
    """Read a reference, or a CUDA file together with the reference beside it.

    Raises:
        UserError: Something in it is not as the form asks.
    """
    if cuda.is_source(file, source):
        return _read_cuda(file, source)
    written, source = source, as_modules(file, source)
    names = defined(source)
    missing = [name for name in (REFERENCE, "get_inputs", "get_init_inputs") if name not in names]
    if missing:
        raise UserError(f"{file.name} defines no {missing[0]}", FORM)
    tree = ast.parse(source)
    shapes, held_out = (_listed(file, tree, name) for name in LISTS)
    hidden = sorted(_read_by_module(source) & {name for values in (*shapes, *held_out) for name in values})
    if hidden:
        hint = f"a candidate cannot know it: pass it to {REFERENCE} by get_init_inputs, or read it from an input"
        raise UserError(f"{file.name}: {REFERENCE} reads {hidden[0]}, which shapes set", hint)
    chosen = [(values, False) for values in shapes or [{}]] + [(values, True) for values in held_out]
    start = _without(source, _apart(tree, (REFERENCE, EXACT, FUNCTION)), []) if CANDIDATE in names else ""
    return KernelFile(file, source, tuple(shaped(file, source, values, apart) for values, apart in chosen), start, written=written)


def _read_cuda(file: Path, source: str) -> KernelFile:
    """A CUDA file: what is to be beaten, and what it is held against."""
    path = cuda.reference_of(file)
    cuda.checked(file, source)
    found = read_kernel(path, path.read_text("utf-8"))
    return replace(found, file=file, start=source, launcher=launcher_of(found, path))  # `written` stays the reference's


def launcher_of(kernel: KernelFile, path: Path) -> str:
    """What of a reference calls a CUDA file. Raises UserError where it says nothing of that."""
    if cuda.LAUNCH not in defined(kernel.source):
        raise UserError(f"{path.name} defines no {cuda.LAUNCH}(library, …)", "it calls the CUDA file's function and returns the answer (docs/kernels.md)")
    return _without(kernel.source, _apart(ast.parse(kernel.source), (REFERENCE, EXACT, FUNCTION, CANDIDATE)), [])


def as_modules(file: Path, source: str) -> str:
    """The text with modules around its functions, where functions stand for them.

    Raises:
        UserError: It is not clear which function is the launcher.
    """
    names = defined(source)
    if FUNCTION not in names or REFERENCE in names:
        return source
    launcher = _launcher(file, ast.parse(source)) if CANDIDATE not in names else ""
    pairs = [(REFERENCE, FUNCTION), *([(CANDIDATE, launcher)] if launcher else [])]
    parts = [f"class {cls}(torch.nn.Module):\n    def forward(self, *args):\n        return {name}(*args)\n" for cls, name in pairs]
    if "get_init_inputs" not in names:
        parts.append("def get_init_inputs():\n    return []\n")
    return "\n\n".join([source.rstrip("\n") + "\n", "import torch\n", *parts])


def _launcher(file: Path, tree: ast.Module) -> str:
    """The public function that is called as `reference` is, and by no other such; "" where there is none."""
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    count = len(functions[FUNCTION].args.args)
    known = (FUNCTION, cuda.LAUNCH, "get_inputs", "get_init_inputs", "cost")
    found = {
        name: node
        for name, node in functions.items()
        if name not in known
        and not name.startswith("_")
        and len(node.args.args) - len(node.args.defaults) <= count <= len(node.args.args)
        and not any(jit in ast.unparse(item) for item in node.decorator_list for jit in JITS)
    }
    called = {item.id for node in found.values() for item in ast.walk(node) if isinstance(item, ast.Name)}
    left = [name for name in found if name not in called]
    if len(left) > 1:
        raise UserError(f"{file.name}: {left[0]} and {left[1]} could both be the launcher", "begin the names of helpers with _")
    return left[0] if left else ""


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
    names = defined(source)
    return next((name for name in (CANDIDATE, REFERENCE) if name in names), "")


def defined(source: str) -> list[str]:
    """Names of the classes and functions at the top of a module; [] where it does not parse."""
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError):
        return []
    return [node.name for node in body if isinstance(node, ast.ClassDef | ast.FunctionDef)]


def _read_by_module(source: str) -> set[str]:
    """Names of the file that the text of `Model`, or of `reference`, reads."""
    table = symtable.symtable(source, "kernel", "exec")
    found: set[str] = set()
    left = [child for child in table.get_children() if child.get_name() in (REFERENCE, FUNCTION)]
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
    inputs = _without(whole, _apart(ast.parse(whole), (REFERENCE, EXACT, FUNCTION, CANDIDATE)), [])
    name = ", ".join(f"{key}={value}" for key, value in values.items()) or "as written"
    return Shape(name, whole, inputs, held_out)


def _same(one: str, other: str) -> bool:
    """Whether two texts are one program."""
    return ast.dump(ast.parse(one)) == ast.dump(ast.parse(other))


def _apart(tree: ast.Module, names: Sequence[str]) -> list[ast.stmt]:
    """What candidates do not get to see: definitions of those names, and the lists of shapes."""
    return [
        node
        for node in tree.body
        if (isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name in names) or set(_assigned(node)) & set(LISTS)
    ]


def _written(file: Path, name: str, value: object) -> str:
    """A value of a shape as Python text: numbers and booleans, and the name of a type ("torch.float16")."""
    if isinstance(value, bool | int | float):
        return repr(value)
    if isinstance(value, str) and value.startswith("torch.") and value.replace(".", "").replace("_", "").isalnum():
        return value
    raise UserError(f"{file.name}: a shape sets {name} to {value!r}", 'give a number, or a type as "torch.float16"')


def places(source: str) -> Callable[[int | None, int | None], int]:
    """What tells which byte of a text a line and a column of its syntax tree are."""
    starts = [0]
    for line in source.encode("utf-8").splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    return lambda line, column: starts[(line or 1) - 1] + (column or 0)


def first_line(node: ast.stmt) -> int:
    """Where a statement begins, with its decorators."""
    return min([node.lineno, *(item.lineno for item in getattr(node, "decorator_list", []))])


def _without(source: str, gone: Sequence[ast.stmt], new: Sequence[tuple[ast.expr, str]]) -> str:
    """The text without some statements, and with other text in the place of some expressions."""
    raw, place = source.encode("utf-8"), places(source)
    edits = [(place(node.lineno, node.col_offset), place(node.end_lineno, node.end_col_offset), text) for node, text in new]
    for node in gone:
        first = first_line(node)
        edits.append((place(first, 0), place(node.end_lineno, node.end_col_offset), "\n" * ((node.end_lineno or first) - first)))
    for start, end, text in sorted(edits, reverse=True):
        raw = raw[:start] + text.encode("utf-8") + raw[end:]
    return raw.decode("utf-8")
