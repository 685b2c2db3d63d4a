"""NumPy: arrays as raw C-order buffers with their dtype; elements of object arrays one by one.

NumPy is never imported here to encode; to decode, what the value names is imported.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from .codec_hosts import loaded
from .codec_std import Encoder, wire
from .codec_wire import Unencodable


def dtype_plain(dtype: Any) -> Any:
    """A dtype as plain data.

    A string as `dtype.str` writes it ("<f8", "<M8[ns]"), "module:name" for a dtype of another package,
    `[base, shape]` for a sub-array, or {"names", "formats", "offsets", "titles", "itemsize"} for a record.
    """
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        return [dtype_plain(base), list(shape)]
    if dtype.names is not None:
        fields = [dtype.fields[name] for name in dtype.names]
        return {
            "names": list(dtype.names),
            "formats": [dtype_plain(field[0]) for field in fields],
            "offsets": [field[1] for field in fields],
            "itemsize": dtype.itemsize,
        }
    if dtype.kind == "T":
        return "T"
    if dtype.type.__module__.partition(".")[0] != "numpy":
        return f"{dtype.type.__module__}:{dtype.type.__name__}"
    text: str = dtype.str
    return text


def dtype_live(plain: Any) -> Any:
    """The dtype again, from `dtype_plain`'s data."""
    import numpy as np

    if isinstance(plain, dict):
        return np.dtype({**plain, "formats": [dtype_live(f) for f in plain["formats"]]})  # type: ignore[call-overload]
    if isinstance(plain, list):
        return np.dtype((dtype_live(plain[0]), tuple(plain[1])))
    if plain == "T":
        return loaded("numpy", "dtypes.StringDType")()
    if ":" in plain:
        module, name = plain.split(":")
        __import__(module)
        return np.dtype(getattr(sys.modules[module], name))
    return np.dtype(plain)


def _array(o: Any, enc: Any) -> Any:
    """The wire list of an array; of a subclass's instance only the plain array inside, which is written next."""
    np = sys.modules["numpy"]
    if type(o) is not np.ndarray:
        return np.ndarray.view(o, np.ndarray)
    if o.dtype.hasobject or o.dtype.kind == "T":
        flat = o.reshape(-1)
        items = list(flat) if o.dtype.kind == "O" else flat.tolist()
        return wire("object_array", "", [dtype_plain(o.dtype), list(o.shape), items])
    return wire("ndarray", "", [dtype_plain(o.dtype), list(o.shape), raw(o)])


def raw(a: Any) -> Any:
    """The buffer in C order, without a copy where it is contiguous."""
    np = sys.modules["numpy"]
    c = np.ascontiguousarray(a)
    if c.nbytes == 0:
        return b""
    return memoryview(c.reshape(-1).view(np.uint8))


def _live_array(name: str, value: Any) -> Any:
    import numpy as np

    dtype, shape, data = value
    if not data:
        return np.zeros(shape, dtype_live(dtype))
    return np.frombuffer(bytearray(data), dtype=dtype_live(dtype)).reshape(shape)


def _live_object_array(name: str, value: Any) -> Any:
    import numpy as np

    dtype, shape, items = value
    flat = np.empty(len(items), dtype_live(dtype))
    for i, item in enumerate(items):
        flat[i] = item
    return flat.reshape(shape)


def _scalar(o: Any, enc: Any) -> list[Any]:
    if o.dtype.hasobject:
        raise Unencodable("", f"numpy.{type(o).__name__} that holds objects")
    return wire("scalar", "", [dtype_plain(o.dtype), o.tobytes()])


def _live_scalar(name: str, value: Any) -> Any:
    import numpy as np

    dtype, data = value
    found = dtype_live(dtype)
    return np.zeros((), found)[()] if not data else np.frombuffer(data, dtype=found)[0]


def _masked(o: Any, enc: Any) -> list[Any]:
    """What is under the mask is set to zero, so that it cannot make equal arrays differ."""
    np = sys.modules["numpy"]
    data, mask = np.ma.getdata(o), np.ma.getmaskarray(o)
    data, mask = np.ndarray.view(data, np.ndarray), np.ndarray.view(mask, np.ndarray)
    if mask.dtype == bool and mask.any():
        data = data.copy()
        data[mask] = np.zeros((), data.dtype)[()]
    fill = np.asarray(o.fill_value, dtype=o.dtype)
    return wire("masked_array", "", [data, mask, fill])


def _live_masked(name: str, value: Any) -> Any:
    import numpy as np

    data, mask, fill = value
    return np.ma.array(data, mask=mask, fill_value=fill[()])


def _rng(o: Any, enc: Any) -> list[Any]:
    """A Generator or a RandomState: the name of its bit generator and that one's state."""
    bits = o.bit_generator if hasattr(o, "bit_generator") else o._bit_generator
    extra = list(o.get_state()[3:]) if type(o).__name__ == "RandomState" else []
    return wire("rng", type(o).__name__, [type(bits).__name__, bits.state, extra])


def _live_rng(name: str, value: Any) -> Any:
    from numpy import random

    bits_name, state, extra = value
    bits = getattr(random, bits_name)()
    bits.state = state
    made = getattr(random, name)(bits)
    if extra:
        full = made.get_state()
        made.set_state((*full[:3], *extra))
    return made


CONTAINERS: dict[str, Encoder] = {
    "numpy:ma.MaskedArray": _masked,
    "numpy:random.Generator": _rng,
    "numpy:random.RandomState": _rng,
}
LEAVES: dict[str, Encoder] = {
    "numpy:ndarray": _array,
    "numpy:memmap": lambda o, enc: _array(
        sys.modules["numpy"].asarray(o).view(sys.modules["numpy"].ndarray), enc
    ),
    "numpy:generic+": _scalar,
    **{f"numpy:{name}": _scalar for name in ("str_", "bytes_", "float64", "complex128")},
    "numpy:dtype+": lambda o, enc: wire("dtype", "", dtype_plain(o)),
}
LIVE: dict[str, Callable[[str, Any], Any]] = {
    "dtype": lambda n, v: dtype_live(v),
    "ndarray": _live_array,
    "object_array": _live_object_array,
    "scalar": _live_scalar,
    "masked_array": _live_masked,
    "rng": _live_rng,
}
