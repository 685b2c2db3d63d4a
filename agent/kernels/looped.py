"""Rows that are read in pieces: one pass for all reductions that need nothing from one another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codeopt.agent.kernels import words
from codeopt.agent.kernels.graph import Unsupported
from codeopt.agent.kernels.ir import Value

if TYPE_CHECKING:
    from codeopt.agent.kernels.fused import Rows

LOW = 'float("-inf")'


def looped(rows: Rows) -> list[str]:
    """Lines of all passes."""
    body, found = rows.body, []
    passes = max(rows.levels.values(), default=0)
    found += [body.load(leaf, rows.rows, "") for leaf in body.leaves if leaf.name not in rows.tile]
    for number in range(passes + 1):
        found += _of_rows(rows, number)
        found += _pass(rows, number)
    stored = [value for value in body.outs if value.name not in rows.tile]
    return found + [body.store(value, rows.rows, "") for value in stored]


def _of_rows(rows: Rows, number: int) -> list[str]:
    """One number for each row, as soon as it is known."""
    lines = []
    for value in rows.values:
        if value.kind == "point" and value.name not in rows.tile and rows.levels[value.name] == number:
            lines.append(rows.body.point(value))
    return lines


def _pass(rows: Rows, number: int) -> list[str]:
    body, levels = rows.body, rows.levels
    reduces = [value for value in rows.values if value.kind == "reduce" and levels[value.name] == number + 1]
    stored = [value for value in body.outs if value.name in rows.tile and levels[value.name] == number]
    needed = _needed(rows, [*reduces, *stored])
    if not reduces and not stored:
        return []
    inner, before, after = [], [], []
    inner += [body.load(leaf, rows.rows, rows.cols) for leaf in body.leaves if leaf.name in needed]
    for value in rows.values:
        if value.name not in needed:
            continue
        if value.kind == "scan":
            one = value.op == "cumprod"
            make = "full" if one else "zeros"
            before.append(f"{body.names[value.name]}_carry = tl.{make}([ROWS, 1], {'1, ' if one else ''}{_kind(rows, value)})")
            inner += rows._scan(value)
        else:
            inner.append(body.point(value))
    peaks = {value.args: value for value in reduces if value.op == "expsum"}
    for value in reduces:
        if value.op == "peak" and value.args in peaks:  # the sum of exponentials finds it anyway
            after.append(f"{body.names[value.name]} = {body.names[peaks[value.args].name]}_peak")
            continue
        start, step, end = _accumulated(rows, value)
        before, inner, after = before + start, inner + step, after + end
    inner += [body.store(value, rows.rows, rows.cols) for value in stored]
    columns = rows._columns()
    total = rows.last
    loop = [f"for start in range(0, {total}, BLOCK):"] if not rows.parts else [f"for start in range(first, {total}, PARTS * BLOCK):"]
    if rows.backwards:
        loop = [f"for left in range(0, {total}, BLOCK):", f"    start = tl.cdiv({total}, BLOCK) * BLOCK - BLOCK - left"]
    return [*before, *loop, *(f"    {line}" for line in [*columns, *inner]), *after]


def _needed(rows: Rows, ends: list[Value]) -> set[str]:
    """Values with columns that a pass has to compute, or load."""
    found: set[str] = set()
    stack = [used for value in ends for used in (rows.body.inside(value) if value.kind == "reduce" else [value])]
    while stack:
        value = stack.pop()
        if value.name in rows.tile and value.name not in found:
            found.add(value.name)
            if value.name in rows.body.group.names:
                stack += rows.body.inside(value)
    return found


def _kind(rows: Rows, value: Value) -> str:
    return rows.body.wide if words.kind_of(value.dtype) == "float" else f"tl.{value.dtype}"


def _accumulated(rows: Rows, value: Value) -> tuple[list[str], list[str], list[str]]:
    """Lines before, in and after the loop of a reduction."""
    name, kind = rows.body.names[value.name], _kind(rows, value)
    x = rows._whole(value, rows._source(value))
    used = rows.body.inside(value)[0]
    floats = words.kind_of(used.dtype) == "float"
    if value.op == "sum":
        zero = "0.0" if words.kind_of(value.dtype) == "float" else "0"
        return (
            [f"{name}_sum = tl.zeros([ROWS, BLOCK], {kind})"],
            [f"{name}_sum += {rows._kept(x, zero)}"],
            [f"{name} = tl.sum({name}_sum, axis=1)[:, None]"],
        )
    if value.op in ("max", "min"):
        sign = ">" if value.op == "max" else "<"
        worst = rows._worst(value)
        nan = f" | ({name}_new != {name}_new)" if floats else ""
        end = [f"{name} = tl.{value.op}({name}_best, axis=1)[:, None]"]
        if floats:
            end.append(f'{name} = tl.where(tl.max(({name}_best != {name}_best).to(tl.int32), axis=1)[:, None] > 0, float("nan"), {name})')
        return (
            [f"{name}_best = tl.full([ROWS, BLOCK], {worst}, {kind})"],
            [
                f"{name}_new = {rows._kept(x, worst)}",
                f"{name}_best = tl.where(({name}_new {sign} {name}_best){nan}, {name}_new, {name}_best)",
            ],
            end,
        )
    if value.op == "peak":
        return (
            [f"{name} = tl.full([ROWS, 1], {LOW}, {kind})"],
            [f"{name} = tl.maximum({name}, tl.max({rows._kept(x, LOW)}, axis=1)[:, None])"],
            [],
        )
    if value.op == "expsum":
        return (
            [f"{name}_peak = tl.full([ROWS, 1], {LOW}, {kind})", f"{name} = tl.zeros([ROWS, 1], {kind})"],
            [
                f"{name}_new = tl.maximum({name}_peak, tl.max({rows._kept(x, LOW)}, axis=1)[:, None])",
                f"{name}_safe = tl.where({name}_new == {LOW}, 0.0, {name}_new)",
                f"{name} = {name} * tl.exp({name}_peak - {name}_safe) + tl.sum({rows._kept(f'tl.exp({x} - {name}_safe)', '0.0')}, axis=1)[:, None]",
                f"{name}_peak = {name}_new",
            ],
            [],
        )
    if value.op == "m2":
        return (
            [f"{part} = tl.zeros([ROWS, 1], {kind})" for part in (name, f"{name}_mean", f"{name}_seen")],
            [
                f"{name}_more = tl.sum(col_ok.to({kind}), axis=1)[:, None]",
                f"{name}_here = tl.sum({rows._kept(x, '0.0')}, axis=1)[:, None] / {name}_more",
                f"{name}_away = {rows._kept(f'{x} - {name}_here', '0.0')}",
                f"{name}_share = {name}_more / ({name}_seen + {name}_more)",
                f"{name}_here -= {name}_mean",
                f"{name} += tl.sum({name}_away * {name}_away, axis=1)[:, None] + {name}_here * {name}_here * {name}_seen * {name}_share",
                f"{name}_mean += {name}_here * {name}_share",
                f"{name}_seen += {name}_more",
            ],
            [],
        )
    if value.op in ("argmax", "argmin"):
        key = rows.key(value, x)
        return (
            [f"{name}_best = tl.full([ROWS, 1], {key.worst}, tl.{key.dtype})", f"{name} = tl.zeros([ROWS, 1], tl.int64)"],
            [
                f"{name}_keys = {rows._kept(key.text, key.worst)}",
                f"{name}_new = tl.{key.side}({name}_keys, axis=1)[:, None]",
                f"{name}_at = tl.{key.op}({name}_keys, axis=1)[:, None].to(tl.int64) + start",
                # Of equals the first: backwards that is the last one that is found.
                f"{name} = tl.where({name}_new {key.sign}{'=' if rows.backwards else ''} {name}_best, {name}_at, {name})",
                f"{name}_best = tl.where({name}_new {key.sign} {name}_best, {name}_new, {name}_best)",
            ],
            [],
        )
    raise Unsupported(f"no pass for {value.op}")
