"""Edge cases of a Shape: empty, one element, duplicates, negatives, zero, unicode, sorted, reversed."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from typing import Any

from .inputs_guess import Parameter, call_of
from .inputs_random import Maker
from .inputs_shapes import Shape

INTS = (0, 1, -1, 2, 10, 2**31, -(2**31), 2**64)
FLOATS = (0.0, -0.0, 1.0, -1.5, 1e-9, 1e300, float("inf"), float("nan"))
STRINGS = ("", "a", "aa", "ab", " ", "Aa", "0", "-1", "żółć ß İ 漢字 😀", "a b  c\n", "zyx", "\u0000", "e\u0301")


def edges(shape: Shape, rng: random.Random) -> list[Any]:
    """Values at the border of what the shape allows, the most ordinary first."""
    kind = shape.kind
    if kind == "int":
        return [*INTS, *_near(shape)]
    if kind == "float":
        return list(FLOATS)
    if kind == "str":
        return [*STRINGS, *(text[::-1] for text in shape.seen[:4] if isinstance(text, str))]
    if kind == "bytes":
        return [b"", b"a", b"\x00\xff"]
    if kind == "bool":
        return [True, False]
    if kind in ("enum", "choice"):
        return list(shape.seen)
    if kind == "union":
        return [value for part in shape.parts for value in edges(part, rng)]
    if kind == "none":
        return [None]
    if kind in ("list", "tuples", "deque", "set", "frozenset"):
        return _sequences(shape, rng)
    if kind == "dict":
        return [{}, *_made(shape, rng, (1, 2, 5))]
    if kind in ("array", "series", "frame"):
        return _made(shape, rng, (0, 1, 2, 7))
    return _made(shape, rng, (0, 1, 3))


def _near(shape: Shape) -> list[int]:
    return [value + step for value in shape.seen if type(value) is int for step in (-1, 0, 1)][:24]


def _sequences(shape: Shape, rng: random.Random) -> list[Any]:
    inner = shape.parts[0]
    maker = Maker(rng, 6, "value")
    items = [maker.draw(inner, 4, 1) for _ in range(6)]
    base = [[], items[:1], [items[0]] * 3, items[:2] + items[:2], items]
    try:
        base += [sorted(items), sorted(items, reverse=True)]
    except TypeError:
        base += [items[::-1]]
    inside = edges(inner, rng) if inner.kind in ("int", "float", "str", "list", "tuples", "bool") else []
    if inner.kind == "int":
        base += [[0], [0, 0], [-3, -1, -2], [5, -5, 0, 5], list(range(8)), list(range(8, 0, -1)), [2**64, 1]]
    elif inside:
        base += [[value] for value in inside[:12]] + [inside[: min(len(inside), 6)]]
    cls = {"list": list, "tuples": tuple, "set": set, "frozenset": frozenset}.get(shape.kind)
    if cls is None:
        from collections import deque as cls  # type: ignore[assignment]
    made = []
    for value in base:
        try:
            made.append(cls(value))  # type: ignore[misc]
        except TypeError:
            continue
    return made


def _made(shape: Shape, rng: random.Random, sizes: Sequence[int]) -> list[Any]:
    made = []
    for size in sizes:
        try:
            made.append(Maker(rng, size, "value").draw(shape, size))
        except (ValueError, TypeError, ArithmeticError):
            # The class refuses these fields, as it may.
            continue
    return made


def edge_calls(
    parameters: Sequence[Parameter], shapes: Sequence[Shape], rng: random.Random
) -> Iterator[dict[str, Any]]:
    """Calls in which one parameter after the other is at an edge and the others are ordinary, round robin."""
    columns = [edges(shape, rng) for shape in shapes]
    for row in itertools.zip_longest(*columns, fillvalue=_NOTHING):
        for index, value in enumerate(row):
            if value is _NOTHING:
                continue
            values = {}
            for position, (parameter, shape) in enumerate(zip(parameters, shapes)):
                if position == index:
                    values[parameter.name] = value
                elif not parameter.optional:
                    values[parameter.name] = Maker(rng, rng.randint(2, 6)).top(shape)
            yield call_of(parameters, values)


_NOTHING = object()
