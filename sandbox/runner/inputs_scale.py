"""Grow a call that is known to be valid: containers get more of the same, what holds between arguments stays.

A list is extended by resampling its elements with small changes and stays sorted, distinct or a permutation if it
was; strings keep their lines, words or alphabet; arrays and frames resample rows; an integer that equals the length
of another argument, or bounds the integers in it, grows with it.
"""

from __future__ import annotations

import copy
import dataclasses
import math
import random
from collections.abc import Callable, Iterator
from typing import Any, Optional

from .inputs_mutate import _is_sorted, like_text, mutate

Call = dict[str, Any]
DEEP = 6
POOL = 4000
Range = Optional[tuple[int, int]]


def arguments(call: Call) -> Iterator[tuple[Any, Any]]:
    """(place, value) of every argument."""
    for index, value in enumerate(call["args"]):
        yield ("args", index), value
    for name, value in call["kwargs"].items():
        yield ("kwargs", name), value


def length(value: Any) -> int:
    """Elements of a container or string; 0 for anything else."""
    try:
        return len(value) if hasattr(value, "__len__") else 0
    except TypeError:
        return 0


def weight(call: Call) -> int:
    """The size of a call: its longest argument."""
    return max([length(value) for _, value in arguments(call)] + [1])


class Scaler:
    """Scales one decoded call to `size` elements in its longest argument.

    Args:
        role: What a free integer does: "keep" or "size" (grows in proportion).
        repeat: Strings and lists are repeated whole instead of resampled (for grammars: brackets, formats).
    """

    def __init__(self, call: Call, size: int, rng: random.Random, role: str, repeat: bool) -> None:
        self.call, self.rng, self.role, self.repeat = call, rng, role, repeat
        self.factor = size / weight(call) if any(length(v) for _, v in arguments(call)) else float(size)
        self.tied: set[Any] = set()
        self.ranges: dict[Any, tuple[int, int]] = {}
        self.find_ties()

    def find_ties(self) -> None:
        """Integers that equal the length of an argument, or lie just above the integers inside one (node numbers).

        The first grow with the length; inside the second the integers grow up to the new bound.
        """
        values = list(arguments(self.call))
        for place, value in values:
            if type(value) is not int or value < 2:
                continue
            for other, container in values:
                if length(container) < 2:
                    continue
                if length(container) == value:
                    self.tied.add(place)
                low, top = int_range(container)
                if top is not None and low is not None and low >= 0 and 0 <= value - top <= 1:
                    self.tied.add(place)
                    bound = max(1, round(value * self.factor))
                    self.ranges[other] = (min(low, 1), max(min(low, 1), bound - (value - top)))

    def scaled(self) -> Call:
        """A new call. Values are fresh; the original is left alone."""
        made: Call = {"args": list(self.call["args"]), "kwargs": dict(self.call["kwargs"])}
        for (which, key), value in arguments(self.call):
            if type(value) is int:
                made[which][key] = self.integer(value, (which, key))
            else:
                made[which][key] = self.grow(value, self.factor, 0, self.ranges.get((which, key)))
        return made

    def integer(self, value: int, place: Any) -> int:
        if place in self.tied or self.role == "size":
            return max(1, round(value * self.factor)) if self.factor < 1e15 else int(value * self.factor)
        return value

    def grow(self, value: Any, factor: float, depth: int, widen: Range = None) -> Any:
        if depth > DEEP:
            return copy.deepcopy(value)
        target = max(1, round(length(value) * factor)) if length(value) else 0
        if type(value) is str:
            return self.text(value, target)
        if type(value) is bytes:
            return bytes(self.rng.choices(value, k=target)) if value and not self.repeat else value * round(factor)
        if type(value) in (list, tuple):
            return self.sequence(value, target, factor, depth, widen)
        if type(value) in (set, frozenset):
            return type(value)(self.distinct(list(value), target))
        if type(value) is dict:
            return self.mapping(value, target, depth)
        return self.other(value, factor, target, depth)

    def text(self, text: str, target: int) -> str:
        if not text:
            return text
        if self.repeat:
            return text * max(1, round(target / len(text)))
        for separator in ("\n", " ", ","):
            parts = text.split(separator)
            if len(parts) >= 3:
                mean = max(1.0, len(text) / len(parts))
                count = max(1, round(target / mean))
                pool = [like_text(self.rng.choice(parts), self.rng, 0.15) for _ in range(min(count, POOL))]
                return separator.join(self.rng.choices(pool, k=count))
        return "".join(self.rng.choices(text, k=target))

    def sequence(self, value: Any, target: int, factor: float, depth: int, widen: Range) -> Any:
        items = list(value)
        if not items:
            return copy.copy(value)
        if type(value) is tuple and (depth > 0 or len({type(item) for item in items}) > 1):
            return tuple(self.inner(item, depth, widen, factor) for item in items)
        rows = [item for item in items if type(item) in (list, tuple)]
        if len(rows) == len(items) and len({len(row) for row in rows}) == 1 and len(rows[0]) > 2 and depth == 0:
            # A matrix or table of numbers: both edges grow where it is square, rows only where it is not.
            return type(value)(self.table(rows, factor))
        if self.repeat:
            return type(value)(copy.deepcopy(items * max(1, round(target / len(items)))))
        if all(type(item) is int for item in items) and len(items) >= 3:
            return type(value)(self.integers(items, target, widen))
        made = [self.element(self.rng.choice(items), widen, factor) for _ in range(min(target, POOL))]
        if target > POOL:
            # Elements repeat from here on; encoding makes separate copies of them.
            made = self.rng.choices(made, k=target)
        if len(items) > 2 and _is_sorted(items):
            made = ordered(made)
        return type(value)(made)

    def table(self, rows: list[Any], factor: float) -> list[Any]:
        square = len(rows) == len(rows[0])
        edge = math.sqrt(max(factor, 0.0)) if square else factor
        height = max(1, round(len(rows) * edge))
        width = height if square else len(rows[0])
        made = []
        for _ in range(height):
            source = self.rng.choice(rows)
            cells = [self.rng.choice(source) for _ in range(width)] if square else list(source)
            made.append(type(source)(mutate(cell, self.rng) if self.rng.random() < 0.2 else cell for cell in cells))
        return made

    def integers(self, items: list[int], target: int, widen: Range) -> list[int]:
        low, high = min(items), max(items)
        unique = len(set(items)) == len(items)
        if unique and high - low == len(items) - 1 and low in (0, 1):
            made = list(range(low, low + target))
            if not _is_sorted(items):
                self.rng.shuffle(made)
            return made
        stretch = target / len(items)
        if unique:
            span = max(int((high - low + 1) * stretch), target)
            made = self.rng.sample(range(low, low + span), target)
        else:
            low, high = widen or (low, high)
            made = [self.rng.randint(low, high) for _ in range(target)]
        return sorted(made) if _is_sorted(items) else made

    def element(self, item: Any, widen: Range, factor: float) -> Any:
        """One more element like this one."""
        if type(item) is int and widen:
            return self.rng.randint(*widen)
        if type(item) in (tuple, list) and widen:
            return type(item)(self.element(part, widen, factor) for part in item)
        if type(item) is str:
            return like_text(item, self.rng, 0.3)
        return mutate(item, self.rng) if self.rng.random() < 0.5 else copy.deepcopy(item)

    def inner(self, item: Any, depth: int, widen: Range, factor: float) -> Any:
        return self.grow(item, factor, depth + 1, widen) if length(item) and type(item) is not str else item

    def distinct(self, items: list[Any], target: int) -> list[Any]:
        made = dict.fromkeys(items)
        for attempt in range(20 * target):
            if len(made) >= target:
                break
            source = self.rng.choice(items)
            made[vary(source, self.rng, attempt, target)] = None
        return list(made)[: max(target, 1)]

    def mapping(self, value: dict[Any, Any], target: int, depth: int) -> Any:
        keys = list(value)
        if not keys:
            return {}
        graph = all(type(key) is int for key in keys) and all(
            type(item) in (list, set, tuple) and all(type(one) is int for one in item) for item in value.values()
        )
        if graph:
            shift = range(max(1, round(target / len(keys))))
            size = max(keys) + 1
            return {
                key + copy_of * size: type(value[key])((one + copy_of * size) for one in value[key])
                for copy_of in shift
                for key in keys
            }
        if depth or (all(isinstance(key, str) for key in keys) and len({type(v) for v in value.values()}) > 1):
            return {key: self.inner(item, depth, None, self.factor) for key, item in value.items()}
        return {key: self.element(value[self.rng.choice(keys)], None, 1.0) for key in self.distinct(keys, target)}

    def other(self, value: Any, factor: float, target: int, depth: int) -> Any:
        module = type(value).__module__.split(".")[0]
        if module == "numpy" and getattr(value, "ndim", 0) > 0:
            return grow_array(value, factor, self.rng)
        if module == "pandas" and hasattr(value, "sample"):
            seed = self.rng.getrandbits(31)
            grown = value.sample(target, replace=True, random_state=seed) if len(value) else value
            return grown.reset_index(drop=True) if value.index.is_unique else grown
        if dataclasses.is_dataclass(value) or (hasattr(value, "__dict__") and module != "builtins"):
            grown = copy.deepcopy(value)
            for name, part in list(getattr(grown, "__dict__", {}).items()):
                if type(part) in (list, str, dict, set) and length(part):
                    object.__setattr__(grown, name, self.grow(part, factor, depth + 1))
            return grown
        return copy.deepcopy(value)


