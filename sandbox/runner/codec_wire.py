"""The wire form of the value codec: the kinds, their marks, and the plain data that the trusted side gets.

A value that msgpack has no type for is a msgpack array whose first element is a mark, the extension (1, kind).
Sequence kinds hold their items right after the mark; every other kind holds a name and a value. See docs/codec.md.
"""

from __future__ import annotations

from typing import Any

from msgpack import ExtType  # type: ignore[import-untyped]

MARK = 1
BIG_INT = 2
MAX_DEPTH = 1024
"""Levels of msgpack's arrays and maps, an object being two; 511 where the user's msgpack is older than 1.2."""

SEQUENCES = ("tuple", "set", "frozenset")
KINDS = (
    *SEQUENCES,
    "complex", "bytearray", "memoryview", "range", "slice", "ellipsis", "not_implemented",
    "deque", "ordered_dict", "default_dict", "counter", "mapping_proxy", "dict_keys", "dict_values", "dict_items",
    "object", "subclass", "enum", "class", "function", "method", "partial", "module", "opaque", "user",
    "exception", "iterator",
    "datetime", "date", "time", "timedelta", "timezone", "zoneinfo", "pytz", "decimal", "fraction", "path", "uuid",
    "pattern", "array", "random",
    "dtype", "ndarray", "object_array", "scalar", "masked_array", "rng",
    "series", "frame", "index", "range_index", "multi_index", "categorical", "datetime_array", "masked_values",
    "string_array", "interval_array", "arrow_values", "timestamp", "pd_timedelta", "period", "interval", "pd_singleton",
    "pd_dtype",
    "arrow_table", "arrow_array", "arrow_type", "arrow_scalar",
    "tensor", "torch_name", "torch_size",
)  # fmt: skip
CODES = {kind: code for code, kind in enumerate(KINDS)}
MARKS = {kind: ExtType(MARK, bytes([code])) for kind, code in CODES.items()}


class Tagged:
    """What `decode_plain` gives for everything that is not plain.

    Attributes:
        kind: One of `KINDS`, or "dict" for a dict with keys that are not scalars (value: list of [key, value]).
        name: What the kind needs to name: a class as "module:qualname", a dtype, or "".
        value: Plain data again. For a tuple or a set the list of items.
    """

    # No dataclass: that module takes longer to import than the rest of the runner.
    __slots__ = ("kind", "name", "value")

    def __init__(self, kind: str, name: str, value: Any) -> None:
        self.kind, self.name, self.value = kind, name, value

    def __repr__(self) -> str:
        return f"Tagged(kind={self.kind!r}, name={self.name!r}, value={self.value!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Tagged):
            return NotImplemented
        return (self.kind, self.name, self.value) == (other.kind, other.name, other.value)

    def __hash__(self) -> int:
        return hash((self.kind, self.name, self.value))


class Unencodable(TypeError):
    """A value has no encoding.

    Args:
        path: Where in the value, e.g. "result[3].handle".
        type_name: What is there, e.g. "_io.TextIOWrapper".
    """

    def __init__(self, path: str, type_name: str) -> None:
        super().__init__(f"{path}: {type_name}")
        self.path = path
        self.type_name = type_name


class Malformed(ValueError):
    """Bytes that no `encode` has made."""


class Unresolvable(LookupError):
    """A class or function that a value names cannot be imported here."""


def big_int(value: int) -> ExtType:
    """An integer beyond 64 bits, as signed little-endian bytes."""
    return ExtType(BIG_INT, value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True))
