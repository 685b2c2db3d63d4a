"""Fused kernels: pointwise operations in any number, around reductions and running sums along one axis.

A row that fits into registers is read once. A longer one is read in pieces, once for each reduction that depends on
another one; the maximum and the sum of exponentials of a softmax share a pass (Milakov and Gimelshein, "Online normalizer
calculation for softmax", 2018), and so do a mean and a variance (Chan, Golub and LeVeque, "Updating formulae", 1979).
"""

from __future__ import annotations

from dataclasses import dataclass

from codeopt.agent.kernels import words
from codeopt.agent.kernels.body import Body
from codeopt.agent.kernels.graph import Unsupported
from codeopt.agent.kernels.ir import Value
from codeopt.agent.kernels.plan import Group, level

LOW, HIGH = 'float("-inf")', 'float("inf")'
INDENT = "    "


def indented(lines: list[str], times: int = 1) -> list[str]:
    """The lines, moved to the right."""
    return [INDENT * times + line if line else line for line in lines]


def points(body: Body) -> list[str]:
    """Lines of a kernel without reductions: each program computes BLOCK elements in order."""
    lines = [body.load(leaf, "ok", "") for leaf in body.leaves]
    lines += [body.point(body.program.values[name]) for name in body.group.names]
    lines += [body.store(value, "ok", "") for value in body.outs]
    total = body.count(body.row_axes)
    indices = body.indices(fixed=True)
    return [
        # Offsets beyond 2^31 need 64 bits; dividing them would cost all the others.
        "rows = tl.program_id(0).to(tl.int64 if WIDE else tl.int32) * BLOCK + tl.arange(0, BLOCK)",
        f"ok = rows < {total}",
        *indices,
        *lines,
    ]


@dataclass(frozen=True)
class Key:
    """What an arg-reduction compares.

    Attributes:
        op: argmax or argmin. text: Of the keys. worst: What none of them is beyond. dtype: Theirs.
    """

    op: str
    text: str
    worst: str
    dtype: str

    @property
    def side(self) -> str:
        """ "max" or "min"."""
        return self.op[3:]

    @property
    def sign(self) -> str:
        """The comparison that says better."""
        return ">" if self.op == "argmax" else "<"