def vary(source: Any, rng: random.Random, attempt: int, target: int) -> Any:
    """Another hashable value like `source`, from a space large enough for `target` of them."""
    if type(source) is int:
        return source + rng.randint(1, 4 * target)
    if type(source) is str:
        fresh = like_text(source, rng, 0.8)
        return fresh if attempt < 2 * target else "%s%d" % (fresh, attempt)
    if type(source) is tuple:
        return tuple(vary(part, rng, attempt, target) for part in source)
    return mutate(source, rng)


def int_range(value: Any, depth: int = 0) -> tuple[int | None, int | None]:
    """Smallest and largest integer inside a container, None where it holds other things."""
    if type(value) is int:
        return (value, value) if depth else (None, None)
    if type(value) is dict:
        value = list(value)
    if type(value) in (list, tuple, set, frozenset) and depth < 3:
        pairs = [int_range(item, depth + 1) for item in list(value)[:1000]]
        lows = [low for low, _ in pairs if low is not None]
        tops = [top for _, top in pairs if top is not None]
        return (min(lows), max(tops)) if lows and tops else (None, None)
    return None, None


def ordered(items: list[Any]) -> list[Any]:
    try:
        return sorted(items)
    except TypeError:
        return items


def grow_array(value: Any, factor: float, rng: random.Random) -> Any:
    """Rows resampled; square matrices stay square; floats get a little noise."""
    import numpy

    source = numpy.random.default_rng(rng.getrandbits(32))
    square = value.ndim >= 2 and len(set(value.shape)) == 1
    axes = range(value.ndim) if square else (0,)
    stretch = factor ** (1.0 / len(axes)) if square else factor
    grown = value
    for axis in axes:
        count = max(1, round(value.shape[axis] * stretch))
        grown = numpy.take(grown, source.integers(0, max(value.shape[axis], 1), count), axis=axis)
    if grown.dtype.kind == "f" and grown.size:
        noise = source.normal(0, 1e-3, grown.shape) * (abs(grown) + 1e-3)
        grown = (grown + noise).astype(value.dtype)
    if value.ndim == 1 and len(value) > 2 and bool((value[:-1] <= value[1:]).all()):
        grown.sort()
    return grown


Make = Callable[[int, random.Random], Call]


def scaling(decode: Callable[[bytes], Any], blobs: list[bytes], role: str, repeat: bool) -> Make:
    """`make(size, rng)` from encoded example calls; each call starts from a fresh copy of one of them."""

    def make(size: int, rng: random.Random) -> Call:
        call = decode(rng.choice(blobs))
        # Repetition alone, or an integer alone, would give one input for each size.
        wanted = max(1, round(size * rng.uniform(0.9, 1.1))) if repeat or role == "size" else size
        return Scaler(call, wanted, rng, role, repeat).scaled()

    return make
