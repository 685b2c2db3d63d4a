"""Which values become one kernel.

Each pointwise operation, reduction and running sum starts as a kernel of its own; two are joined where they work on the
same space (the same sizes, the same reduced dimensions) and nothing between them has to be finished first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from codeopt.agent.kernels.dims import Shape, broadcast, hint, padded
from codeopt.agent.kernels.graph import Dim, Symbol
from codeopt.agent.kernels.ir import LEAVES, Program, Value

FUSED = ("point", "reduce", "scan")
FREE = ("fill",)
MOST_POINTERS = 16
FEW_ROWS, LONG_ROW = 64, 32768  # so few and so long rows leave most of a GPU idle: each is shared by many programs


@dataclass(frozen=True)
class Group:
    """One kernel.

    Attributes:
        names: Its values, in order.
        space: What it iterates over.
        reduced: Dimensions of `space` that its reductions and running sums go along.
        wide: Few long rows, each of which is shared by many programs and put together in a second step.
    """

    names: tuple[str, ...]
    space: Shape
    reduced: frozenset[int] = frozenset()
    wide: bool = False


@dataclass(frozen=True)
class Axis:
    """Neighbouring dimensions that all tensors of a kernel have, or lack, together.

    Attributes:
        dims: Which of the space.
        sizes: Theirs.
    """

    dims: tuple[int, ...]
    sizes: Shape
    reduced: bool


@dataclass(frozen=True)
class Plan:
    """What runs, in order: groups, and single values that torch makes."""

    program: Program
    groups: tuple[Group, ...]
    steps: tuple[Group | Value, ...]


def planned(program: Program) -> Plan:
    """Join what can be joined, and order what runs."""
    return _Planner(program).run()


@dataclass(frozen=True)
class Links:
    """What is asked of a finished program again and again, by the name of a value.

    Attributes:
        index: Its place.
        readers: The values that use it, once for each use.
        free: It is known without loading anything.
    """

    index: Mapping[str, int]
    readers: Mapping[str, Sequence[str]]
    free: Mapping[str, bool]


def links(program: Program) -> Links:
    """Those of a program to which nothing is added any more."""
    if program.links is None:
        readers: dict[str, list[str]] = {name: [] for name in program.values}
        known: dict[str, bool] = {}
        for value in program.values.values():  # each after what it is made of
            uses = program.uses(value)
            for used in uses:
                readers[used.name].append(value.name)
            alone = value.kind == "iota" or value.op in FREE
            known[value.name] = alone or (value.kind == "point" and all(known[used.name] for used in uses))
        program.links = Links({name: i for i, name in enumerate(program.values)}, readers, known)
    found: Links = program.links
    return found


def readers(program: Program, value: Value) -> list[Value]:
    """The values that use a value, once for each use."""
    return [program.values[name] for name in links(program).readers[value.name]]


def outs(program: Program, group: Iterable[str]) -> list[str]:
    """Values of a group that something outside of it needs."""
    names, held = set(group), links(program)
    return [
        name
        for name in names_in_order(program, names)
        if name in program.outputs or (not held.free[name] and any(reader not in names for reader in held.readers[name]))
    ]


def leaves(program: Program, group: Iterable[str]) -> list[Value]:
    """Tensors that a group loads, in order."""
    names = set(group)
    found: dict[str, Value] = {}
    for name in names_in_order(program, names):
        for used in program.uses(program.values[name]):
            if used.name not in names and not free(program, used):
                found[used.name] = used
    return list(found.values())


def names_in_order(program: Program, names: Iterable[str]) -> list[str]:
    """As the program has them."""
    return sorted(set(names), key=links(program).index.__getitem__)


def free(program: Program, value: Value) -> bool:
    """Known without loading anything: numbers, indices and what is computed of them. Each kernel that needs it has it."""
    return links(program).free[value.name]


def with_free(program: Program, names: Iterable[str]) -> list[str]:
    """Values of a kernel, and what they need that is computed of numbers and indices; in order."""
    found: set[str] = set()
    stack = list(names)
    while stack:
        name = stack.pop()
        if name not in found:
            found.add(name)
            stack += [
                used.name
                for used in program.uses(program.values[name])
                if used.kind == "point" and used.op not in FREE and free(program, used)
            ]
    return names_in_order(program, found)


def level(program: Program, names: Sequence[str]) -> dict[str, int]:
    """How many passes over a row have to be finished before a value of the group can be computed."""
    found: dict[str, int] = {}
    for name in names:
        value = program.values[name]
        found[name] = max((found.get(used.name, 0) for used in program.uses(value)), default=0) + (value.kind == "reduce")
    return found


class _Planner:
    def __init__(self, program: Program) -> None:
        self.program = program
        self.symbols: Mapping[str, Symbol] = program.symbols
        self.of: dict[str, int] = {}
        self.groups: dict[int, Group] = {}
        self.uses = {name: [used.name for used in program.uses(value)] for name, value in program.values.items()}

    def run(self) -> Plan:
        for number, value in enumerate(self.program.values.values()):
            if value.kind in FUSED and not free(self.program, value):
                group = self._group((value.name,))
                assert group is not None, f"a kernel of {value.op} alone"
                self.of[value.name], self.groups[number] = number, group
        for one, other in [*self._edges(), *self._siblings()]:
            self._join(self.of[one], self.of[other])
        steps = self._ordered()
        assert steps is not None
        return Plan(self.program, tuple(step for step in steps if isinstance(step, Group)), tuple(steps))

    # --- joining ------------------------------------------------------------------------------------------

    def _edges(self) -> Iterator[tuple[str, str]]:
        for value in list(self.program.values.values()):
            if value.name in self.of:
                for used in self.program.uses(value):
                    if used.name in self.of:
                        yield used.name, value.name

    def _siblings(self) -> Iterator[tuple[str, str]]:
        """Values that load the same tensor."""
        readers: dict[str, list[str]] = {}
        for name in self.of:
            for used in self.program.uses(self.program.values[name]):
                if used.name not in self.of and not free(self.program, used):
                    readers.setdefault(used.name, []).append(name)
        for names in readers.values():
            yield from ((names[0], name) for name in names[1:])

    def _join(self, one: int, other: int) -> None:
        if one == other:
            return
        group = self._group((*self.groups[one].names, *self.groups[other].names))
        if group is None:
            return
        before = (dict(self.of), dict(self.groups))
        self.groups[one] = group
        del self.groups[other]
        self.of.update(dict.fromkeys((name for name in group.names if name in self.of), one))
        if self._ordered() is None:  # something in between would have to come both before and after it
            self.of, self.groups = before

    def _group(self, names: Iterable[str]) -> Group | None:
        """The kernel of some values; None where they do not fit into one."""
        program = self.program
        names = with_free(program, names)
        values = [program.values[name] for name in names]
        space: Shape | None = ()
        for value in values:
            for shape in (value.shape, *(used.shape for used in program.uses(value) if value.kind != "point")):
                space = None if space is None else broadcast(space, shape)
        if space is None or len(leaves(program, names)) + len(outs(program, names)) > MOST_POINTERS:
            return None
        reduced: frozenset[int] | None = None
        for value in values:
            if value.kind in ("reduce", "scan"):
                held = program.uses(value)[0]
                back = len(space) - len(held.shape)
                dims = frozenset(i + back for i in (value.at if value.kind == "reduce" else value.at[:1]))
                if padded(held.shape, len(space)) != space or reduced not in (None, dims):
                    return None
                reduced = dims
        reduced = frozenset(i for i in reduced or () if space[i] != 1)
        if len({value.at[1] for value in values if value.kind == "scan"}) > 1:
            return None
        row = tuple(1 if i in reduced else size for i, size in enumerate(space))
        for name in outs(program, names):
            if padded(program.values[name].shape, len(space)) not in (space, row):
                return None
        if any(value.kind == "scan" for value in values) and len(reduced) != 1:
            return None
        group = Group(tuple(names), space, reduced)
        return self._shared(group)

    def _shared(self, group: Group) -> Group | None:
        """The group as `wide` where it is; None where a wide one would need a second pass over its rows."""
        rows = hint([size for i, size in enumerate(group.space) if i not in group.reduced], self.symbols)
        columns = hint([group.space[i] for i in group.reduced], self.symbols)
        values = [self.program.values[name] for name in group.names]
        if not group.reduced or rows > FEW_ROWS or columns < LONG_ROW or any(value.kind == "scan" for value in values):
            return group
        levels = level(self.program, group.names)
        for value in values:
            whole = any(value.shape[i] != 1 for i in self._own(group, value))
            if levels[value.name] > 1 or (whole and levels[value.name]):
                return None
        if any(self.program.values[name].kind != "reduce" and levels[name] == 0 for name in outs(self.program, group.names)):
            return None
        return replace(group, wide=True)

    def _own(self, group: Group, value: Value) -> list[int]:
        back = len(group.space) - len(value.shape)
        return [i - back for i in group.reduced if i >= back]

    # --- order --------------------------------------------------------------------------------------------

    def _ordered(self) -> list[Group | Value] | None:
        """Groups and host operations, each after what it needs; None where there is no such order."""
        steps: list[Group | Value] = []
        state: dict[int | str, int] = {}

        def needed(key: int | str) -> list[int | str]:
            names = self.groups[key].names if isinstance(key, int) else (key,)
            used = (self.of.get(held, held) for name in names for held in self.uses[name])
            return [other for other in dict.fromkeys(used) if other != key]

        def visit(first: int | str) -> bool:
            if state.get(first):
                return state[first] == 2
            state[first] = 1
            stack = [(first, iter(needed(first)))]
            while stack:
                key, rest = stack[-1]
                other = next(rest, None)
                if other is None:
                    stack.pop()
                    state[key] = 2
                    steps.append(self.groups[key] if isinstance(key, int) else self.program.values[key])
                elif not state.get(other):
                    state[other] = 1
                    stack.append((other, iter(needed(other))))
                elif state[other] == 1:
                    return False
            return True

        for name, value in self.program.values.items():
            if (value.kind in LEAVES or name in self.program.outputs or name in self.of) and not visit(self.of.get(name, name)):
                return None
        return [step for step in steps if isinstance(step, Group) or not free(self.program, step) or step.name in self.program.outputs]


def axes(group: Group, tensors: Sequence[Shape], apart: Sequence[bool], alone: Iterable[int] = ()) -> list[Axis]:
    """The space with as few axes as the tensors allow; dimensions of size 1 are left out.

    Args:
        tensors: Shapes that are loaded or stored.
        apart: Which of them may have elements that lie apart: their dimensions are not put together.
        alone: Dimensions that stay alone.
    """
    rank = len(group.space)
    shapes = [padded(shape, rank) for shape in tensors]
    found: list[Axis] = []
    for dim, size in enumerate(group.space):
        if size == 1:
            continue
        reduced = dim in group.reduced
        if found and found[-1].reduced == reduced and not {dim, *found[-1].dims} & set(alone):
            last = found[-1]
            joint = all(
                (shape[dim] == 1) == (shape[last.dims[-1]] == 1) and not (far and shape[dim] != 1)
                for shape, far in zip(shapes, apart, strict=True)
            )
            if joint:
                found[-1] = Axis((*last.dims, dim), (*last.sizes, size), reduced)
                continue
        found.append(Axis((dim,), (size,), reduced))
    return found


def present(shape: Shape, axis: Axis, rank: int) -> bool:
    """Whether a tensor has that axis, rather than one value for all of it."""
    return padded(shape, rank)[axis.dims[0]] != 1


__all__ = ["Axis", "Dim", "Group", "Plan", "axes", "free", "leaves", "level", "outs", "planned", "present"]
