"""Operands that are computed where they are needed, tile by tile, rather than written out and read again.

An operand of a product may be what a chain of pointwise kernels answers with: casts, weights in few bits that are unpacked and
scaled, a gate. Between two of them there may be a reshape that leaves the operand's rows as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from codeopt.agent.kernels import plan
from codeopt.agent.kernels.body import Body
from codeopt.agent.kernels.dims import Shape, padded, same
from codeopt.agent.kernels.fused import indented
from codeopt.agent.kernels.ir import Program, Value
from codeopt.agent.kernels.plan import Group, Plan


@dataclass(frozen=True)
class Computed:
    """One kernel of a chain.

    Attributes:
        value: What it answers with, and nobody else reads.
        split: So many of its dimensions are the operand's rows; the others its columns.
        inner: For what it loads, by name: the kernel before it.
    """

    value: Value
    group: Group
    split: int
    inner: Mapping[str, Computed]

    def groups(self) -> list[Group]:
        """All kernels of the chain."""
        return [self.group, *(group for one in self.inner.values() for group in one.groups())]


def computed(made: Plan, value: Value, rows: Shape) -> Computed | None:
    """The chain that makes a value, whose first dimensions are `rows`; None where it has to be written out."""
    program = made.program
    held, readers = value, len(plan.readers(program, value))
    while held.kind == "view" and held.op == "reshape":
        held = program.uses(held)[0]
        readers = max(readers, len(plan.readers(program, held)))
    group = next((group for group in made.groups if held.name in group.names), None)
    if group is None or group.reduced or readers != 1 or held.name in program.outputs:
        return None
    split = next((i for i in range(len(held.shape) + 1) if same(held.shape[:i], rows)), None)
    if split is None or plan.outs(program, group.names) != [held.name] or padded(held.shape, len(group.space)) != group.space:
        return None
    inner = {}
    for leaf in plan.leaves(program, group.names):
        one = computed(made, leaf, rows) if leaf.shape == group.space else None
        if one is not None:
            inner[leaf.name] = one
    return Computed(held, group, split, inner)


@dataclass
class Tile:
    """The text of one operand.

    Attributes:
        lines: They compute it from `rows` and `cols`. name: Its name then.
        bodies: Of its kernels.
    """

    lines: list[str]
    name: str
    bodies: list[Body]


def tile(program: Program, one: Computed, taken: frozenset[str], rows: str, cols: str) -> Tile:
    """The text of a chain.

    Args:
        taken: Names that the kernel has already.
        rows, cols: Masks; "" for none.
    """
    rank = len(one.value.shape)
    body = Body(program, Group(one.group.names, one.value.shape, frozenset(range(one.split, rank))), taken=taken)
    names = {leaf.name: body.names[leaf.name] for leaf in body.leaves}
    made = Tile([], body.names[one.value.name], [])
    taken |= set(body.names.values())
    for name, before in one.inner.items():
        found = tile(program, before, taken, rows, cols)
        made.lines += [*found.lines, f"{names[name]} = {found.name}"]
        made.bodies += found.bodies
        taken |= {text for other in found.bodies for text in other.names.values()}
    body.without(one.inner)
    body.outs = []
    lines = [body.load(leaf, rows, cols) for leaf in body.leaves]
    lines += [body.point(program.values[item]) for item in one.group.names]
    made.lines += [*body.indices(fixed=True), *lines]
    made.bodies.append(body)
    return made


Side = tuple[list[str], list[str], list[str], list[Body]]
"""Of one operand: lines before a loop, in it and at its end, and the kernels in it."""


def beside(body: Body, sides: Iterable[str], side: Callable[[str, frozenset[str]], Side]) -> tuple[list[Body], str, str, str]:
    """Operands of one kernel, each with names that no other has: all bodies, `body` first, and the text of their lines.

    Args:
        side: Makes an operand, given the names that are taken.
    """
    bodies = [body]
    parts: tuple[list[str], list[str], list[str]] = [], [], []
    for name in sides:
        *lines, more = side(name, frozenset(text for other in bodies for text in other.names.values()))
        for part, own in zip(parts, lines, strict=True):
            part += own  # type: ignore[arg-type]
        bodies += more
    before, within, behind = ("\n".join(indented(part, times)) for part, times in zip(parts, (1, 2, 2), strict=True))
    return bodies, before, within, behind


class Joined:
    """Parameters of several bodies in one kernel.

    Attributes:
        plain, fixed: As the kernel has them. given, named: As the host passes them.
    """

    def __init__(self, bodies: Sequence[Body]) -> None:
        every = {name: text for body in bodies for name, text in body.params.items()}
        fixed = {name for body in bodies for name in body.fixed}
        pointers = [f"{body.names[leaf.name]}_ptr" for body in bodies for leaf in body.leaves]
        pointers += [f"{body.names[out.name]}_out" for body in bodies for out in body.outs]
        self.plain = [*pointers, *(name for name in every if name not in fixed)]
        self.fixed = [f"{name}: tl.constexpr" for name in every if name in fixed]
        tensors = [body.names[leaf.name] for body in bodies for leaf in body.leaves]
        tensors += [f"out_{i}" for i in range(sum(len(body.outs) for body in bodies))]
        self.given = [*tensors, *(text for name, text in every.items() if name not in fixed)]
        self.named = [f"{name}={text}" for name, text in every.items() if name in fixed]


def widest(names: Sequence[str]) -> str:
    """Whether an index into one of these tensors needs 64 bits, as the host's text."""
    return f"max({', '.join([*(f'{name}.numel()' for name in names), '0', '0'])}) >= 2**31"
