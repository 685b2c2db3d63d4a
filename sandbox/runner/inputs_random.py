"""Random values of a Shape at a given size: containers hold about `size` elements in all, integers follow a role."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import fractions
import math
import pathlib
import random
from typing import Any

from .inputs_shapes import Shape, from_constructor

WORDS = ["alpha", "beta", "gamma", "delta", "kappa", "lambda", "omega", "sigma", "theta", "zeta", "apple", "river", "stone", "cloud", "light", "paper"]
LETTERS = "abcdefghijklmnopqrstuvwxyz"
ROLES = ("within", "size", "small", "value")
DEEPEST = 300


def recursive(shape: Shape) -> bool:
    return shape.kind == "recur" or (shape.kind == "union" and any(part.kind == "recur" for part in shape.parts))


class Maker:
    """Draws values. `role` says what a top-level integer is to the size; `spread` how wide numbers are.

    `apart` spreads numbers so far that few are equal or near: what ends early on a match then runs to its end.
    """

    def __init__(self, rng: random.Random, size: int, role: str = "within", apart: bool = False) -> None:
        self.rng, self.size, self.role, self.apart = rng, size, role, apart
        self.spread = 100 * (size + 1) ** 2 if apart else rng.choice([9, 100, max(100, 2 * size), 10**6])
        self.signed = rng.random() < 0.5
        self.wholes: dict[Any, Shape] = {}

    def top(self, shape: Shape) -> Any:
        """The value of a whole parameter."""
        if shape.kind == "int":
            return self.role_int(shape)
        if shape.kind == "union":
            kinds = [part for part in shape.parts if part.kind != "none"]
            return self.top(self.rng.choice(kinds or shape.parts))
        return self.draw(shape, self.size)

    def role_int(self, shape: Shape) -> int:
        if self.role == "size":
            return self.size
        if self.role == "small":
            return self.rng.randint(1, 10)
        if self.role == "value":
            return self.number(shape, self.size)
        return self.rng.randint(1, max(1, self.size))

    def draw(self, shape: Shape, size: int, depth: int = 0) -> Any:
        method = getattr(self, "of_" + shape.kind, None)
        if method is None:
            if shape.seen:
                return self.rng.choice(shape.seen)
            raise ValueError("no generator for %s" % shape.text())
        return method(shape, size, depth)

    def number(self, shape: Shape, size: int) -> int:
        if shape.low is not None and shape.high is not None and not self.apart:
            low, high = int(shape.low), int(shape.high)
            wide = max(2, (high - low) // 2)
            return self.rng.randint(low if low >= 0 and low <= 1 else low - wide, high + wide)
        return self.rng.randint(-self.spread if self.signed else 0, self.spread)

    def of_int(self, shape: Shape, size: int, depth: int) -> int:
        if shape.seen and not self.apart and self.rng.random() < 0.15:
            return int(self.rng.choice(shape.seen))
        return self.number(shape, size)

    def of_float(self, shape: Shape, size: int, depth: int) -> float:
        if shape.seen and (depth == 0 or (not self.apart and self.rng.random() < 0.1)):
            return float(self.rng.choice(shape.seen))
        if shape.low is not None and shape.high is not None and not self.apart:
            return self.rng.uniform(float(shape.low), float(shape.high) + 1.0)
        return self.rng.uniform(-self.spread if self.signed else 0.0, self.spread)

    def of_any(self, shape: Shape, size: int, depth: int) -> int:
        return self.rng.randint(-9, 99)

    def of_bool(self, shape: Shape, size: int, depth: int) -> bool:
        return self.rng.random() < 0.5

    def of_none(self, shape: Shape, size: int, depth: int) -> None:
        return None

    def of_complex(self, shape: Shape, size: int, depth: int) -> complex:
        return complex(self.of_float(shape, size, depth), self.of_float(shape, size, depth))

    def of_decimal(self, shape: Shape, size: int, depth: int) -> decimal.Decimal:
        return decimal.Decimal(self.rng.randint(-(10**6), 10**6)) / 100

    def of_fraction(self, shape: Shape, size: int, depth: int) -> fractions.Fraction:
        return fractions.Fraction(self.rng.randint(-1000, 1000), self.rng.randint(1, 1000))

    def of_date(self, shape: Shape, size: int, depth: int) -> datetime.date:
        return datetime.date(2000, 1, 1) + datetime.timedelta(days=self.rng.randint(0, 9000))

    def of_datetime(self, shape: Shape, size: int, depth: int) -> datetime.datetime:
        return datetime.datetime(2000, 1, 1) + datetime.timedelta(seconds=self.rng.randint(0, 10**9))

    def of_timedelta(self, shape: Shape, size: int, depth: int) -> datetime.timedelta:
        return datetime.timedelta(seconds=self.rng.randint(0, 10**6))

    def of_path(self, shape: Shape, size: int, depth: int) -> pathlib.Path:
        return pathlib.Path("/".join(self.rng.choice(WORDS) for _ in range(self.rng.randint(1, 4))))

    def of_str(self, shape: Shape, size: int, depth: int) -> str:
        rng = self.rng
        texts = [text for text in shape.seen if isinstance(text, str)]
        if shape.order == "choice" and rng.random() < 0.9:
            return str(rng.choice(texts))
        if depth:
            if texts and rng.random() < 0.5:
                return str(rng.choice(texts))
            size = min(size, max(shape.longest, 8))
            size = rng.randint(1, size) if size > 0 else 0
        alphabet = "".join(sorted(set("".join(texts)))) if shape.longest else ""
        single = "".join(text for text in texts if len(text) == 1)
        if not alphabet and single and rng.random() < 0.6:
            # Characters that the code asks for.
            alphabet = single if rng.random() < 0.7 else single + "ab"
        if not alphabet:
            if not depth and rng.random() < 0.3:
                return " ".join(rng.choice(WORDS) for _ in range(max(1, size // 6)))[:size]
            alphabet = rng.choice(["ab", LETTERS, LETTERS + LETTERS.upper() + "0123456789 ", "0123456789"])
        return "".join(rng.choices(alphabet, k=size))

    def of_bytes(self, shape: Shape, size: int, depth: int) -> bytes:
        return bytes(self.rng.choices(range(256), k=size if not depth else min(size, 8)))

    def items(self, shape: Shape, size: int, depth: int) -> list[Any]:
        inner = shape.parts[0]
        count = size
        below = size
        if inner.kind in ("list", "tuples", "dict", "set", "array") and inner.kind != "tuple":
            count = below = max(1, math.isqrt(size)) if size else 0
        if depth and not self.nested_square(inner):
            count = min(count, max(shape.longest, 8))
            count = self.rng.randint(0, count) if depth > 1 else count
        if shape.order == "permutation":
            low = int(inner.low or 0)
            values = list(range(low, low + count))
            self.rng.shuffle(values)
            return values
        values = self.numbers(inner, count) or [self.draw(inner, below, depth + 1) for _ in range(count)]
        return self.arrange(values, shape)

    def numbers(self, inner: Shape, count: int) -> list[Any]:
        """Many plain integers at once: the usual case, and much the quickest."""
        if inner.kind != "int" or count < 1000:
            return []
        edge = [self.number(inner, count) for _ in range(200)]
        return self.rng.choices(range(min(edge), max(edge) + 1), k=count)

    def nested_square(self, inner: Shape) -> bool:
        return inner.kind in ("int", "float", "bool", "str")

    def arrange(self, values: list[Any], shape: Shape) -> list[Any]:
        if shape.order == "distinct" and shape.parts[0].kind == "int":
            low = int(shape.parts[0].low or 0)
            return self.rng.sample(range(low, low + 4 * len(values) + 1), len(values))
        chance = 1.0 if shape.order == "sorted" else (0.0 if shape.order else 0.1)
        if values and self.rng.random() < chance:
            try:
                return sorted(values)
            except TypeError:
                return values
        return values

    def of_list(self, shape: Shape, size: int, depth: int) -> list[Any]:
        return self.items(shape, size, depth)

    def of_deque(self, shape: Shape, size: int, depth: int) -> Any:
        from collections import deque

        return deque(self.items(shape, size, depth))

    def of_tuples(self, shape: Shape, size: int, depth: int) -> Any:
        return tuple(self.items(shape, size, depth))

    def of_set(self, shape: Shape, size: int, depth: int) -> Any:
        return set(self.items(shape, size, depth))

    def of_frozenset(self, shape: Shape, size: int, depth: int) -> Any:
        return frozenset(self.items(shape, size, depth))

    def of_tuple(self, shape: Shape, size: int, depth: int) -> Any:
        return tuple(self.draw(part, size, depth + 1) for part in shape.parts)

    def of_dict(self, shape: Shape, size: int, depth: int) -> Any:
        key, value = shape.parts
        if depth:
            size = min(size, max(shape.longest, 6))
        if key.kind == "int" and value.kind in ("list", "set", "tuples"):
            return self.graph(value, max(1, size // 4) if size else 0)
        keys = [self.draw(key, size, depth + 1) for _ in range(size)]
        if key.kind == "str" and not key.longest:
            keys = ["%s%d" % (self.rng.choice(WORDS), index) for index in range(size)]
        return {one: self.draw(value, max(1, math.isqrt(size)), depth + 1) for one in keys}

    def graph(self, value: Shape, size: int) -> Any:
        """Integer keys with collections of integers: most likely neighbours, so they stay within the keys."""
        if value.parts[0].kind != "int":
            return {node: self.draw(value, 4, 1) for node in range(size)}
        cls = {"set": set, "tuples": tuple}.get(value.kind, list)
        return {node: cls(self.rng.randrange(size) for _ in range(self.rng.randint(0, 4))) for node in range(size)}

    def of_record(self, shape: Shape, size: int, depth: int) -> Any:
        return {name: self.draw(part, size, depth + 1) for name, part in zip(shape.names, shape.parts)}

    def of_choice(self, shape: Shape, size: int, depth: int) -> Any:
        return self.rng.choice(shape.seen)

    of_enum = of_choice

    def of_union(self, shape: Shape, size: int, depth: int) -> Any:
        parts = shape.parts
        if any(part.kind == "recur" for part in parts):
            ends = [part for part in parts if part.kind != "recur"]
            deeper = [part for part in parts if part.kind == "recur"]
            return self.draw(self.rng.choice(deeper if size > 0 or not ends else ends), size, depth)
        return self.draw(self.rng.choice(parts), size, depth)

    def of_object(self, shape: Shape, size: int, depth: int) -> Any:
        """An object; in a tree or a linked list `size` counts the nodes and is split among the branches."""
        branches = [name for name, part in zip(shape.names, shape.parts) if recursive(part)]
        left = size - 1
        if len(branches) == 1:
            left = min(left, DEEPEST - depth)
        shares = {}
        for position, name in enumerate(branches):
            last = position == len(branches) - 1
            # Near the middle, or the tree would get as deep as Python's stack.
            shares[name] = left if last else round(left * self.rng.uniform(0.3, 0.7) * 2 / (len(branches) - position))
            left -= shares[name]
        values = {}
        for name, part in zip(shape.names, shape.parts):
            if name in shares:
                values[name] = self.draw(part, shares[name], depth + 1)
            else:
                inner = 4 if branches else size
                values[name] = self.draw(part, inner, depth + 1 if part.kind in ("str", "dict") else 0)
        return shape.cls(**values)

    def of_recur(self, shape: Shape, size: int, depth: int) -> Any:
        if shape.cls not in self.wholes:
            self.wholes[shape.cls] = from_constructor(shape.cls)
        return self.of_object(self.wholes[shape.cls], size, depth)

    def of_array(self, shape: Shape, size: int, depth: int) -> Any:
        import numpy

        source = numpy.random.default_rng(self.rng.getrandbits(32))
        dims = shape.seen[0].ndim if shape.seen else int(shape.low or 1)
        edge = max(1, round(max(size, 1) ** (1.0 / max(dims, 1))))
        extent = (size,) if dims <= 1 else (edge,) * dims
        kind = shape.seen[0].dtype if shape.seen else None
        if shape.parts[0].kind == "int":
            values: Any = source.integers(0, max(2, self.spread), extent)
        else:
            values = source.normal(0.0, 10.0, extent)
        return values if kind is None else values.astype(kind)

    def of_series(self, shape: Shape, size: int, depth: int) -> Any:
        import pandas

        if shape.seen:
            return shape.seen[0].sample(size, replace=True, random_state=self.rng.getrandbits(31))
        return pandas.Series(self.of_array(dataclasses.replace(shape, parts=[Shape("float")]), size, depth))

    def of_frame(self, shape: Shape, size: int, depth: int) -> Any:
        import pandas

        if shape.seen:
            sampled = shape.seen[0].sample(size, replace=True, random_state=self.rng.getrandbits(31))
            return sampled.reset_index(drop=True)
        names = shape.names or ["a", "b", "c"]
        columns = {}
        for index, name in enumerate(names):
            kind = self.rng.choice(["int", "float", "group"]) if self.role == "value" or index else "group"
            columns[name] = self.column(kind, size)
        return pandas.DataFrame(columns)

    def column(self, kind: str, size: int) -> list[Any]:
        if kind == "group":
            return [self.rng.choice(WORDS[:6]) for _ in range(size)]
        if kind == "int":
            return [self.rng.randint(0, 1000) for _ in range(size)]
        return [self.rng.gauss(0, 10) for _ in range(size)]
