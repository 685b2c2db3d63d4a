"""The inside of a fused kernel: names, loads, pointwise lines and stores, whatever its loops are."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from dataclasses import dataclass, field

from codeopt.agent.kernels import plan, words
from codeopt.agent.kernels.dims import Shape, padded, product
from codeopt.agent.kernels.graph import Dim, Expr
from codeopt.agent.kernels.ir import Program, Use, Value
from codeopt.agent.kernels.lower import STRIDED
from codeopt.agent.kernels.plan import Axis, Group
from codeopt.agent.kernels.words import Term

RESERVED = {
    "tl", "triton", "torch", "rows", "cols", "row_ok", "col_ok", "start", "left", "first", "out", "self", "super", "ok", "block",
    "blocks", "outer", "lanes", "parts", "part_ok", "total", "a", "b", "bias", "m", "n", "k", "e", "f", "q", "v", "one", "head",
    "batch", "program", "height", "m_blocks", "n_blocks", "a_at", "b_at", "k_at", "v_at", "top", "share", "new", "safe", "fade",
    "weights", "weighed", "place", "scores", "range", "float", "min", "max", "INDEX", "m_at", "n_at", "a_held", "b_held", "a_pick",
    "b_pick", "programs", *words.HELPERS,
}  # fmt: skip
"""Names that the templates use."""


def strided(program: Program, value: Value) -> bool:
    """Whether a tensor's elements may lie apart, so that its strides have to be asked."""
    if value.kind == "view":
        return value.op in ("permute", "expand")
    if value.op == "getitem":
        return strided(program, program.uses(value)[0])
    return value.kind == "host" and value.op.count(".") > 1 and value.op.split(".")[1] in STRIDED


