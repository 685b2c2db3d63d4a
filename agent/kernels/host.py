"""The host's side of fused kernels: a function for each that makes the outputs and launches it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from codeopt.agent.kernels import fused, wide
from codeopt.agent.kernels.body import Body
from codeopt.agent.kernels.dims import Shape
from codeopt.agent.kernels.fused import INDENT, indented
from codeopt.agent.kernels.graph import Unsupported
from codeopt.agent.kernels.ir import Program, Value
from codeopt.agent.kernels.plan import Group

Config = Mapping[str, int]
CONFIGS: tuple[Config, ...] = (
    {"block": 1024, "warps": 4, "tile": 2048, "per_warp": 512, "limit": 16384, "chunk": 4096, "lanes": 64},
    {"block": 2048, "warps": 8, "tile": 4096, "per_warp": 1024, "limit": 32768, "chunk": 8192, "lanes": 32},
    {"block": 512, "warps": 4, "tile": 1024, "per_warp": 256, "limit": 8192, "chunk": 2048, "lanes": 128},
    {"block": 4096, "warps": 8, "tile": 8192, "per_warp": 512, "limit": 16384, "chunk": 4096, "lanes": 16},
    {"block": 1024, "warps": 8, "tile": 2048, "per_warp": 256, "limit": 4096, "chunk": 4096, "lanes": 32},
    {"block": 2048, "warps": 4, "tile": 4096, "per_warp": 2048, "limit": 65536, "chunk": 16384, "lanes": 64},
)
"""block, warps: of kernels without reductions. tile: elements of a program at least, in rows; per_warp: of each warp.
limit: the longest row that is read at once. chunk: pieces of longer ones. lanes: neighbours that are reduced side by side."""
POINT, ROW, COLUMN, WIDE = (
    ("block", "warps"), ("tile", "per_warp", "limit", "chunk"), ("lanes", "per_warp", "limit", "chunk"),
    ("lanes", "per_warp", "chunk"),
)  # fmt: skip
MOST_PARTS = 1024
MOST_TOLD = 10


@dataclass(frozen=True)
class Launcher:
    """A kernel with its host function.

    Attributes:
        kernels: Their texts, which no choice of numbers changes.
        host: Text of the function that launches them.
        leaves: What the function takes, in order, before the sizes.
        outs: What it answers with.
        keys: Of a Config that matter to it.
        rule: Which template it is.
        what: What it computes, for a person.
        needs: Tests on sizes that say that it cannot be used.
    """

    name: str
    kernels: tuple[str, ...]
    host: str
    leaves: tuple[Value, ...]
    outs: tuple[Value, ...]
    keys: tuple[str, ...]
    rule: str
    what: str
    needs: tuple[str, ...] = ()


def told(program: Program, names: Sequence[str]) -> str:
    """The operations of a kernel, for a person."""
    found = list(dict.fromkeys(program.values[name].op for name in names))
    return ", ".join(found[:MOST_TOLD]) + (", ..." if len(found) > MOST_TOLD else "")


def launcher(program: Program, group: Group, name: str, config: Config) -> Launcher:
    """The kernel of a group, and the function that launches it."""
    if not group.reduced:
        return _points(program, group, name, config)
    if group.wide:
        return _wide(program, group, name, config)
    return _rows(program, group, name, config)


def tuple_text(shape: Shape) -> str:
    """A shape as Python text."""
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"


def _head(program: Program, body: Body, name: str) -> list[str]:
    given = [body.names[leaf.name] for leaf in body.leaves]
    lines = [f"def {name}({', '.join([*given, *program.symbols])}):"]
    return lines + indented([*contiguous(body), *outputs(body)])


def contiguous(body: Body) -> list[str]:
    """Lines that bring together what a kernel takes for one run of elements."""
    given = zip(body.leaves, body.apart, strict=True)
    names = [body.names[leaf.name] for leaf, apart in given if not apart and leaf.shape]
    return [f"{name} = {name}.contiguous()" for name in names]


def outputs(body: Body, beside: str = "") -> list[str]:
    """Lines that make the outputs, on the device of `beside` or of what the kernel loads."""
    if not beside and not body.leaves:
        raise Unsupported("a kernel that loads nothing")
    device = f"{beside or body.names[body.leaves[0].name]}.device"
    return [
        f"out_{i} = torch.empty({tuple_text(out.shape)}, dtype=torch.{out.dtype}, device={device})"
        for i, out in enumerate(body.outs)
    ]


def answer(body: Body) -> str:
    """The line that gives the outputs back."""
    return f"return {', '.join(f'out_{i}' for i in range(len(body.outs)))}"


def _launch(kernel: str, grid: str, given: list[str], warps: str) -> list[str]:
    return [f"{kernel}[({grid})](", *indented([f"{', '.join(given)},", f"num_warps={warps},"]), ")"]


def _made(body: Body, name: str, kernels: tuple[str, ...], lines: list[str], keys: tuple[str, ...]) -> Launcher:
    kinds = {body.program.values[item].kind for item in body.group.names}
    rule = "scan" if "scan" in kinds else "whole reduction" if body.group.wide else "row fusion" if "reduce" in kinds else "pointwise fusion"
    what = f"{rule} of {told(body.program, body.group.names)}"
    return Launcher(name, kernels, "\n".join([*lines, f"{INDENT}{answer(body)}\n"]), tuple(body.leaves), tuple(body.outs), keys, rule, what)


def _count(body: Body, axes: list[int]) -> str:
    """Elements along axes as the host's text."""
    from codeopt.agent.kernels.dims import product

    return str(product([size for i in axes for size in body.axes[i].sizes]))


