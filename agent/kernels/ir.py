"""What a module computes, in few kinds of values. Cleaned while it is built: equal values are one value, views are
composed and moved to where they cost nothing (towards what is loaded, or behind the last operation of a kernel)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from codeopt.agent.kernels.dims import Shape, broadcast, padded, reshaped, same
from codeopt.agent.kernels.graph import Dim, Expr, Symbol, Unsupported

FLOATS = ("float64", "float32", "bfloat16", "float16")
VIEWS = ("reshape", "permute", "expand", "flip")
LEAVES = ("input", "weight", "host")


@dataclass(frozen=True)
class Value:
    """One tensor.

    Attributes:
        name: Unique; what it is called in the code.
        kind: input, weight, host (an operation that torch does), view (of another value, no work), iota (its own index
            along dimension `at`), point, reduce (sizes stay, as 1), scan.
        op: Which operation; of a weight its path; of a view one of VIEWS.
        args: Names of values, numbers and Expr.
        at: Dimensions that are reduced, or what a view does; of a host operation its keyword arguments.
        pure: Only loads and pointwise operations: cheap to compute again.
    """

    name: str
    kind: str
    op: str
    args: tuple[Any, ...]
    shape: Shape
    dtype: str
    at: Any = ()
    pure: bool = True


@dataclass(frozen=True)
class Use:
    """A value as an argument."""

    name: str


@dataclass
class Program:
    """Values in order. All are made through the methods, which may answer with an older one, or a simpler one.

    Attributes:
        links: Of a finished program, made when it is first asked for (see `plan.links`).
    """

    symbols: Mapping[str, Symbol]
    values: dict[str, Value] = field(default_factory=dict)
    outputs: list[str] = field(default_factory=list)
    links: Any = None
    _known: dict[Any, str] = field(default_factory=dict)

    def add(self, hint: str, kind: str, op: str, args: Sequence[Any], shape: Shape, dtype: str, at: Any = (), pure: bool = True) -> Value:
        """A value as it is; an older one where it is the same. Host operations are always made anew."""
        key = (kind, op or hint, tuple((type(arg).__name__, str(arg)) for arg in args), shape, dtype, repr(at))
        if kind != "host" and key in self._known:
            return self.values[self._known[key]]
        name, number = hint, 1
        while name in self.values:
            name, number = f"{hint}_{number}", number + 1
        self.values[name] = Value(name, kind, op, tuple(args), shape, dtype, at, pure)
        self._known[key] = name
        return self.values[name]

    def __getitem__(self, use: Use) -> Value:
        return self.values[use.name]

    def uses(self, value: Value) -> list[Value]:
        """The values that a value is made of."""
        return [self.values[arg.name] for arg in flat(value.args) if isinstance(arg, Use)]

    # --- operations ---------------------------------------------------------------------------------------

    def point(self, op: str, *args: Any, dtype: str = "") -> Value:
        """A pointwise operation on values and numbers, broadcast as in torch."""
        shape = _joint(op, args)
        # What was expanded to fit does not have to be: operations broadcast by themselves.
        small = [self.uses(arg)[0] if isinstance(arg, Value) and (arg.kind, arg.op) == ("view", "expand") else arg for arg in args]
        args = tuple(small) if _joint(op, small) == shape else args
        given = [arg for arg in args if isinstance(arg, Value)]
        dtype = dtype or promoted([arg.dtype for arg in given])
        if op in ("mul", "div") and len(args) == 2 and _is(args[1], 1) and isinstance(args[0], Value) and args[0].dtype == dtype:
            return args[0]
        if op in ("add", "sub") and len(args) == 2 and _is(args[1], 0) and isinstance(args[0], Value) and args[0].dtype == dtype:
            return args[0]
        if op == "neg" and given and (given[0].kind, given[0].op) == ("point", "neg"):
            return self.uses(given[0])[0]
        if op == "cast" and given[0].dtype == dtype:
            return given[0]
        folded = self._folded(op, args, shape, dtype)
        if folded is not None:
            return folded
        behind = self._behind(op, args, given, shape, dtype)
        if behind is not None:
            return behind
        return self._made(op, args, shape, dtype)

    def _folded(self, op: str, args: Sequence[Any], shape: Shape, dtype: str) -> Value | None:
        """Detours of a mask: one that was made of ones and zeros and is asked for its zeros is the question itself."""
        first = args[0]
        if not isinstance(first, Value):
            return None
        asked = (op in ("eq", "ne") and _is(args[1], 0)) or (op == "cast" and dtype == "bool")
        if asked and first.kind == "point" and first.op in ("where", "cast"):
            held = self.uses(first)[0]
            ones = first.op == "cast" or (self._number(first.args[1]) not in (None, 0) and self._number(first.args[2]) == 0)
            if ones and held.dtype == "bool" and held.shape == shape:
                return self.point("logical_not", held, dtype="bool") if op == "eq" else held
        if op == "where" and dtype == first.dtype == "bool" and first.shape == shape:
            yes, no = self._number(args[1]), self._number(args[2])
            if yes is not None and no is not None and bool(yes) != bool(no):
                return first if yes else self.point("logical_not", first, dtype="bool")
        if op == "where" and first.op == "logical_not" and self.uses(first)[0].dtype == "bool":
            return self.point("where", self.uses(first)[0], args[2], args[1], dtype=dtype)
        if op in ("logical_not", "bitwise_not") and first.op == "logical_not" and self.uses(first)[0].dtype == "bool":
            return self.uses(first)[0]
        return None

    def _number(self, arg: Any) -> Any:
        """The number that an argument is; None where it is none."""
        held = self[arg] if isinstance(arg, Use) else arg
        if isinstance(held, Value):
            return held.args[0] if held.op == "fill" else None
        return arg if isinstance(arg, int | float) else None

    def _made(self, op: str, args: Sequence[Any], shape: Shape, dtype: str) -> Value:
        pure = all(arg.pure for arg in args if isinstance(arg, Value))
        return self.add(op, "point", op, [Use(arg.name) if isinstance(arg, Value) else arg for arg in args], shape, dtype, pure=pure)

    def _behind(self, op: str, args: Sequence[Any], given: Sequence[Value], shape: Shape, dtype: str) -> Value | None:
        """The operation in front of a view of one of its arguments, so that it joins that argument's kernel."""
        for lead in given:
            if lead.kind != "view" or lead.pure or lead.shape != shape:
                continue
            inner = self.uses(lead)[0]
            moved: list[Any] = []
            for arg in args:
                if isinstance(arg, Value):
                    back = self._back(arg, lead, inner)
                    if back is None:
                        break
                    arg = back
                moved.append(arg)
            else:
                shape = _joint(op, moved)
                return self._viewed(self._made(op, moved, shape, dtype), lead) if shape == inner.shape else None
        return None

    def _back(self, arg: Value, lead: Value, inner: Value) -> Value | None:
        """An argument as it has to be in front of the view; None where that is no view of it."""
        if lead.op == "reshape":
            shape = reshaped(arg.shape, lead.shape, inner.shape, self.symbols)
            return None if shape is None else self.reshape(arg, shape)
        if lead.op == "permute":
            order = [lead.at.index(i) for i in range(len(lead.at))]
            return self.permute(self.reshape(arg, padded(arg.shape, len(order))), order)
        if lead.op == "flip":
            own = padded(arg.shape, len(lead.shape))
            return self.flip(self.reshape(arg, own), [i for i in lead.at if own[i] != 1])
        return None

    def _viewed(self, value: Value, lead: Value) -> Value:
        if lead.op == "reshape":
            return self.reshape(value, lead.shape)
        return self.permute(value, lead.at) if lead.op == "permute" else self.flip(value, lead.at)

    def reduce(self, op: str, value: Value, dims: Sequence[int], dtype: str = "") -> Value:
        """A reduction; the dimensions stay, with size 1."""
        rank = len(value.shape)
        at = tuple(sorted({dim % rank for dim in dims})) if rank else ()
        if all(value.shape[i] == 1 for i in at):
            return self._of_one(op, value, dtype or value.dtype)
        shape = tuple(1 if i in at else dim for i, dim in enumerate(value.shape))
        return self.add(op, "reduce", op, [Use(value.name)], shape, dtype or value.dtype, at, pure=False)

    def _of_one(self, op: str, value: Value, dtype: str) -> Value:
        """A reduction along sizes of 1."""
        if op.startswith("arg"):
            return self.fill(0, value.shape, dtype)
        if op == "m2":
            return self.point("sub", value, value, dtype=dtype)
        if op == "expsum":
            low = self.point("eq", value, -math.inf, dtype="bool")
            return self.point("where", low, 0.0, self.point("exp", self.point("sub", value, value)), dtype=dtype)
        return self.point("cast", value, dtype=dtype)

    def scan(self, op: str, value: Value, dim: int, dtype: str) -> Value:
        """A running sum or product along a dimension."""
        if not value.shape or value.shape[dim] == 1:
            return self.point("cast", value, dtype=dtype)
        return self.add(op, "scan", op, [Use(value.name)], value.shape, dtype, (dim % len(value.shape), False), pure=False)

    def iota(self, shape: Shape, dim: int) -> Value:
        """Each element's index along a dimension."""
        kept = tuple(size if i == dim else 1 for i, size in enumerate(shape))
        return self.add("index", "iota", "", [], kept, "int64", dim)

    def fill(self, number: Any, shape: Shape, dtype: str) -> Value:
        """The same number everywhere."""
        return self.add("fill", "point", "fill", [number], shape, dtype)

    # --- views --------------------------------------------------------------------------------------------

    def reshape(self, value: Value, shape: Shape) -> Value:
        """The same elements in order, in another shape."""
        if shape == value.shape:
            return value
        if value.op == "fill":
            return self.fill(value.args[0], shape, value.dtype)
        if value.kind == "iota" and [size for size in shape if size != 1] == [value.shape[value.at]]:
            return self.iota(shape, shape.index(value.shape[value.at]))
        if value.kind == "view" and value.op == "reshape":
            return self.reshape(self.uses(value)[0], shape)
        if value.kind == "point" and value.pure:
            moved: list[Any] = []
            for arg in value.args:
                if isinstance(arg, Use):
                    held = self[arg]
                    target = reshaped(held.shape, value.shape, shape, self.symbols)
                    if target is None:
                        break
                    arg = self.reshape(held, target)
                moved.append(arg)
            else:
                return self.point(value.op, *moved, dtype=value.dtype)
        return self.add("view", "view", "reshape", [Use(value.name)], shape, value.dtype, pure=value.pure)

    def permute(self, value: Value, order: Sequence[int]) -> Value:
        """The dimensions in another order."""
        order = tuple(dim % len(value.shape) for dim in order)
        if order == tuple(range(len(order))):
            return value
        shape = tuple(value.shape[i] for i in order)
        if value.op == "fill":
            return self.fill(value.args[0], shape, value.dtype)
        moving = [i for i in order if value.shape[i] != 1]
        if moving == sorted(moving):
            return self.reshape(value, shape)
        if value.kind == "view" and value.op == "permute":
            return self.permute(self.uses(value)[0], [value.at[i] for i in order])
        if value.kind == "point" and value.pure:
            rank = len(order)
            moved = [
                self.permute(self.reshape(self[arg], padded(self[arg].shape, rank)), order) if isinstance(arg, Use) else arg
                for arg in value.args
            ]
            return self.point(value.op, *moved, dtype=value.dtype)
        return self.add("permute", "view", "permute", [Use(value.name)], shape, value.dtype, order, value.pure)

    def expand(self, value: Value, shape: Shape) -> Value:
        """Broadcast to a shape."""
        if value.op == "fill":
            return self.fill(value.args[0], shape, value.dtype)
        if padded(value.shape, len(shape)) == shape:
            return self.reshape(value, shape)
        return self.add("expand", "view", "expand", [Use(value.name)], shape, value.dtype, pure=value.pure)

    def flip(self, value: Value, dims: Sequence[int]) -> Value:
        """Backwards along dimensions; of a running sum one that runs backwards."""
        at = tuple(sorted(dim % len(value.shape) for dim in dims))
        if not at or value.op == "fill":
            return value
        if value.kind == "iota":
            last = value.shape[value.at]
            end = last - 1 if isinstance(last, int) else Expr(f"{last} - 1")
            return self.point("add", self.point("neg", value), end) if value.at in at else value
        if value.kind == "view" and value.op == "flip":
            held = self.uses(value)[0]
            return self.flip(held, sorted(set(at) ^ set(value.at)))
        if value.kind == "scan":
            held, (dim, backwards) = self.uses(value)[0], value.at
            moved = self.flip(held, at)
            turned = (dim, backwards != (dim in at))
            return self.add(value.op, "scan", value.op, [Use(moved.name)], value.shape, value.dtype, turned, pure=False)
        if value.kind == "point":
            own = [
                self.flip(self[arg], [i - len(value.shape) for i in at if _present(self[arg].shape, i - len(value.shape))])
                if isinstance(arg, Use)
                else arg
                for arg in value.args
            ]
            return self.point(value.op, *own, dtype=value.dtype)
        return self.add("flip", "view", "flip", [Use(value.name)], value.shape, value.dtype, at, value.pure)

    # --- the end ------------------------------------------------------------------------------------------

    def pruned(self) -> Program:
        """Without values that nothing needs. Host operations that change a tensor stay."""
        needed: set[str] = set()
        stack = list(self.outputs) + [value.name for value in self.values.values() if value.kind == "host" and changes(value)]
        while stack:
            name = stack.pop()
            if name not in needed:
                needed.add(name)
                stack += [used.name for used in self.uses(self.values[name])]
        kept = {name: value for name, value in self.values.items() if name in needed}
        return replace(self, values=kept, links=None, _known={})