@dataclass
class Body:
    """Text of one kernel's lines, and what the kernel needs to be given.

    Attributes:
        axes: Of the space.
        params: What the host passes: name in the kernel -> text on the host.
        fixed: Those of them that the kernel is compiled for.
        used: Indices that the text uses ("rows", "cols", "i0").
        taken: Names that something else in the same kernel has.
    """

    program: Program
    group: Group
    axes: list[Axis] = field(default_factory=list)
    params: dict[str, str] = field(default_factory=dict)
    fixed: set[str] = field(default_factory=set)
    used: set[str] = field(default_factory=set)
    vector_rows: bool = True
    taken: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        program, group = self.program, self.group
        self.leaves = plan.leaves(program, group.names)
        self.outs = [program.values[name] for name in plan.outs(program, group.names)]
        self.rank = len(group.space)
        self.apart = [strided(program, leaf) for leaf in self.leaves]
        tensors = [leaf.shape for leaf in self.leaves] + [value.shape for value in self.outs]
        values = [program.values[name] for name in group.names]
        indices = {used.at + self.rank - len(used.shape) for value in values for used in self.inside(value) if used.kind == "iota"}
        self.axes = plan.axes(group, tensors, [*self.apart, *(False for _ in self.outs)], indices)
        doubles = any(value.dtype == "float64" for value in [*values, *self.leaves])
        self.wide = "tl.float64" if doubles else "tl.float32"
        self.names: dict[str, str] = {}
        for value in [*self.leaves, *values]:
            self.names[value.name] = self._fresh(value.name)

    def _fresh(self, name: str) -> str:
        name = re.sub(r"\W", "_", name)
        taken = set(self.names.values()) | RESERVED | set(self.program.symbols) | self.taken
        while name in taken or name.startswith(("n_", "i_", "out_", "part_")) or name[:1].isdigit():
            name = f"v_{name}" if name not in taken else f"{name}_"
        return name

    def without(self, names: Container[str]) -> None:
        """Some of what it would load comes from elsewhere in the kernel."""
        keep = [i for i, leaf in enumerate(self.leaves) if leaf.name not in names]
        self.leaves, self.apart = [self.leaves[i] for i in keep], [self.apart[i] for i in keep]

    def inside(self, value: Value) -> list[Value]:
        """What a value is made of, numbers and indices included."""
        return self.program.uses(value)

    # --- sizes --------------------------------------------------------------------------------------------

    def size(self, dims: Sequence[Dim], fixed: bool = False) -> str:
        """A product of sizes: a number, or a parameter."""
        return self.scalar(product(dims), "n", fixed)

    def scalar(self, text: Dim, prefix: str, fixed: bool = False) -> str:
        """A number from the host: as it is, or as a parameter."""
        if isinstance(text, int):
            return str(text)
        host = f"float({text})" if prefix == "f" else text
        name = next((key for key, held in self.params.items() if held == host), "")
        if not name:
            name = f"{prefix}_{re.sub(r'[^A-Za-z0-9]+', '_', text).strip('_')}"
            while name in self.params:
                name += "_"
            self.params[name] = host
        if fixed:
            self.fixed.add(name)
        return name

    @property
    def row_axes(self) -> list[int]:
        """Numbers of the axes that are not reduced."""
        return [i for i, axis in enumerate(self.axes) if not axis.reduced]

    @property
    def col_axes(self) -> list[int]:
        """Numbers of those that are."""
        return [i for i, axis in enumerate(self.axes) if axis.reduced]

    def count(self, numbers: Sequence[int], fixed: bool = False) -> str:
        """Elements along some axes."""
        return self.size([size for i in numbers for size in self.axes[i].sizes], fixed)

    # --- loads and stores ---------------------------------------------------------------------------------

    def has(self, shape: Shape) -> list[int]:
        """Numbers of the axes that a tensor has."""
        return [i for i, axis in enumerate(self.axes) if plan.present(shape, axis, self.rank)]

    def place(self, shape: Shape, name: str = "", leaf: int | None = None) -> str:
        """Where an element lies, as an offset; "" for the first."""
        have = self.has(shape)
        apart = leaf is not None and self.apart[leaf]
        terms, k = [], 0
        while k < len(have):
            run = [have[k]]
            for whole, flat in ((self.row_axes, "rows"), (self.col_axes, "cols")):
                if not apart and len(whole) > 0 and have[k : k + len(whole)] == whole and self._flat(flat, whole):
                    run, index = whole, flat
                    break
            else:
                index = f"i_{have[k]}"
            self.used.add(index)
            k += len(run)
            if apart:
                dim = self.axes[have[k - 1]].dims[-1] - (self.rank - len(shape))
                stride = f"{name}_stride_{dim}"
                self.params[stride] = f"{name}.stride({dim})"
            else:
                rest = [size for i in have[k:] for size in self.axes[i].sizes]
                stride = self.size(rest)
            terms.append(index if stride == "1" else f"{index} * {stride}")
        return " + ".join(terms)

    def _flat(self, flat: str, whole: Sequence[int]) -> bool:
        return flat == "cols" or self.vector_rows or len(whole) == 1

    def mask(self, shape: Shape, rows: str, cols: str) -> str:
        """Which elements are there; "" for all."""
        have = self.has(shape)
        vectors = self.row_axes if self.vector_rows else self.row_axes[-1:]
        found = [rows] if rows and set(have) & set(vectors) else []
        found += [cols] if cols and set(have) & set(self.col_axes) else []
        return " & ".join(found)

    def load(self, leaf: Value, rows: str, cols: str) -> str:
        """A line that loads a tensor's elements."""
        name = self.names[leaf.name]
        place = self.place(leaf.shape, name, self.leaves.index(leaf))
        mask = self.mask(leaf.shape, rows, cols)
        kind = words.kind_of(leaf.dtype)
        other = f", mask={mask}, other={'0.0' if kind == 'float' else '0'}" if mask else ""
        wide = f".to({self.wide})" if kind == "float" and f"tl.{leaf.dtype}" != self.wide else ""
        wide = f".to(tl.float32){wide}" if leaf.dtype == "bfloat16" and self.wide == "tl.float64" else wide
        wide = " != 0" if kind == "bool" else wide
        return f"{name} = tl.load({name}_ptr{' + ' + place if place else ''}{other}){wide}"

    def store(self, value: Value, rows: str, cols: str) -> str:
        """A line that stores a value of the kernel."""
        name = self.names[value.name]
        place, mask = self.place(value.shape), self.mask(value.shape, rows, cols)
        if self.group.reduced and not place:  # one row: its number is 0
            self.used.add("rows")
            place, mask = "rows", rows
        single = ".to(tl.float32)" if value.dtype == "bfloat16" and self.wide == "tl.float64" else ""
        return f"tl.store({name}_out{' + ' + place if place else ''}, {name}{single}{', mask=' + mask if mask else ''})"

    # --- operations ---------------------------------------------------------------------------------------

    def term(self, arg: object, kind: str = "") -> Term:
        """An argument of an operation."""
        if isinstance(arg, Use):
            value = self.program.values[arg.name]
            if value.kind == "iota":
                axis = next((i for i, axis in enumerate(self.axes) if axis.dims == (value.at + self.rank - len(value.shape),)), -1)
                if axis < 0:
                    return Term("0")
                alone = [axis] in (self.col_axes, self.row_axes if self.vector_rows else [])
                index = ("cols" if self.axes[axis].reduced else "rows") if alone else f"i_{axis}"
                self.used.add(index)
                return Term(index, "int")
            if value.op == "fill":
                return self.term(value.args[0], words.kind_of(value.dtype))
            return Term(self.names[arg.name], words.kind_of(value.dtype))
        if isinstance(arg, Expr):
            return Term(self.scalar(arg.text, "f" if kind == "float" else "k"))
        assert isinstance(arg, bool | int | float)
        return Term(words.number(arg, kind))

    def point(self, value: Value) -> str:
        """A line that computes a pointwise value."""
        kind = "float" if any(words.kind_of(used.dtype) == "float" for used in self.inside(value)) else words.kind_of(value.dtype)
        terms = [self.term(arg, kind if kind != "bool" else "int") for arg in value.args]
        return f"{self.names[value.name]} = {words.written(value.op, terms, value.dtype, self.wide)}"

    def indices(self, fixed: bool) -> list[str]:
        """Lines for the indices of axes that the text uses, from the flat ones.

        Args:
            fixed: Whether the kernel is compiled for the sizes that a whole vector is divided by.
        """
        lines = []
        for whole, flat in ((self.row_axes, "rows"), (self.col_axes, "cols")):
            for position, number in enumerate(whole):
                if f"i_{number}" not in self.used:
                    continue
                self.used.add(flat)
                inner, own = self.count(whole[position + 1 :], fixed), self.size(self.axes[number].sizes, fixed)
                text = flat if inner == "1" else f"{flat} // {inner}"
                lines.append(f"i_{number} = {text}" if position == 0 else f"i_{number} = {text} % {own}")
        return lines

    def arguments(self) -> list[str]:
        """The kernel's parameters: pointers, then numbers; those that it is compiled for come last."""
        pointers = [f"{self.names[leaf.name]}_ptr" for leaf in self.leaves] + [f"{self.names[out.name]}_out" for out in self.outs]
        plain = [name for name in self.params if name not in self.fixed]
        return [*pointers, *plain, *(f"{name}: tl.constexpr" for name in self.params if name in self.fixed)]

    def given(self) -> list[str]:
        """What the host passes for them."""
        tensors = [self.names[leaf.name] for leaf in self.leaves] + [f"out_{i}" for i in range(len(self.outs))]
        plain = [text for name, text in self.params.items() if name not in self.fixed]
        return [*tensors, *plain, *(f"{name}={text}" for name, text in self.params.items() if name in self.fixed)]


__all__ = ["Body", "padded", "strided"]