class Rows:
    """Lines of a kernel that reduces: a tile of ROWS rows and BLOCK of their elements.

    Args:
        body: What is computed; its `vector_rows` says that rows are numbered through, the reduced axis being the last one.
            Else the last axis is not reduced, and ROWS of its neighbours are worked on side by side.
        loops: Rows are read in pieces.
        parts: Each program reads only some of the pieces, from `first` on.
    """

    def __init__(self, body: Body, loops: bool, parts: bool = False) -> None:
        self.body, self.loops, self.parts = body, loops, parts
        self.program = body.program
        self.values = [self.program.values[name] for name in body.group.names]
        self.levels = level(self.program, body.group.names)
        self.last = body.count(body.col_axes)
        whole = not loops and self.last.isdigit() and int(self.last) & (int(self.last) - 1) == 0
        self.cols = "" if whole else "col_ok"
        self.rows = "row_ok"
        self.tile = {value.name for value in [*body.leaves] if set(body.has(value.shape)) & set(body.col_axes)}
        for value in self.values:
            inner = body.inside(value)
            long = value.kind == "scan" or any(used.name in self.tile or self._index(used) for used in inner)
            if value.kind != "reduce" and long:
                self.tile.add(value.name)
        self.backwards = any(value.kind == "scan" and value.at[1] for value in self.values)
        self.done: set[str] = set()

    def _index(self, value: Value) -> bool:
        return value.kind == "iota" and value.at + self.body.rank - len(value.shape) in self.body.group.reduced

    def lines(self) -> list[str]:
        """The whole kernel's."""
        inner = self._looped() if self.loops else self._once()
        body = self.body
        columns = [] if self.loops else self._columns()
        return [*self._row_lines(), *columns, *inner] if body.axes else inner

    def _row_lines(self) -> list[str]:
        body, program = self.body, "tl.program_id(0)"
        if body.vector_rows:
            decoded = self._decoded(body.row_axes, "rows", False)
            count = body.count(body.row_axes)
            return [
                f"rows = {program}.to(tl.int64) * ROWS + tl.arange(0, ROWS)[:, None]",
                f"row_ok = rows < {count}",
                *decoded,
            ]
        *outer, inner = body.row_axes
        size = body.size(body.axes[inner].sizes)
        lines = [
            f"blocks = tl.cdiv({size}, ROWS)",
            f"i_{inner} = ({program} % blocks) * ROWS + tl.arange(0, ROWS)[:, None]",
            f"row_ok = i_{inner} < {size}",
        ]
        if outer:
            lines.append(f"outer = ({program} // blocks).to(tl.int64)")
        lines += self._decoded(outer, "outer", False)
        if "rows" in body.used:
            lines.append(f"rows = outer * {size} + i_{inner}" if outer else f"rows = i_{inner}")
        return lines

    def _columns(self) -> list[str]:
        start = "start + " if self.loops else ""
        mask = [f"col_ok = cols < {self.last}"] if self.cols else []
        return [f"cols = {start}tl.arange(0, BLOCK)[None, :]", *mask, *self._decoded(self.body.col_axes, "cols", True)]

    def _decoded(self, axes: list[int], flat: str, fixed: bool) -> list[str]:
        body, lines = self.body, []
        for position, number in enumerate(axes):
            if f"i_{number}" in body.used:
                inner, own = body.count(axes[position + 1 :], fixed), body.size(body.axes[number].sizes, fixed)
                text = flat if inner == "1" else f"{flat} // {inner}"
                lines.append(f"i_{number} = {text}" if position == 0 else f"i_{number} = {text} % {own}")
        return lines

    # --- at once ------------------------------------------------------------------------------------------

    def _once(self) -> list[str]:
        body = self.body
        lines = [body.load(leaf, self.rows, self.cols) for leaf in body.leaves]
        for value in self.values:
            if value.kind == "point":
                lines.append(body.point(value))
            elif value.kind == "scan":
                lines += self._scan(value)
            else:
                lines += self._reduced(value)
        return lines + [body.store(value, self.rows, self.cols) for value in body.outs]

    def _source(self, value: Value) -> str:
        """What is reduced, in the type of the answer."""
        used = self.body.inside(value)[0]
        term = self.body.term(value.args[0], words.kind_of(value.dtype))
        floats = words.kind_of(value.dtype) == "float" and value.kind != "reduce"
        if value.op in ("sum", "cumsum", "cumprod") and term.kind and words.kind_of(used.dtype) != words.kind_of(value.dtype):
            return words.cast(term, value.dtype, self.body.wide)
        return term.text if term.kind or not floats else words.number(float(term.text))

    def _kept(self, text: str, neutral: str) -> str:
        """The elements that are there, and what changes nothing instead of the others."""
        if self.cols:
            return f"tl.where(col_ok, {text}, {neutral})"
        return text

    def _whole(self, value: Value, text: str) -> str:
        """A number for each row as a tile, where a reduction's argument has no columns of its own."""
        used = self.body.inside(value)[0]
        if used.name in self.tile or self._index(used):
            return text
        kind = self._kind(value)
        return f"({text} + tl.zeros([ROWS, BLOCK], {kind}))"

    def _kind(self, value: Value) -> str:
        return self.body.wide if words.kind_of(value.dtype) == "float" else f"tl.{value.dtype}"

    def _reduced(self, value: Value) -> list[str]:
        body, name = self.body, self.body.names[value.name]
        x = self._whole(value, self._source(value))
        floats = words.kind_of(body.inside(value)[0].dtype) == "float"
        if value.op == "sum":
            return [f"{name} = tl.sum({self._kept(x, '0.0' if words.kind_of(value.dtype) == 'float' else '0')}, axis=1)[:, None]"]
        if value.op in ("max", "min"):
            worst = self._worst(value)
            found = [f"{name} = tl.{value.op}({self._kept(x, worst)}, axis=1)[:, None]"]
            if floats:
                nan = f"tl.max({self._kept(f'({x} != {x}).to(tl.int32)', '0')}, axis=1)[:, None]"
                found.append(f'{name} = tl.where({nan} > 0, float("nan"), {name})')
            return found
        if value.op == "peak":
            return [f"{name} = tl.max({self._kept(x, LOW)}, axis=1)[:, None]"]
        if value.op == "expsum":
            known = self.beside(value, "peak")
            found = [] if known else [f"{name}_peak = tl.max({self._kept(x, LOW)}, axis=1)[:, None]"]
            known = known or f"{name}_peak"
            return [
                *found,
                f"{name}_peak = tl.where({known} == {LOW}, 0.0, {known})",
                f"{name} = tl.sum({self._kept(f'tl.exp({x} - {name}_peak)', '0.0')}, axis=1)[:, None]",
            ]
        if value.op == "m2":
            total = self.beside(value, "sum") or f"tl.sum({self._kept(x, '0.0')}, axis=1)[:, None]"
            return [
                f"{name}_mean = {total} / {self.last}",
                f"{name}_away = {self._kept(f'{x} - {name}_mean', '0.0')}",
                f"{name} = tl.sum({name}_away * {name}_away, axis=1)[:, None]",
            ]
        if value.op in ("argmax", "argmin"):
            key = self.key(value, x)
            return [f"{name} = tl.{key.op}({self._kept(key.text, key.worst)}, axis=1)[:, None].to(tl.int64)  # first {value.op[3:]}"]
        raise Unsupported(f"no kernel for {value.op}")

    def beside(self, value: Value, op: str) -> str:
        """The name of another reduction of the same values; "" where the kernel has none (yet)."""
        for other in self.values[: self.values.index(value)]:
            if (other.kind, other.op, other.args) == ("reduce", op, value.args):
                return self.body.names[other.name]
        return ""

    def key(self, value: Value, x: str = "") -> Key:
        """What an arg-reduction compares. Of floats the bits: torch takes the first NaN for the extreme, beyond infinity."""
        used = self.body.inside(value)[0]
        if words.kind_of(used.dtype) != "float":
            return Key(value.op, x, self._worst(value), used.dtype)
        double = self.body.wide == "tl.float64"
        sign = "-" if value.op == "argmin" else ""
        text = f"ordered{'_double' if double else ''}({sign}{x})"
        return Key("argmax", text, str(-(2**63 if double else 2**31) + 1), "int64" if double else "int32")

    def _worst(self, value: Value) -> str:
        used = self.body.inside(value)[0]
        low = value.op in ("max", "argmax")
        if words.kind_of(used.dtype) == "float":
            return LOW if low else HIGH
        if used.dtype not in ("int64", "int32"):
            raise Unsupported(f"the extreme of {used.dtype}")
        bits = 63 if used.dtype == "int64" else 31
        return str(-(2**bits) + 1 if low else 2**bits - 1)

    def _scan(self, value: Value) -> list[str]:
        name, op = self.body.names[value.name], value.op
        neutral = "1" if op == "cumprod" else "0"
        neutral += ".0" if words.kind_of(value.dtype) == "float" else ""
        x = self._kept(self._whole(value, self._source(value)), neutral)
        backwards = ", reverse=True" if value.at[1] else ""
        lines = [f"{name} = tl.{op}({x}, axis=1{backwards})"]
        if self.loops:
            edge = "0" if value.at[1] else "BLOCK - 1"
            lines += [
                f"{name} = {name} {'*' if op == 'cumprod' else '+'} {name}_carry",
                f"{name}_carry = tl.sum(tl.where(tl.arange(0, BLOCK)[None, :] == {edge}, {name}, 0), axis=1)[:, None]",
            ]
        return lines

    # --- in pieces ----------------------------------------------------------------------------------------

    def _looped(self) -> list[str]:
        from codeopt.agent.kernels.looped import looped

        return looped(self)


def kernel(body: Body, name: str, loops: bool) -> str:
    """A whole kernel's text."""
    reduces = bool(body.group.reduced)
    lines = Rows(body, loops).lines() if reduces else points(body)
    fixed = ["ROWS: tl.constexpr", "BLOCK: tl.constexpr"] if reduces else ["WIDE: tl.constexpr", "BLOCK: tl.constexpr"]
    head = f"def {name}({', '.join([*body.arguments(), *fixed])}):"
    return "\n".join(["@triton.jit", head, *indented(lines)]) + "\n"


__all__ = ["Group", "Rows", "indented", "kernel"]