def changes(value: Value) -> bool:
    """Whether a host operation has an effect beside its answer: "add_", or a normalisation that keeps statistics."""
    name = value.op.split(".")[1] if value.op.count(".") > 1 else ""
    return name.endswith("_") or "batch_norm" in name or "instance_norm" in name


def flat(args: Any) -> list[Any]:
    """Arguments without their lists."""
    return [item for arg in args for item in flat(arg)] if isinstance(args, list | tuple) else [args]


def promoted(dtypes: Sequence[str]) -> str:
    """The type of an operation on values of these types, where torch's answer was not asked."""
    for name in (*FLOATS, "int64", "int32"):
        if name in dtypes:
            return name
    return dtypes[0] if dtypes else "float32"


def _joint(op: str, args: Sequence[Any]) -> Shape:
    """The shape of an operation on these."""
    shape: Shape = ()
    for arg in args:
        if isinstance(arg, Value):
            found = broadcast(shape, arg.shape)
            if found is None:
                raise Unsupported(f"{op} on sizes that need not fit")
            shape = found
    return shape


def _is(arg: Any, number: int) -> bool:
    return isinstance(arg, int | float) and not isinstance(arg, bool) and arg == number


def _present(shape: Sequence[Dim], behind: int) -> bool:
    return -behind <= len(shape) and shape[behind] != 1


__all__ = ["Expr", "Program", "Use", "Value", "changes", "flat", "promoted", "same"]
