"""The floating-point numbers of encoded answers: found leaf by leaf, as pairs of float64 that add up to the value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np

from codeopt.sandbox.runner.codec_wire import Tagged

Array = np.ndarray[Any, np.dtype[Any]]
_ORDERED = ("deque", "object", "subclass", "iterator", "series", "frame", "ordered_dict", "default_dict")
_WIDEST_TUPLE = 16  # the places of a longer tuple are alike, as those of a list


class Misfit(ValueError):
    """An answer has another shape than the one that it is held against."""


@dataclass(frozen=True)
class Leaf:
    """One float, complex number or float array of an answer.

    Attributes:
        group: Where it lies, with one name for all places of a list: "result[].total". Norms are taken over a group.
        type: "float", "complex", or NumPy's name of the dtype.
        shape: () for a single number.
        inside, key: The container and the place in it, for putting another value there.
    """

    group: str
    type: str
    shape: tuple[int, ...]
    inside: Any
    key: Any

    @property
    def value(self) -> Any:
        """The plain value as it lies in its container."""
        return self.inside[self.key]


@dataclass(frozen=True)
class Numbers:
    """Flat float64 arrays whose sum is the value; complex numbers as real and imaginary part in turn."""

    high: Array
    low: Array

    def distance(self, other: Numbers) -> Array:
        """|self - other|, element by element; infinite or NaN where one of them is."""
        with np.errstate(all="ignore"):
            found: Array = np.abs((self.high - other.high) + (self.low - other.low))
            return found


def leaves(inside: Any, key: Any, group: str) -> Iterator[Leaf]:
    """The numeric leaves of `inside[key]`, in the order of the answer."""
    todo: list[tuple[Any, Any, str]] = [(inside, key, group)]
    while todo:
        at, place, name = todo.pop()
        value = at[place]
        kind = type_of(value)
        if kind:
            yield Leaf(name, kind, _shape(value), at, place)
        else:
            todo.extend(reversed([(part, where, name + text) for part, where, text in _children(value)]))


def _children(value: Any) -> Iterator[tuple[Any, Any, str]]:
    """(container, key, piece of the group's name) of the parts that are compared in order."""
    if isinstance(value, Tagged):
        if value.kind == "tuple":
            fixed = len(value.value) <= _WIDEST_TUPLE
            yield from ((value.value, i, f"[{i}]" if fixed else "[]") for i in range(len(value.value)))
        elif value.kind in _ORDERED and isinstance(value.value, (list, dict)):
            inner = value.value
            keys = inner if isinstance(inner, dict) else range(len(inner))
            yield from ((inner, key, f".{key}" if isinstance(inner, dict) else f"<{key}>") for key in keys)
    elif isinstance(value, list):
        yield from ((value, i, "[]") for i in range(len(value)))
    elif isinstance(value, dict):
        yield from ((value, key, f"[{key!r}]") for key in value)


def type_of(value: Any) -> str:
    """The float type of a leaf, "" for anything else."""
    if type(value) is float:
        return "float"
    if not isinstance(value, Tagged):
        return ""
    if value.kind == "complex":
        return "complex"
    if value.kind in ("ndarray", "scalar") and isinstance(value.value, list) and type(value.value[0]) is str:
        plain = value.value[0]
        if ":" in plain or plain == "T":
            return ""
        kind = np.dtype(plain)
        return kind.name if kind.kind in "fc" else ""
    return ""


def _shape(value: Any) -> tuple[int, ...]:
    return tuple(value.value[1]) if isinstance(value, Tagged) and value.kind == "ndarray" else ()


def eps_of(kind: str) -> float:
    """The distance from 1 to the next number of a float type."""
    return float(np.finfo({"float": "f8", "complex": "c16"}.get(kind, kind)).eps)


def follow(template: Leaf | tuple[Any, Any], other: Any) -> Iterator[tuple[Leaf, Any]]:
    """Each leaf of `template` (container, key) with its counterpart in `other`.

    A list, a tuple or an array may stand for each other: an oracle is not asked to answer in the program's types.

    Raises:
        Misfit: There is none.
    """
    assert isinstance(template, tuple)
    todo: list[tuple[Any, Any, str, Any]] = [(*template, "", other)]
    while todo:
        at, place, name, match = todo.pop()
        value = at[place]
        kind = type_of(value)
        if kind:
            yield Leaf(name, kind, _shape(value), at, place), match
            continue
        parts = list(_children(value))
        if parts:
            matches = _matches(value, match, [key for _, key, _ in parts])
            rows = [(part, key, name + text, one) for (part, key, text), one in zip(parts, matches, strict=True)]
            todo.extend(reversed(rows))


def _matches(value: Any, match: Any, keys: list[Any]) -> list[Any]:
    if isinstance(value, dict):
        if not isinstance(match, dict) or not all(key in match for key in keys):
            raise Misfit("a dict with other keys")
        return [match[key] for key in keys]
    if isinstance(value, Tagged) and value.kind != "tuple":
        same = isinstance(match, Tagged) and (match.kind, match.name) == (value.kind, value.name)
        inner = match.value if same else None
        if isinstance(value.value, dict):
            if not isinstance(inner, dict) or not all(key in inner for key in keys):
                raise Misfit(f"no {value.kind} {value.name}".strip())
            return [inner[key] for key in keys]
        if not isinstance(inner, list) or len(inner) != len(keys):
            raise Misfit(f"no {value.kind} of {len(keys)} parts")
        return inner
    rows = _items(match)
    if rows is None or len(rows) != len(keys):
        raise Misfit(f"{'no sequence' if rows is None else len(rows)} instead of {len(keys)} items")
    return rows


def _items(match: Any) -> list[Any] | None:
    if isinstance(match, list):
        return match
    if isinstance(match, np.ndarray):
        return list(match) if match.ndim else None
    if isinstance(match, Tagged):
        if match.kind == "tuple":
            return list(match.value)
        if match.kind == "ndarray":
            found = _buffer(match)
            return list(found) if found.ndim else None
        if match.kind == "object_array" and len(match.value[1]) == 1:
            return list(match.value[2])
    return None


def _buffer(tagged: Tagged) -> Array:
    """A NumPy array or scalar of numbers from its raw bytes."""
    parts = tagged.value
    kind = np.dtype(parts[0]) if type(parts[0]) is str and ":" not in parts[0] and parts[0] != "T" else None
    if kind is None or kind.kind not in "fciub":
        raise Misfit("an array that holds no numbers")
    shape = parts[1] if tagged.kind == "ndarray" else []
    found: Array = np.frombuffer(parts[-1], kind).reshape(shape)
    return found


def numbers(leaf: Leaf, match: Any) -> Numbers:
    """The counterpart of a leaf.

    Raises:
        Misfit: It is no number, or of another shape.
    """
    whole = np.dtype(leaf.type).kind == "c" if leaf.type not in ("float", "complex") else leaf.type == "complex"
    found = _numeric(match)
    if isinstance(found, np.ndarray):
        if found.shape != leaf.shape:
            raise Misfit(f"shape {found.shape} instead of {leaf.shape}")
        if found.dtype.kind == "c" and not whole:
            raise Misfit("a complex number instead of a real one")
        flat = found.reshape(-1)
        if whole:
            flat = np.stack([flat.real, flat.imag], -1).reshape(-1)
        with np.errstate(all="ignore"):
            high = flat.astype("f8")
            low = np.where(np.isfinite(high), (flat - high).astype("f8"), 0.0)
        return Numbers(high, low)
    shape, items = found
    if shape != leaf.shape:
        raise Misfit(f"shape {shape} instead of {leaf.shape}")
    if whole:
        items = [part for item in items for part in (item if isinstance(item, tuple) else (item, 0.0))]
    elif any(isinstance(item, tuple) for item in items):
        raise Misfit("a complex number instead of a real one")
    pairs = [_two(item) for item in items]
    return Numbers(np.array([high for high, _ in pairs]), np.array([low for _, low in pairs]))


def _numeric(match: Any) -> Array | tuple[tuple[int, ...], list[Any]]:
    """An array, or (shape, flat list of exact numbers); complex ones as a tuple of two."""
    if isinstance(match, (np.ndarray, np.generic)):
        return np.asarray(match)
    if isinstance(match, Tagged) and match.kind in ("ndarray", "scalar"):
        return _buffer(match)
    if isinstance(match, Tagged) and match.kind == "object_array":
        return tuple(match.value[1]), [_exact(item) for item in match.value[2]]
    rows = _items(match)
    if rows is None:
        return (), [_exact(match)]
    inner = [_numeric(row) for row in rows]
    plain = [(part.shape, [_exact(x) for x in part.reshape(-1)]) if isinstance(part, np.ndarray) else part for part in inner]
    if len({shape for shape, _ in plain}) > 1:
        raise Misfit("rows of different length")
    below = plain[0][0] if plain else ()
    return (len(rows), *below), [item for _, items in plain for item in items]


def _exact(value: Any) -> Any:
    """A number as Fraction, or as float where it is one; a complex one as a tuple of two."""
    if type(value) in (int, float):
        return value
    if isinstance(value, np.complexfloating):
        return float(value.real), float(value.imag)
    if isinstance(value, np.floating):
        high = float(value)
        # A long double is not a ratio of two longs in every NumPy; its two halves are exact.
        return high if not np.isfinite(high) else Fraction(high) + Fraction(float(value - type(value)(high)))
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, Tagged):
        if value.kind == "complex":
            return tuple(value.value)
        if value.kind == "fraction":
            return Fraction(*value.value)
        if value.kind == "decimal":
            number = Decimal(value.value)
            return Fraction(number) if number.is_finite() else float(number)
        if value.kind == "scalar":
            return _exact(_buffer(value)[()])
    raise Misfit("no number")


def _two(value: Any) -> tuple[float, float]:
    if type(value) is float:
        return value, 0.0
    try:
        high = float(value)
    except OverflowError:
        return (np.inf if value > 0 else -np.inf), 0.0
    return high, float(Fraction(value) - Fraction(high)) if np.isfinite(high) else 0.0