def _points(program: Program, group: Group, name: str, config: Config) -> Launcher:
    body = Body(program, group)
    text = fused.kernel(body, f"{name}_kernel", False)
    block = config["block"]
    given = [*body.given(), "WIDE=total >= 2**31", f"BLOCK={block}"]
    lines = [
        *_head(program, body, name),
        f"{INDENT}total = {_count(body, body.row_axes)}",
        *indented(_launch(f"{name}_kernel", f"triton.cdiv(total, {block}),", given, str(config["warps"]))),
    ]
    return _made(body, name, (text,), lines, POINT)


def _rows(program: Program, group: Group, name: str, config: Config) -> Launcher:
    once, loops = Body(program, group), Body(program, group)
    last = max((i for i, _ in enumerate(once.axes)), default=0)
    columns = bool(once.axes) and not once.axes[last].reduced
    once.vector_rows = loops.vector_rows = not columns
    count = _count(once, once.col_axes)
    per_warp, limit = config["per_warp"], config["limit"]
    at_once = fused.kernel(once, f"{name}_kernel", False)
    in_pieces = fused.kernel(loops, f"{name}_looped", True)
    if columns:
        inner = _count(once, once.row_axes[-1:])
        outer = _count(once, once.row_axes[:-1])
        setup = [f"rows = min(triton.next_power_of_2({inner}), {config['lanes']})", f"block = triton.next_power_of_2({count})"]
        grid = f"{outer} * triton.cdiv({inner}, rows)" if outer != "1" else f"triton.cdiv({inner}, rows)"
        piece = f"max(1, min(block, {config['chunk']} // rows))"
    else:
        total = _count(once, once.row_axes)
        setup = [
            f"block = triton.next_power_of_2({count})",
            f"rows = max(1, min({config['tile']} // block, triton.next_power_of_2({total})))",
        ]
        grid, piece = f"triton.cdiv({total}, rows)", str(config["chunk"])
    keys = COLUMN if columns else ROW
    longer = [f"block = {piece}"] if columns else [f"rows, block = 1, {piece}"]

    def launch(kernel: str, body: Body) -> list[str]:
        given = [*body.given(), "ROWS=rows", "BLOCK=block"]
        return _launch(kernel, f"{grid},", given, f"max(1, min(16, rows * block // {per_warp}))")

    lines = [*_head(program, once, name), *indented(setup)]
    known = int(count) if count.isdigit() and not columns else None
    if known is not None and known <= limit:  # its length is fixed: the other kernel would never run
        return _made(once, name, (at_once,), [*lines, *indented(launch(f"{name}_kernel", once))], keys)
    if known is not None:
        lines += indented([*longer, *launch(f"{name}_looped", loops)])
        return _made(once, name, (in_pieces,), lines, keys)
    test = "rows * block" if columns else "block"
    lines += indented([f"if {test} <= {limit}:", *indented(launch(f"{name}_kernel", once)), "else:"])
    lines += indented([*longer, *launch(f"{name}_looped", loops)], 2)
    return _made(once, name, (at_once, in_pieces), lines, keys)


def _wide(program: Program, group: Group, name: str, config: Config) -> Launcher:
    body, one, two = Body(program, group), Body(program, group), Body(program, group)
    columns_last = bool(one.axes) and one.axes[-1].reduced
    one.vector_rows = columns_last
    kernels = wide.first(one, f"{name}_parts"), wide.second(two, f"{name}_joined")
    rows, columns = _count(body, body.row_axes), _count(body, body.col_axes)
    chunk = config["chunk"]
    lanes, across = "1", rows
    if not columns_last:  # the neighbours of a row's elements belong to other rows: side by side, or most of what is read is lost
        inner, outer = _count(one, one.row_axes[-1:]), _count(one, one.row_axes[:-1])
        lanes, across = f"min(triton.next_power_of_2({inner}), {config['lanes']})", f"{outer} * triton.cdiv({inner}, lanes)"
    kept = [state for value in wide.reductions(body) for state in wide.states(body, value)]
    device = f"{body.names[body.leaves[0].name]}.device"
    parts = [f"part_{i}" for i in range(len(kept))]
    lines = [
        *_head(program, body, name),
        f"{INDENT}lanes = {lanes}",
        f"{INDENT}block = {chunk} // lanes",
        f"{INDENT}parts = min(triton.cdiv({columns}, block), {MOST_PARTS})",
        *(
            f"{INDENT}part_{i} = torch.empty(({rows}, parts), dtype={dtype}, device={device})"
            for i, (_, dtype) in enumerate(kept)
        ),
    ]

    def given(side: Body) -> tuple[list[str], list[str]]:
        plain, named = [text for text in side.given() if "=" not in text], [text for text in side.given() if "=" in text]
        return [*plain, *parts, "parts"], named

    plain, named = given(one)
    warps = max(1, min(16, chunk // config["per_warp"]))
    lines += indented(_launch(f"{name}_parts", f"{across}, parts", [*plain, *named, "ROWS=lanes", "BLOCK=block"], str(warps)))
    plain, named = given(two)
    lines += indented(_launch(f"{name}_joined", f"{rows},", [*plain, *named, "ROWS=1", "BLOCK=triton.next_power_of_2(parts)"], "4"))
    return _made(body, name, kernels, lines, WIDE)
