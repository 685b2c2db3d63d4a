"""Element-wise comparison of raw buffers, as NumPy views: nothing is built but arrays of numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from codeopt.sandbox.compare_show import show
from codeopt.sandbox.compare_types import Tolerance
from codeopt.sandbox.runner.codec_wire import Malformed


@dataclass(frozen=True)
class ArrayDifference:
    """The first element that differs.

    Attributes:
        place: Its index as text, "[2, 0]", with ".field" for a record; "" for a scalar.
        expected, actual: The elements as text; `actual` with the count of all that differ.
    """

    place: str
    expected: str
    actual: str


def compare_arrays(
    dtype: Any, shape: Any, expected: Any, actual: Any, tolerance: Tolerance
) -> ArrayDifference | None:
    """Compare two buffers of one dtype and shape.

    Args:
        dtype: As `codec_numpy.dtype_plain` writes it.
        shape: List of lengths.
        expected, actual: Raw C-order bytes.
        tolerance: For floats and complex numbers; everything else is compared exactly.

    Raises:
        Malformed: The buffers do not fit dtype and shape.
    """
    if not (isinstance(shape, list) and all(type(n) is int and n >= 0 for n in shape)):
        raise Malformed("an array without a shape")
    if type(expected) is not bytes or type(actual) is not bytes:
        raise Malformed("an array without a buffer")
    if expected == actual:
        return None
    if isinstance(dtype, str) and (":" in dtype or dtype == "bfloat16"):
        return _foreign(dtype, shape, expected, actual, tolerance)
    kind = _dtype(dtype)
    count = math.prod(shape)
    if kind.itemsize * count != len(actual) or len(actual) != len(expected):
        raise Malformed(f"an array of {len(actual)} bytes, {kind.itemsize * count} by its shape")
    with np.errstate(all="ignore"):
        return _differ(
            np.frombuffer(expected, kind).reshape(shape),
            np.frombuffer(actual, kind).reshape(shape),
            tolerance,
        )


def _dtype(plain: Any) -> np.dtype[Any]:
    try:
        found = _build(plain)
    except Exception as error:
        raise Malformed(f"dtype {str(plain)[:60]}: {type(error).__name__}") from None
    if found.hasobject:
        raise Malformed("a buffer of objects")
    return found


def _build(plain: Any) -> np.dtype[Any]:
    if isinstance(plain, dict):
        names, formats, offsets = list(plain["names"]), plain["formats"], plain["offsets"]
        fields = {"names": names, "formats": [_build(f) for f in formats], "offsets": offsets}
        return np.dtype({**fields, "itemsize": plain["itemsize"]})  # type: ignore[call-overload,no-any-return]
    if isinstance(plain, list):
        return np.dtype((_build(plain[0]), tuple(plain[1])))
    if type(plain) is not str:
        raise TypeError(plain)
    return np.dtype(plain)


def _foreign(
    dtype: str, shape: list[int], expected: bytes, actual: bytes, tolerance: Tolerance
) -> ArrayDifference | None:
    """Dtypes that NumPy itself does not have: bfloat16 is widened, all others are compared bit by bit."""
    if not dtype.endswith("bfloat16"):
        return ArrayDifference("", f"{dtype} buffer", "a buffer with other bits")
    if len(expected) != len(actual) or len(actual) != 2 * math.prod(shape):
        raise Malformed("a bfloat16 array of the wrong size")
    wide = [
        (np.frombuffer(raw, "<u2").astype("<u4") << 16).view("<f4").reshape(shape)
        for raw in (expected, actual)
    ]
    with np.errstate(all="ignore"):
        return _differ(wide[0], wide[1], tolerance, "bfloat16")


def _differ(a: Any, b: Any, tolerance: Tolerance, name: str = "") -> ArrayDifference | None:
    if a.dtype.names is not None:
        for field in a.dtype.names:
            found = _differ(a[field], b[field], tolerance)
            if found is not None:
                return ArrayDifference(f"{found.place}.{field}", found.expected, found.actual)
        return None
    kind = a.dtype.kind
    if kind == "f":
        bad = _floats_differ(a, b, *tolerance.of(name or a.dtype.name))
    elif kind == "c":
        limits = tolerance.of("float32" if a.dtype.itemsize == 8 else "float64")
        bad = _floats_differ(a.real, b.real, *limits) | _floats_differ(a.imag, b.imag, *limits)
    elif kind in "mM":
        bad = np.atleast_1d(a).view("i8").reshape(a.shape) != np.atleast_1d(b).view("i8").reshape(b.shape)
    elif kind == "V":
        bad = np.array([x.tobytes() != y.tobytes() for x, y in zip(a.reshape(-1), b.reshape(-1))]).reshape(
            a.shape
        )
    else:
        bad = a != b
    return _report(a, b, np.asarray(bad)) if np.any(bad) else None


def _floats_differ(a: Any, b: Any, rel: float, absolute: float) -> Any:
    if a.dtype.itemsize < 8:
        a, b = a.astype("f8"), b.astype("f8")
    allowed = np.maximum(rel * np.maximum(np.abs(a), np.abs(b)), absolute)
    near = (np.abs(a - b) <= allowed) & np.isfinite(a) & np.isfinite(b)
    return ~(near | (a == b) | (np.isnan(a) & np.isnan(b)))


def _report(a: Any, b: Any, bad: Any) -> ArrayDifference:
    if bad.ndim == 0:
        return ArrayDifference("", _element(a[()]), _element(b[()]))
    count = int(np.count_nonzero(bad))
    first = tuple(int(i) for i in np.unravel_index(int(np.argmax(bad)), bad.shape))
    note = f"{count} of {bad.size} elements differ"
    if a.dtype.kind in "iuf":
        gaps = np.abs(a[bad].astype("f8") - b[bad].astype("f8"))
        note += f", by up to {np.nanmax(gaps):.3g}" if not np.all(np.isnan(gaps)) else ""
    place = "[" + ", ".join(map(str, first)) + "]"
    return ArrayDifference(place, _element(a[first]), f"{_element(b[first])} ({note})")


def _element(value: Any) -> str:
    item = value.item() if hasattr(value, "item") and value.dtype.kind not in "mM" else str(value)
    return item if isinstance(item, str) and value.dtype.kind in "mM" else show(item)
