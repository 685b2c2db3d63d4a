"""pandas: frames and series as their columns' arrays, extension arrays as the plain arrays they consist of.

Index objects are written by their values, so that unused levels or cached parts make no difference.
`attrs` and `flags` are left out.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Any

from .codec_std import Encoder, wire
from .codec_wire import Unencodable


def _values(o: Any) -> Any:
    """The array of a Series or Index: a NumPy array where it is one, else the extension array."""
    array = o.array
    return array.to_numpy() if type(array).__name__ in ("NumpyExtensionArray", "PandasArray") else array


def _series(o: Any, enc: Any) -> list[Any]:
    return wire("series", "", {"name": o.name, "index": o.index, "values": _values(o)})


def _frame(o: Any, enc: Any) -> list[Any]:
    data = [_values(column) for _, column in o.items()]
    return wire("frame", "", {"columns": o.columns, "index": o.index, "data": data})


def _index(o: Any, enc: Any) -> list[Any]:
    freq = getattr(o, "freqstr", None) if type(o).__name__ in ("DatetimeIndex", "TimedeltaIndex") else None
    return wire("index", "", {"name": o.name, "values": _values(o), "freq": freq})


def _range_index(o: Any, enc: Any) -> list[Any]:
    return wire("range_index", "", {"name": o.name, "range": [o.start, o.stop, o.step]})


def _multi_index(o: Any, enc: Any) -> list[Any]:
    levels = [_values(o.get_level_values(i)) for i in range(o.nlevels)]
    return wire("multi_index", "", {"names": list(o.names), "levels": levels})


def _categorical(o: Any, enc: Any) -> list[Any]:
    return wire("categorical", "ordered" if o.ordered else "", [o.codes, o.categories])


def _datetime_array(o: Any, enc: Any) -> list[Any]:
    return wire("datetime_array", str(o.dtype), [o.asi8, getattr(o.dtype, "tz", None)])


def _masked(o: Any, enc: Any) -> list[Any]:
    """What is under the mask is set to zero, so that it cannot make equal arrays differ."""
    data, mask = o._data, o._mask
    if mask.any():
        data = data.copy()
        data[mask] = 0
    return wire("masked_values", str(o.dtype), [data, mask])


def _strings(o: Any, enc: Any) -> list[Any]:
    missing = "nan" if isinstance(o.dtype.na_value, float) else "NA"
    return wire("string_array", missing, [o.dtype.storage, o.to_numpy(dtype=object, na_value=None).tolist()])


def _intervals(o: Any, enc: Any) -> list[Any]:
    return wire("interval_array", o.closed, [o.left, o.right])


def _arrow_array(o: Any, enc: Any) -> list[Any]:
    return wire("arrow_values", "", o.__arrow_array__())


def _extension(o: Any, enc: Any) -> list[Any]:
    raise Unencodable("", f"pandas array of dtype {o.dtype}")


def _moment(kind: str) -> Encoder:
    def encode(o: Any, enc: Any) -> list[Any]:
        unit = sys.modules["numpy"].datetime_data(o.asm8.dtype)[0]
        return wire(kind, unit, [int(o.asm8.view("i8")), getattr(o, "tzinfo", None)])

    return encode


def _dtype(o: Any, enc: Any) -> list[Any]:
    if type(o).__name__ == "CategoricalDtype":
        return wire("pd_dtype", "category", [o.categories, o.ordered])
    return wire("pd_dtype", str(o), None)


# --- building again, inside the sandbox -----------------------------------------------------------------------


def _pandas() -> Any:
    return importlib.import_module("pandas")


def _live_index_of(values: Any, name: Any) -> Any:
    dtype = object if str(getattr(values, "dtype", "")) == "object" else None
    return _pandas().Index(values, name=name, dtype=dtype, tupleize_cols=False)


def _live_series(_: str, v: Any) -> Any:
    return _pandas().Series(
        v["values"], index=v["index"], name=v["name"], dtype=getattr(v["values"], "dtype", None)
    )


def _live_frame(_: str, v: Any) -> Any:
    pd = _pandas()
    columns = {i: pd.Series(a, index=v["index"], dtype=a.dtype) for i, a in enumerate(v["data"])}
    frame = pd.DataFrame(columns, index=v["index"])
    frame.columns = v["columns"]
    return frame


def _live_index(_: str, v: Any) -> Any:
    index = _live_index_of(v["values"], v["name"])
    if v["freq"] is not None:
        index.freq = v["freq"]
    return index


def _live_multi_index(_: str, v: Any) -> Any:
    return _pandas().MultiIndex.from_arrays([_live_index_of(a, None) for a in v["levels"]], names=v["names"])


def _live_datetime_array(name: str, v: Any) -> Any:
    pd = _pandas()
    ticks, tz = v
    if name.startswith("period"):
        return pd.arrays.PeriodArray(ticks, dtype=pd.PeriodDtype(name[len("period[") : -1]))
    if name.startswith("timedelta"):
        return pd.Index(ticks.view(f"m8[{name[len('timedelta64[') : -1]}]")).array
    unit = name[len("datetime64[") :].split(",")[0].rstrip("]")
    index = pd.DatetimeIndex(ticks.view(f"M8[{unit}]"))
    return (index.tz_localize("UTC").tz_convert(tz) if tz is not None else index).array


def _live_masked(name: str, v: Any) -> Any:
    arrays = _pandas().arrays
    kind = "BooleanArray" if name == "boolean" else "FloatingArray" if name[0] == "F" else "IntegerArray"
    return getattr(arrays, kind)(*v)


def _live_strings(missing: str, v: Any) -> Any:
    pd = _pandas()
    storage, items = v
    dtype = pd.StringDtype(storage, na_value=float("nan")) if missing == "nan" else pd.StringDtype(storage)
    return pd.array(items, dtype=dtype)


def _live_intervals(closed: str, v: Any) -> Any:
    return _pandas().arrays.IntervalArray.from_arrays(v[0], v[1], closed=closed)


def _live_moment(name: str) -> Callable[[str, Any], Any]:
    def build(unit: str, v: Any) -> Any:
        np: Any = importlib.import_module("numpy")
        ticks, tz = v
        if name == "Timedelta":
            return _pandas().Timedelta(np.timedelta64(ticks, unit))
        moment = _pandas().Timestamp(np.datetime64(ticks, unit))
        return moment.tz_localize("UTC").tz_convert(tz) if tz is not None else moment

    return build


def _live_dtype(name: str, v: Any) -> Any:
    if v is not None:
        return _pandas().CategoricalDtype(*v)
    return _pandas().api.types.pandas_dtype(name)


_INDEXES = ("Index", "CategoricalIndex", "IntervalIndex", "DatetimeIndex", "TimedeltaIndex", "PeriodIndex")
_MASKED = ("IntegerArray", "FloatingArray", "BooleanArray")

CONTAINERS: dict[str, Encoder] = {
    "pandas:DataFrame": _frame,
    "pandas:Series": _series,
    "pandas:RangeIndex": _range_index,
    "pandas:MultiIndex": _multi_index,
    **{f"pandas:{name}": _index for name in _INDEXES},
    "pandas:Index+": _index,
    "pandas:Categorical": _categorical,
    **{
        f"pandas.arrays:{name}": _datetime_array
        for name in ("DatetimeArray", "TimedeltaArray", "PeriodArray")
    },
    **{f"pandas.arrays:{name}": _masked for name in _MASKED},
    "pandas.arrays:StringArray+": _strings,
    "pandas.core.arrays.string_arrow:ArrowStringArray+": _strings,
    "pandas.arrays:IntervalArray": _intervals,
    "pandas.arrays:ArrowExtensionArray": _arrow_array,
    "pandas.api.extensions:ExtensionArray+": _extension,
    "pandas.api.extensions:ExtensionDtype+": _dtype,
    "pandas:Timestamp": _moment("timestamp"),
    "pandas:Timedelta": _moment("pd_timedelta"),
    "pandas:Interval": lambda o, enc: wire("interval", o.closed, [o.left, o.right]),
}
LEAVES: dict[str, Encoder] = {
    "pandas:Period": lambda o, enc: wire("period", o.freqstr, o.ordinal),
    "pandas._libs.missing:NAType": lambda o, enc: wire("pd_singleton", "NA", None),
    "pandas._libs.tslibs.nattype:NaTType": lambda o, enc: wire("pd_singleton", "NaT", None),
    "pytz:BaseTzInfo+": lambda o, enc: wire("pytz", o.zone, None),
}
LIVE: dict[str, Callable[[str, Any], Any]] = {
    "frame": _live_frame,
    "series": _live_series,
    "index": _live_index,
    "range_index": lambda n, v: _pandas().RangeIndex(*v["range"], name=v["name"]),
    "multi_index": _live_multi_index,
    "categorical": lambda n, v: _pandas().Categorical.from_codes(v[0], v[1], ordered=n == "ordered"),
    "datetime_array": _live_datetime_array,
    "masked_values": _live_masked,
    "string_array": _live_strings,
    "interval_array": _live_intervals,
    "arrow_values": lambda n, v: _pandas().arrays.ArrowExtensionArray(v),
    "timestamp": _live_moment("Timestamp"),
    "pd_timedelta": _live_moment("Timedelta"),
    "period": lambda n, v: _pandas().Period(ordinal=v, freq=n),
    "interval": lambda n, v: _pandas().Interval(v[0], v[1], closed=n),
    "pd_singleton": lambda n, v: getattr(_pandas(), n),
    "pd_dtype": _live_dtype,
    "pytz": lambda n, v: __import__("pytz").timezone(n),
}
