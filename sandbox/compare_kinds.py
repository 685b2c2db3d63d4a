"""How values of each kind are compared: what is ignored, and how a path names their parts."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from codeopt.sandbox.compare_show import show, type_of
from codeopt.sandbox.compare_types import Found, Node, Pair
from codeopt.sandbox.runner.codec_wire import Tagged

if TYPE_CHECKING:
    from codeopt.sandbox.compare import Comparison

Handler = Callable[["Comparison", Node, Tagged, Tagged], Found]


def tagged(run: Comparison, at: Node, a: Tagged, b: Tagged) -> Found:
    """One step for two tagged values: kind and name, then what the kind says."""
    if a.kind != b.kind:
        a, b = _as_index(a, b), _as_index(b, a)
    if a.kind != b.kind or (a.name != b.name and a.kind != "iterator"):
        return at.differ(f"{show(a)} ({type_of(a)})", f"{show(b)} ({type_of(b)})")
    handler = HANDLERS.get(a.kind)
    if handler is not None:
        return handler(run, at, a, b)
    if isinstance(a.value, list) and isinstance(b.value, list) and len(a.value) == len(b.value):
        return [(Node(at, ""), x, y) for x, y in zip(a.value, b.value)]
    return [(Node(at, ""), a.value, b.value)]


def _as_index(one: Tagged, other: Tagged) -> Tagged:
    """A RangeIndex written out, where the other one is an Index of integers: pandas counts them as equivalent."""
    if one.kind != "range_index" or other.kind != "index":
        return one
    start, stop, step = one.value["range"]
    ticks = range(start, stop, step)
    values = other.value["values"]
    if values.kind != "ndarray" or values.value[1] != [len(ticks)]:
        return one
    raw = struct.pack(f"<{len(ticks)}q", *ticks)
    values = Tagged("ndarray", "", ["<i8", [len(ticks)], raw])
    return Tagged("index", "", {"name": one.value["name"], "values": values, "freq": None})


def _items(run: Comparison, at: Node, a: Tagged, b: Tagged) -> Found:
    return run.items(at, a.value, b.value)


def _unordered(run: Comparison, at: Node, a: Tagged, b: Tagged) -> Found:
    return run.unordered(at, a.value, b.value)


def _pairs_of(value: Any) -> list[Any]:
    return value.value if isinstance(value, Tagged) else [[k, v] for k, v in value.items()]


def _entries(run: Comparison, at: Node, a: Tagged, b: Tagged) -> Found:
    return run.entries(at, _pairs_of(a), _pairs_of(b))


def _ordered_dict(run: Comparison, at: Node, a: Tagged, b: Tagged) -> Found:
    keys, other = [k for k, _ in _pairs_of(a.value)], [k for k, _ in _pairs_of(b.value)]
    found = run.entries(at, _pairs_of(a.value), _pairs_of(b.value))
    if isinstance(found, list) and not all(map(run.same, keys, other)):
        return at.differ(f"keys in the order {show(keys)}", show(other))
    return found


def _deque(run: Comparison, at: Node, a: Tagged, b: Tagged) -> Found:
    (limit, items), (other_limit, other) = a.value, b.value
    return [(Node(at, ".maxlen"), limit, other_limit), (Node(at, ""), items, other)]


def _default_dict(run: Comparison, at: Node, a: Tagged, b: Tagged) -> Found:
    (factory, items), (other_factory, other) = a.value, b.value
    return [(Node(at, ".default_factory"), factory, other_factory), (Node(at, ""), items, other)]


def _iterator(run: Comparison, at: Node, a: Tagged, b: Tagged) -> Found:
    """The items and how it ends; a generator, a map and an iterator over a list are the same kind of thing."""
    (items, end), (other, other_end) = a.value, b.value
    parts: list[Pair] = [(Node(at, " items "), items, other)]
    if isinstance(end, Tagged) and isinstance(other_end, Tagged):
        return [*parts, (Node(at, " end "), end, other_end)]
    if len(items) == len(other) and (type(end), end) != (type(other_end), other_end):
        return at.differ(*(f"{len(items)} items, then {_ending(x)}" for x in (end, other_end)))
    return parts


def _ending(end: Any) -> str:
    return "more" if end is False else "the end" if end is True else show(end)


def _attributes(at: Node, a: dict[str, Any], b: dict[str, Any]) -> Found:
    for name in [*a, *b]:
        if name not in b:
            return Node(at, f".{name}").differ(show(a[name]), "no such attribute")
        if name not in a:
            return Node(at, f".{name}").differ("no such attribute", show(b[name]))
    return [(Node(at, f".{name}"), value, b[name]) for name, value in a.items()]


def _object(run: Comparison, at: Node, a: Tagged, b: Tagged) -> Found:
    return _attributes(at, a.value, b.value)


def _subclass(run: Comparison, at: Node, a: Tagged, b: Tagged) -> Found:
    (base, state), (other, other_state) = a.value, b.value
    parts = _attributes(at, state or {}, other_state or {})
    return [(Node(at, ""), base, other), *parts] if isinstance(parts, list) else parts


def _exception(run: Comparison, at: Node, a: Tagged, b: Tagged) -> Found:
    if run.ignore_message:
        return []
    (args, state, message), (other_args, other_state, other_message) = a.value, b.value
    if message != other_message:
        return at.differ(show(a, 200), show(b, 200))
    parts = _attributes(at, state, other_state)
    return [(Node(at, ".args"), args, other_args), *parts] if isinstance(parts, list) else parts


def _whole(run: Comparison, at: Node, a: Tagged, b: Tagged) -> Found:
    """Shown as a whole: a difference in a part of a date says less than the two dates."""
    return [] if run.same(a.value, b.value) else at.differ(show(a), show(b))


# --- arrays ---------------------------------------------------------------------------------------------------


def _elements(run: Comparison, at: Node, dtype: Any, shape: Any, a: Any, b: Any) -> Found:
    # NumPy is loaded when the first array comes: most programs send none.
    from codeopt.sandbox.compare_arrays import compare_arrays

    found = compare_arrays(dtype, shape, a, b, run.tolerance)
    return [] if found is None else Node(at, found.place).differ(found.expected, found.actual)


def _ndarray(run: Comparison, at: Node, a: Tagged, b: Tagged) -> Found:
    (dtype, shape, raw), (other_dtype, other_shape, other) = a.value, b.value
    if not run.same([dtype, shape], [other_dtype, other_shape]):
        return at.differ(show(a), show(b))
    return _elements(run, at, dtype, shape, raw, other)


def _object_array(run: Comparison, at: Node, a: Tagged, b: Tagged) -> Found:
    (dtype, shape, items), (other_dtype, other_shape, other) = a.value, b.value
    if not run.same([dtype, shape], [other_dtype, other_shape]):
        return at.differ(show(a), show(b))
    if not len(items) == len(other) == math.prod(shape):
        raise ValueError("an array of objects of the wrong size")

    def place(i: int) -> str:
        index = []
        for length in reversed(shape):
            i, at_axis = divmod(i, length)
            index.append(str(at_axis))
        return "[" + ", ".join(reversed(index)) + "]" if shape else ""

    pairs = enumerate(zip(items, other))
    return [(Node(at, place(i)), x, y) for i, (x, y) in pairs if not run.settled(x, y)]


def _scalar(run: Comparison, at: Node, a: Tagged, b: Tagged) -> Found:
    (dtype, raw), (other_dtype, other) = a.value, b.value
    if not run.same(dtype, other_dtype):
        return at.differ(type_of(a), type_of(b))
    return _elements(run, at, dtype, [], raw, other)


def _tensor(run: Comparison, at: Node, a: Tagged, b: Tagged) -> Found:
    (shape, device, raw), (other_shape, other_device, other) = a.value, b.value
    if not run.same([shape, device], [other_shape, other_device]):
        return at.differ(f"{show(a)} on {device}", f"{show(b)} on {other_device}")
    dtype = a.name if a.name in _TORCH_IN_NUMPY else f"torch:{a.name}"
    return _elements(run, at, dtype, shape, raw, other)


_TORCH_IN_NUMPY = {
    *("bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64"),
    *("float16", "float32", "float64", "complex64", "complex128"),
}


# --- tables ---------------------------------------------------------------------------------------------------


def _parts(*names: str) -> Handler:
    def handler(run: Comparison, at: Node, a: Tagged, b: Tagged) -> Found:
        return [(Node(at, f".{name}"), a.value[name], b.value[name]) for name in names]

    return handler


def _frame(run: Comparison, at: Node, a: Tagged, b: Tagged) -> Found:
    data, other = a.value["data"], b.value["data"]
    parts = _parts("columns", "index")(run, at, a, b)
    if isinstance(parts, list) and len(data) == len(other):
        labels = _labels(a.value["columns"], len(data))
        parts += [(Node(at, f"[{label}]"), x, y) for label, x, y in zip(labels, data, other)]
    return parts


def _labels(columns: Tagged, count: int) -> list[str]:
    """Column names for paths, or positions where they are not a plain list of names."""
    inner = columns.value.get("values") if columns.kind == "index" else None
    if isinstance(inner, Tagged) and inner.kind in ("object_array", "string_array"):
        names = inner.value[-1]
        if len(names) == count:
            return [show(name, 40) for name in names]
    return [f"column {i}" for i in range(count)]


def _series(run: Comparison, at: Node, a: Tagged, b: Tagged) -> Found:
    parts = _parts("name", "index")(run, at, a, b)
    return (
        [*parts, (Node(at, ""), a.value["values"], b.value["values"])] if isinstance(parts, list) else parts
    )


def _index(run: Comparison, at: Node, a: Tagged, b: Tagged) -> Found:
    return [
        (Node(at, ".name"), a.value["name"], b.value["name"]),
        (Node(at, ""), a.value["values"], b.value["values"]),
    ]


def _without(*skipped: int) -> Handler:
    """All parts but Arrow's own bytes, which also hold metadata and say nothing that the rest does not."""

    def handler(run: Comparison, at: Node, a: Tagged, b: Tagged) -> Found:
        kept = [i for i in range(len(a.value)) if i not in skipped]
        return [(Node(at, ""), a.value[i], b.value[i]) for i in kept]

    return handler


_SHOWN_WHOLE = (
    *("complex", "enum", "range", "slice", "datetime", "date", "time", "timedelta", "timezone", "decimal"),
    *("fraction", "path", "uuid", "pattern", "timestamp", "pd_timedelta", "period", "interval"),
)
HANDLERS: dict[str, Handler] = {
    "tuple": _items,
    "set": _unordered,
    "frozenset": _unordered,
    "dict_keys": _unordered,
    "dict_items": _unordered,
    "dict": _entries,
    "ordered_dict": _ordered_dict,
    "deque": _deque,
    "default_dict": _default_dict,
    "iterator": _iterator,
    "object": _object,
    "subclass": _subclass,
    "exception": _exception,
    **dict.fromkeys(_SHOWN_WHOLE, _whole),
    "ndarray": _ndarray,
    "object_array": _object_array,
    "scalar": _scalar,
    "tensor": _tensor,
    "frame": _frame,
    "series": _series,
    "index": _index,
    "range_index": _parts("name", "range"),
    "multi_index": _parts("names", "levels"),
    "arrow_table": _without(1),
    "arrow_array": _without(1),
    "arrow_scalar": _without(0),
}
