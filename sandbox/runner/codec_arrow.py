"""PyArrow: a table is written as its schema (Arrow's own bytes, to build it again) and its columns as plain values,
so that the trusted side can compare them without PyArrow and chunking makes no difference."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Any

from .codec_std import Encoder, wire
from .codec_wire import Unencodable


def _column(o: Any) -> list[Any]:
    """One array or chunked array: [values] or, where some are missing, [values, validity]."""
    pa = sys.modules["pyarrow"]
    whole = o.combine_chunks() if isinstance(o, pa.ChunkedArray) else o
    if isinstance(whole, pa.ChunkedArray):
        whole = pa.concat_arrays(whole.chunks) if whole.num_chunks else pa.array([], whole.type)
    kind = whole.type
    numeric = pa.types.is_integer(kind) or pa.types.is_floating(kind)
    if not numeric or "numpy" not in sys.modules:
        return [whole.to_pylist()]
    if not whole.null_count:
        return [whole.to_numpy(zero_copy_only=False)]
    zero = pa.scalar(0, pa.int64()).cast(kind) if not pa.types.is_float16(kind) else None
    if zero is None:
        return [whole.to_pylist()]
    return [
        whole.fill_null(zero).to_numpy(zero_copy_only=False),
        whole.is_valid().to_numpy(zero_copy_only=False),
    ]


def _schema(types: list[Any], names: list[str]) -> bytes:
    pa = sys.modules["pyarrow"]
    return bytes(pa.schema([pa.field(n, t) for n, t in zip(names, types)]).serialize())


def _table(o: Any, enc: Any) -> list[Any]:
    """Name: the class. Value: the schema as text, as Arrow's bytes, and the columns."""
    columns = [_column(o.column(i)) for i in range(o.num_columns)]
    text = [[field.name, str(field.type), field.nullable] for field in o.schema]
    return wire("arrow_table", type(o).__name__, [text, bytes(o.schema.serialize()), o.num_rows, columns])


def _array(o: Any, enc: Any) -> list[Any]:
    pa = sys.modules["pyarrow"]
    if pa.types.is_dictionary(o.type) or isinstance(o.type, pa.BaseExtensionType):
        o = _plain_storage(o)
    name = "ChunkedArray" if isinstance(o, pa.ChunkedArray) else "Array"
    return wire("arrow_array", name, [str(o.type), _schema([o.type], [""]), _column(o)])


def _plain_storage(o: Any) -> Any:
    raise Unencodable("", f"pyarrow array of type {o.type}")


def _scalar(o: Any, enc: Any) -> list[Any]:
    return wire("arrow_scalar", str(o.type), [_schema([o.type], [""]), o.as_py()])


def _type(o: Any, enc: Any) -> list[Any]:
    return wire("arrow_type", str(o), _schema([o], [""]))


def _read_schema(data: bytes) -> Any:
    pa = importlib.import_module("pyarrow")
    return pa.ipc.read_schema(pa.py_buffer(data))


def _live_column(column: list[Any], kind: Any) -> Any:
    pa = importlib.import_module("pyarrow")
    if len(column) == 2:
        return pa.array(column[0], type=kind, mask=~column[1])
    return pa.array(column[0], type=kind)


def _live_table(name: str, value: Any) -> Any:
    pa = importlib.import_module("pyarrow")
    _, schema_bytes, _, columns = value
    schema = _read_schema(schema_bytes)
    arrays = [_live_column(column, field.type) for column, field in zip(columns, schema)]
    return getattr(pa, name).from_arrays(arrays, schema=schema)


def _live_array(name: str, value: Any) -> Any:
    pa = importlib.import_module("pyarrow")
    array = _live_column(value[2], _read_schema(value[1]).types[0])
    return pa.chunked_array([array]) if name == "ChunkedArray" else array


def _live_scalar(name: str, value: Any) -> Any:
    pa = importlib.import_module("pyarrow")
    return pa.scalar(value[1], type=_read_schema(value[0]).types[0])


CONTAINERS: dict[str, Encoder] = {
    "pyarrow:Table": _table,
    "pyarrow:RecordBatch": _table,
    "pyarrow:ChunkedArray": _array,
    "pyarrow:Array+": _array,
    "pyarrow:Scalar+": _scalar,
}
LEAVES: dict[str, Encoder] = {
    "pyarrow:Schema": lambda o, enc: wire("arrow_type", "schema", bytes(o.serialize())),
    "pyarrow:DataType+": _type,
}
LIVE: dict[str, Callable[[str, Any], Any]] = {
    "arrow_table": _live_table,
    "arrow_array": _live_array,
    "arrow_scalar": _live_scalar,
    "arrow_type": lambda n, v: _read_schema(v) if n == "schema" else _read_schema(v).types[0],
}
