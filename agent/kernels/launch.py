"""Launch parameters of Triton and CUDA kernels in a text: which numbers there are, and the text with others.

A launch is a call `kernel[grid](...)` of a function under `@triton.jit`. Its numbers are the `tl.constexpr` arguments that are
given as a number or as a name that is given one number once, and `num_warps` and `num_stages`, which may be left out there.
In a CUDA text they are the powers of two behind `#define NAME` and `constexpr int NAME =`.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from codeopt.agent.tasks.kernel import places

OPTIONS = {"num_warps": (4, (1, 2, 4, 8, 16)), "num_stages": (3, (1, 2, 3, 4, 5))}
"""What it is where it is left out, and what it may be."""
FACTORS = (2, 0.5, 4, 0.25)
LARGEST = 1 << 16
_CUDA = re.compile(
    r"^[ \t]*#[ \t]*define[ \t]+(\w+)[ \t]+(\d+)[ \t]*(?=//|/\*|\r?$)"
    r"|\b(?:constexpr|const)\s+(?:(?:static|unsigned|long|int|size_t|auto)\s+)+(\w+)\s*=\s*(\d+)\s*;",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Number:
    """A number in a text.

    Attributes:
        name: As a person reads it: "BLOCK of softmax_kernel".
        value: What it is now.
        others: What else it may be.
        start, end: The bytes of the text that say it; the same where it is not written yet.
        keyword: What it then has to be called there.
        first: No other argument stands before that place, or a comma does.
    """

    name: str
    value: int
    others: tuple[int, ...]
    start: int
    end: int
    keyword: str = ""
    first: bool = False


def numbers(source: str) -> list[Number]:
    """The launch parameters of a Python text, in its order; [] where it has none, or does not parse."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return []
    raw, place = source.encode("utf-8"), places(source)
    kernels = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and _decorated(node, "jit")}
    given = Counter(target.id for node in ast.walk(tree) if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign) for target in _targets(node))
    constants = {
        target.id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
        for target in _targets(node)
        if given[target.id] == 1
    }
    found: dict[tuple[int, str], Number] = {}
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Subscript) and isinstance(node.func.value, ast.Name)):
            continue
        kernel = kernels.get(node.func.value.id)
        if kernel is None or _decorated(kernel, "autotune"):  # that one chooses when it runs
            continue
        written = dict(_arguments(node, kernel))
        for name, value in written.items():
            value = constants.get(value.id, value) if isinstance(value, ast.Name) else value
            number = value.value if isinstance(value, ast.Constant) else None
            if type(number) is int and (others := _others(name, number)):
                start, end = place(value.lineno, value.col_offset), place(value.end_lineno, value.end_col_offset)
                found[start, ""] = Number(f"{name} of {kernel.name}", number, others, start, end)
        if any(keyword.arg is None for keyword in node.keywords):  # **options may hold the rest
            continue
        last = place(node.end_lineno, node.end_col_offset) - 1
        first = raw[:last].rstrip().endswith((b",", b"("))
        for name in OPTIONS:
            if name not in written:
                default = OPTIONS[name][0]
                found[last, name] = Number(f"{name} of {kernel.name}", default, _others(name, default), last, last, name, first)
    return [found[key] for key in sorted(found)]


def cuda_numbers(source: str) -> list[Number]:
    """The constants of a CUDA text that may be tuned, in its order."""
    found = []
    for match in _CUDA.finditer(source):
        group = 2 if match[1] else 4
        name, value = match[group - 1], int(match[group])
        if (others := _others(name, value)) and len(re.findall(rf"\b{name}\b", source)) > 1:
            start, end = (len(source[: match.span(group)[side]].encode("utf-8")) for side in (0, 1))
            found.append(Number(name, value, others, start, end))
    return found


def edited(source: str, values: Mapping[Number, int]) -> str:
    """The text with other values for some of its numbers."""
    edits: dict[int, tuple[int, str]] = {}
    for number, value in sorted(values.items(), key=lambda item: (item[0].start, item[0].keyword)):
        if not number.keyword:
            edits[number.start] = number.end, str(value)
        elif value != number.value:
            _, before = edits.get(number.start, (0, ""))
            comma = ", " if before or not number.first else ""
            edits[number.start] = number.end, f"{before}{comma}{number.keyword}={value}"
    raw = source.encode("utf-8")
    for start, (end, text) in sorted(edits.items(), reverse=True):
        raw = raw[:start] + text.encode() + raw[end:]
    return raw.decode("utf-8")


def _decorated(node: ast.FunctionDef, word: str) -> bool:
    return any(ast.unparse(item).partition("(")[0].rpartition(".")[2] == word for item in node.decorator_list)


def _targets(node: ast.Assign | ast.AnnAssign | ast.AugAssign) -> list[ast.Name]:
    """The names that a statement gives one value; those of a tuple count as given something else, too."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return [item for target in targets for item in ast.walk(target) if isinstance(item, ast.Name)]


def _arguments(call: ast.Call, kernel: ast.FunctionDef) -> Iterator[tuple[str, ast.expr]]:
    """Arguments of a launch that are fixed when the kernel is compiled."""
    names = [item.arg for item in kernel.args.args]
    fixed = {item.arg for item in (*kernel.args.args, *kernel.args.kwonlyargs) if item.annotation and "constexpr" in ast.unparse(item.annotation)}
    positional = zip(names, call.args) if not any(isinstance(item, ast.Starred) for item in call.args) else ()
    for name, value in (*positional, *((item.arg, item.value) for item in call.keywords if item.arg)):
        if name in fixed or name in OPTIONS:
            yield name, value


def _others(name: str, value: int) -> tuple[int, ...]:
    """What else a number may be; () where it is none that is tuned."""
    if name in OPTIONS:
        return tuple(option for option in OPTIONS[name][1] if option != value)
    if value < 2 or value & (value - 1):
        return ()
    return tuple(int(value * factor) for factor in FACTORS if 1 <= value * factor <= LARGEST)


def told(values: Mapping[Number, int]) -> str:
    """Which numbers are changed, for a person."""
    changed: Sequence[str] = [f"{number.name} {number.value} → {value}" for number, value in values.items() if value != number.value]
    return ", ".join(changed)
