"""Records as columns: the Arrow schema of a typed record. A column that is all null keeps its type."""

from __future__ import annotations

import types
import typing
from enum import StrEnum
from typing import Any

from codeopt.types import Record


def schema_of(kind: type[Record]) -> Any:
    """A pyarrow schema with a column for each field of a record, in its order; records inside are structs."""
    import pyarrow as pa

    return pa.schema(_fields(kind))


def _fields(kind: type[Record]) -> list[Any]:
    import pyarrow as pa

    return [pa.field(name, _type(hint)) for name, hint in typing.get_type_hints(kind).items() if name in kind.model_fields]


def _type(hint: Any) -> Any:
    """The Arrow type of an annotation. Raises TypeError for one that rows do not use."""
    import pyarrow as pa

    plain = {str: pa.string(), bool: pa.bool_(), int: pa.int64(), float: pa.float64()}
    if hint in plain:
        return plain[hint]
    origin, inside = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return _type(type(inside[0]))
    if origin in (types.UnionType, typing.Union):
        kinds = [one for one in inside if one is not type(None)]
        if len(kinds) == 1:
            return _type(kinds[0])
    elif origin is tuple:
        kinds = list(dict.fromkeys(one for one in inside if one is not Ellipsis))
        if len(kinds) == 1:
            return pa.list_(_type(kinds[0]))
    elif origin is dict and inside[0] is str:
        return pa.map_(pa.string(), _type(inside[1]))
    elif isinstance(hint, type) and issubclass(hint, StrEnum):
        return pa.string()
    elif isinstance(hint, type) and issubclass(hint, Record):
        return pa.struct(_fields(hint))
    raise TypeError(f"no column for {hint}")
