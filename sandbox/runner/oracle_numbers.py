"""Walks through arguments and results for the oracle: casts to a longer type, small and large changes of numbers.

NumPy is never imported here: a call that holds an array has imported it.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

EPS = 2.0**-52
WIDER = {"float16": "float64", "float32": "float64", "complex64": "complex128"}
LONGEST = {"float64": "longdouble", "complex128": "clongdouble"}


def is_numpy(value: Any) -> bool:
    """A NumPy array or scalar of floats or complex numbers; a Python float is none, although float64 is one."""
    np = sys.modules.get("numpy")
    return np is not None and isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in "fc"


def mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    """The value with `change` of each float in it: NumPy arrays and scalars, Python floats and complex numbers."""
    if is_numpy(value) or type(value) in (float, complex):
        return change(value)
    if type(value) is list:
        return [mapped(item, change) for item in value]
    if isinstance(value, tuple):
        items = [mapped(item, change) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items) if type(value) is tuple else value
    if type(value) is dict:
        return {key: mapped(item, change) for key, item in value.items()}
    return value


def floats(value: Any) -> Iterator[Any]:
    """The same leaves as `mapped` changes, in order."""
    found: list[Any] = []

    def note(leaf: Any) -> Any:
        found.append(leaf)
        return leaf

    mapped(value, note)
    return iter(found)


def measure(call: Any) -> tuple[float, int, int]:
    """(eps of the shortest float type in the arguments, how many floats, the longest axis or list)."""
    np = sys.modules.get("numpy")
    eps, count = 0.0, 0
    for leaf in floats(call):
        if is_numpy(leaf):
            # A NumPy array says what the program works in; a Python float beside it adapts.
            assert np is not None
            eps = max(eps, float(np.finfo(leaf.dtype).eps))
            count += int(leaf.size)
        else:
            eps, count = max(eps, EPS), count + 1
    return eps, count, longest(call)


def longest(value: Any) -> int:
    """The longest axis of an array, or the longest list, anywhere in the value."""
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple):
        return max(shape, default=1)
    if isinstance(value, dict):
        return max(map(longest, value.values()), default=1)
    if isinstance(value, (list, tuple)):
        return max(len(value), max(map(longest, value), default=1))
    return 1


def cast(value: Any, way: str) -> Any:
    """float16 and float32 become float64 ("float64"), or float64 becomes longdouble ("longdouble")."""
    np = sys.modules.get("numpy")
    table = WIDER if way == "float64" else LONGEST

    def wider(leaf: Any) -> Any:
        if not is_numpy(leaf) or leaf.dtype.name not in table:
            return leaf
        assert np is not None
        kind = getattr(np, table[leaf.dtype.name])
        return leaf.astype(kind) if isinstance(leaf, np.ndarray) else kind(leaf)

    return mapped(value, wider)


def nudged(value: Any, number: int, delta: float) -> Any:
    """Each float changed by the relative amount `delta`: 0 all of them up, 1 by their sign, 2… by random signs."""
    source = random.Random("nudge/%d" % number)
    np = sys.modules.get("numpy")

    def change(leaf: Any) -> Any:
        if not is_numpy(leaf):
            if number == 1 and type(leaf) is float:
                return leaf + delta * abs(leaf)
            return leaf * (1.0 + (delta if number < 2 else source.choice((delta, -delta))))
        assert np is not None
        if number == 0 or (number == 1 and leaf.dtype.kind == "c"):
            sign: Any = 1
        elif number == 1:
            sign = np.sign(leaf)
        else:
            # Not by NumPy's generator: that is a slow import, and would come anew in every child.
            bits = source.getrandbits(8 * leaf.size + 8).to_bytes(leaf.size + 1, "little")
            sign = (np.frombuffer(bits, "i1")[: leaf.size].reshape(np.shape(leaf)) & 1) * 2 - 1
        long = np.clongdouble if leaf.dtype.kind == "c" else np.longdouble
        moved = np.asarray(leaf, long) * (1 + np.longdouble(delta) * sign)
        return moved.astype(leaf.dtype) if isinstance(leaf, np.ndarray) else leaf.dtype.type(moved)

    return mapped(value, change)


def exact(value: Any) -> Any:
    """An oracle's result in types that the codec has: mpmath's numbers become fractions."""
    kind = type(value)
    if kind.__name__ in ("mpf", "mpc") and kind.__module__.startswith(("mpmath", "gmpy2")):
        if kind.__name__ == "mpc":
            return complex(value)
        sign, mantissa, exponent, _ = value._mpf_
        if not mantissa:
            return float(value)
        scale = Fraction(2) ** exponent
        return (-1) ** sign * int(mantissa) * scale
    if kind is list:
        return [exact(item) for item in value]
    if kind is tuple:
        return tuple(exact(item) for item in value)
    if kind is dict:
        return {key: exact(item) for key, item in value.items()}
    return value
