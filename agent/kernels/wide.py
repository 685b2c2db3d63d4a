"""Few long rows: many programs share each, and a second kernel puts together what they found."""

from __future__ import annotations

from codeopt.agent.kernels import words
from codeopt.agent.kernels.body import Body
from codeopt.agent.kernels.fused import HIGH, LOW, Rows, indented
from codeopt.agent.kernels.ir import Value
from codeopt.agent.kernels.looped import looped

States = list[tuple[str, str]]


def states(body: Body, value: Value) -> States:
    """What a program keeps of a reduction: (name, torch type)."""
    name = body.names[value.name]
    wide = "torch" + body.wide[2:]
    own = wide if words.kind_of(value.dtype) == "float" else f"torch.{value.dtype}"
    if value.op == "expsum":
        return [(name, own), (f"{name}_peak", own)]
    if value.op == "m2":
        return [(name, own), (f"{name}_mean", own), (f"{name}_seen", own)]
    if value.op.startswith("arg"):
        return [(name, own), (f"{name}_best", f"torch.{Rows(body, False).key(value).dtype}")]
    return [(name, own)]


def reductions(body: Body) -> list[Value]:
    """The reductions of a kernel, in order."""
    values = [body.program.values[name] for name in body.group.names]
    return [value for value in values if value.kind == "reduce"]


def first(body: Body, name: str) -> str:
    """The kernel in which each program reads some pieces of a row."""
    body.outs = []
    rows = Rows(body, True, parts=True)
    lines = looped(rows)
    kept = [state for value in reductions(body) for state, _ in states(body, value)]
    lines += [f"tl.store({state}_part + rows * PARTS + tl.program_id(1), {state}, mask=row_ok)" for state in kept]
    body.used.add("rows")
    lines = [*rows._row_lines(), "first = tl.program_id(1) * BLOCK", *lines]
    fixed = ["PARTS", *(f"{item}: tl.constexpr" for item in ("ROWS", "BLOCK"))]
    given = [*body.arguments()]
    plain = [item for item in given if not item.endswith("constexpr")]
    compiled = [item for item in given if item.endswith("constexpr")]
    head = f"def {name}({', '.join([*plain, *(f'{state}_part' for state in kept), *fixed[:1], *compiled, *fixed[1:]])}):"
    return "\n".join(["@triton.jit", head, *indented(lines)]) + "\n"


def second(body: Body, name: str) -> str:
    """The kernel that puts the parts of each row together, and goes on from there."""
    rows = Rows(body, False)
    body.without(rows.tile)
    lines = [body.load(leaf, "row_ok", "") for leaf in body.leaves]
    kept: States = []
    for value in rows.values:
        if value.kind == "reduce":
            kept += states(body, value)
            lines += _joined(rows, value)
        elif value.name not in rows.tile:
            lines.append(body.point(value))
    lines += [body.store(value, "row_ok", "") for value in body.outs]
    head = [*rows._row_lines(), "parts = tl.arange(0, BLOCK)[None, :]", "part_ok = row_ok & (parts < PARTS)"]
    plain = [item for item in body.arguments() if not item.endswith("constexpr")]
    given = [*plain, *(f"{state}_part" for state, _ in kept), "PARTS", "ROWS: tl.constexpr", "BLOCK: tl.constexpr"]
    return "\n".join(["@triton.jit", f"def {name}({', '.join(given)}):", *indented([*head, *lines])]) + "\n"


def _joined(rows: Rows, value: Value) -> list[str]:
    body = rows.body
    name = body.names[value.name]

    def load(state: str, other: str) -> str:
        return f"{state} = tl.load({state}_part + rows * PARTS + parts, mask=part_ok, other={other})"

    if value.op == "sum":
        zero = "0.0" if words.kind_of(value.dtype) == "float" else "0"
        return [load(name, zero), f"{name} = tl.sum({name}, axis=1)[:, None]"]
    if value.op in ("max", "min", "peak"):
        worst = LOW if value.op == "peak" else rows._worst(value)
        side = "max" if value.op == "peak" else value.op
        lines = [load(name, worst)]
        if value.op != "peak" and words.kind_of(value.dtype) == "float":
            lines.append(f"{name}_nan = tl.max(({name} != {name}).to(tl.int32), axis=1)[:, None]")
        lines.append(f"{name} = tl.{side}({name}, axis=1)[:, None]")
        return lines + [f'{name} = tl.where({name}_nan > 0, float("nan"), {name})'] * (len(lines) - 2)
    if value.op == "expsum":
        return [
            load(name, "0.0"),
            load(f"{name}_peak", LOW),
            f"{name}_safe = tl.max({name}_peak, axis=1)[:, None]",
            f"{name}_safe = tl.where({name}_safe == {LOW}, 0.0, {name}_safe)",
            f"{name} = tl.sum({name} * tl.exp({name}_peak - {name}_safe), axis=1)[:, None]",
        ]
    if value.op == "m2":
        return [
            *(load(state, "0.0") for state in (name, f"{name}_mean", f"{name}_seen")),
            f"{name}_all = tl.sum({name}_mean * {name}_seen, axis=1)[:, None] / tl.sum({name}_seen, axis=1)[:, None]",
            f"{name}_mean -= {name}_all",
            f"{name} = tl.sum({name} + {name}_seen * {name}_mean * {name}_mean, axis=1)[:, None]",
        ]
    key = rows.key(value)
    return [
        load(name, str(2**62)),
        load(f"{name}_best", key.worst),
        f"{name}_top = tl.{key.side}({name}_best, axis=1)[:, None]",
        f"{name} = tl.min(tl.where(part_ok & ({name}_best == {name}_top), {name}, {2**62}), axis=1)[:, None]",
    ]


__all__ = ["HIGH", "first", "reductions", "second", "states"]
