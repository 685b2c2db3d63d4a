"""Change a value and keep its type and most of its structure: new inputs from inputs that are known to be valid."""

from __future__ import annotations

import copy
import dataclasses
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

BOUNDARY = (0, 1, -1, 2, 10, 100, -100, 2**31 - 1)
CLASSES = ("0123456789", "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ")


def mutate(value: Any, rng: random.Random, depth: int = 0) -> Any:
    """A changed copy of `value`; a type that is not understood comes back as it is."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int) and type(value) is int:
        return _int(value, rng, depth)
    if type(value) is float:
        return rng.choice([value + rng.gauss(0, 1), value * 2, -value, 0.0, value / 3])
    if type(value) is str:
        return _text(value, rng)
    if type(value) is bytes:
        return bytes(_sequence(list(value), rng, depth, lambda item: rng.randrange(256)))
    if type(value) is list:
        return _sequence(value, rng, depth, lambda item: mutate(item, rng, depth + 1))
    if type(value) is tuple:
        return _tuple(value, rng, depth)
    if type(value) in (set, frozenset):
        return type(value)(_sequence(sorted(value, key=repr), rng, depth, lambda item: mutate(item, rng, depth + 1)))
    if isinstance(value, dict):
        return _dict(value, rng, depth)
    return _object(value, rng, depth)


def _int(value: int, rng: random.Random, depth: int) -> int:
    near = [value + 1, value - 1, value * 2, value // 2, value + rng.randint(-10, 10)]
    if value > 0 and rng.random() < 0.8:
        return max(0, rng.choice(near))
    return rng.choice([*near, -value, rng.choice(BOUNDARY)])


def like_char(char: str, rng: random.Random) -> str:
    """Another character of the same class: a digit for a digit, a capital for a capital."""
    for letters in CLASSES:
        if char in letters:
            return rng.choice(letters)
    return char


def like_text(text: str, rng: random.Random, share: float = 0.3) -> str:
    """The same layout with other letters and digits."""
    return "".join(like_char(char, rng) if rng.random() < share else char for char in text)


def _text(text: str, rng: random.Random) -> str:
    if not text:
        return rng.choice(["a", " ", "0", "ab"])
    action = rng.randrange(8)
    first, last = sorted((rng.randrange(len(text) + 1), rng.randrange(len(text) + 1)))
    if action == 0:
        return text.swapcase()
    if action == 1:
        return text[:first] + text[last:]
    if action == 2:
        return text[:last] + text[first:last] + text[last:]
    if action == 3:
        return text[::-1]
    if action == 4:
        words = text.split(" ")
        rng.shuffle(words)
        return " ".join(words)
    if action == 5:
        return text + rng.choice(text)
    if action == 6:
        position = rng.randrange(len(text))
        return text[:position] + rng.choice(text) + text[position + 1 :]
    return like_text(text, rng)


def _sequence(items: list[Any], rng: random.Random, depth: int, change: Callable[[Any], Any]) -> list[Any]:
    items = list(items)
    ordered = len(items) > 2 and _is_sorted(items)
    square = bool(items) and all(isinstance(item, (list, tuple)) for item in items)
    if square and len({len(item) for item in items}) == 1:
        # Rows of equal length stay so: a matrix, a table.
        rows = [type(row)(_same_length(list(row), rng, depth)) for row in items]
        rng.shuffle(rows)
        return rows
    action = rng.randrange(6) if items else 5
    position = rng.randrange(len(items)) if items else 0
    if action == 0:
        rng.shuffle(items)
    elif action == 1:
        items.insert(rng.randrange(len(items) + 1), copy.deepcopy(items[position]))
    elif action == 2 and len(items) > 1:
        del items[position]
    elif action == 3:
        items.reverse()
    elif action == 4 and len(items) > 1:
        items = items[position:] + items[:position]
    elif items:
        for _ in range(max(1, len(items) // 4)):
            position = rng.randrange(len(items))
            items[position] = change(items[position])
    if ordered and rng.random() < 0.9:
        try:
            items.sort()
        except TypeError:
            return items
    return items


def _same_length(row: list[Any], rng: random.Random, depth: int) -> list[Any]:
    if len(row) > 3 and rng.random() < 0.3:
        rng.shuffle(row)
        return row
    return [mutate(item, rng, depth + 1) if rng.random() < 0.3 else item for item in row]


def _is_sorted(items: Sequence[Any]) -> bool:
    try:
        return all(a <= b for a, b in zip(items, items[1:]))  # noqa: RUF007
    except (TypeError, ValueError):
        return False


def _tuple(value: Any, rng: random.Random, depth: int) -> Any:
    if not value:
        return value
    items = list(value)
    position = rng.randrange(len(items))
    items[position] = mutate(items[position], rng, depth + 1)
    return type(value)(items)


def _dict(value: dict[Any, Any], rng: random.Random, depth: int) -> Any:
    changed = copy.deepcopy(value)
    if not changed:
        return changed
    keys = list(changed)
    key = rng.choice(keys)
    numeric = not all(isinstance(one, str) for one in keys)
    if rng.random() < 0.25 and (numeric or len(keys) > 6):
        del changed[key]
    else:
        changed[key] = mutate(changed[key], rng, depth + 1)
    return changed


def _object(value: Any, rng: random.Random, depth: int) -> Any:
    module = type(value).__module__.split(".")[0]
    if module == "numpy" and hasattr(value, "dtype") and getattr(value, "ndim", 0) > 0:
        return _array(value, rng)
    if module == "pandas" and hasattr(value, "sample"):
        return _rows(value, rng)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _attributes(value, [field.name for field in dataclasses.fields(value)], rng, depth)
    if hasattr(value, "__dict__") and module not in ("builtins", "torch") and not callable(value):
        return _attributes(value, list(vars(value)), rng, depth)
    return value


def _attributes(value: Any, names: list[str], rng: random.Random, depth: int) -> Any:
    changed = copy.deepcopy(value)
    if names and depth < 6:
        name = rng.choice(names)
        object.__setattr__(changed, name, mutate(getattr(changed, name), rng, depth + 1))
    return changed


def _array(value: Any, rng: random.Random) -> Any:
    import numpy

    source = numpy.random.default_rng(rng.getrandbits(32))
    changed = value.copy()
    if rng.random() < 0.4 and len(changed) > 1:
        return changed[source.permutation(len(changed))]
    if changed.dtype.kind == "f":
        return (changed + source.normal(0, 1, changed.shape) * (numpy.abs(changed).mean() + 0.1)).astype(value.dtype)
    flat = changed.reshape(-1)
    if flat.size:
        places = source.integers(0, flat.size, max(1, flat.size // 3))
        flat[places] = flat[source.integers(0, flat.size, len(places))]
    return changed


def _rows(value: Any, rng: random.Random) -> Any:
    """Rows resampled and, half of the time, numeric columns shuffled among themselves."""
    if not len(value):
        return value
    seed = rng.getrandbits(31)
    index = value.index
    changed = value.sample(len(value), replace=rng.random() < 0.5, random_state=seed)
    changed.index = index
    if rng.random() < 0.5 and hasattr(changed, "columns"):
        name = rng.choice(list(changed.columns))
        changed[name] = changed[name].sample(frac=1.0, random_state=seed).to_numpy()
    return changed


def mutate_call(call: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """One to three arguments of a decoded call, mutated."""
    places: list[Any] = [("args", index) for index in range(len(call["args"]))]
    places += [("kwargs", name) for name in call["kwargs"]]
    if not places:
        return call
    for _ in range(rng.randint(1, 3)):
        which, key = rng.choice(places)
        call[which][key] = mutate(call[which][key], rng)
    return call


def mutated_calls(context: Any, blobs: Sequence[bytes], rng: random.Random, count: int) -> Iterator[bytes]:
    """Encoded mutants, each from a fresh copy of a known call; those that cannot be encoded are left out."""
    for _ in range(4 * count if blobs else 0):
        call = context.codec.decode_live(rng.choice(blobs))
        try:
            yield context.codec.encode(mutate_call(call, rng))
        except (context.codec.Unencodable, ValueError, TypeError, OverflowError, MemoryError):
            # A mutant that its own class or library refuses is no input; another one is drawn.
            continue
