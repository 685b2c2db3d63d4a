"""Comparison of what programs print."""

from __future__ import annotations

import math
import re

from codeopt.sandbox.compare_show import difference
from codeopt.sandbox.compare_types import Mismatch

_NUMBER = re.compile(rb"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|inf(?:inity)?|nan)\Z", re.IGNORECASE)
_INTEGER = re.compile(rb"[+-]?\d+\Z")


def compare_text(expected: bytes, actual: bytes, *, float_tol: float | None = None) -> Mismatch | None:
    """Compare two outputs of a program; None if they are the same.

    Args:
        expected, actual: What was printed.
        float_tol: None: the same bytes, but for white space at line ends and line ends at the end of the text.
            Else the same tokens between white space, in which numbers may differ by this, relative or absolute,
            where at least one of the two is not written as an integer.
    """
    if expected == actual:
        return None
    if float_tol is None:
        return _lines(expected, actual)
    return _tokens(expected, actual, float_tol)


def _trimmed(text: bytes) -> list[bytes]:
    lines = [line.rstrip() for line in text.split(b"\n")]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _lines(expected: bytes, actual: bytes) -> Mismatch | None:
    want, got = _trimmed(expected), _trimmed(actual)
    for number, (a, b) in enumerate(zip(want, got), 1):
        if a != b:
            return Mismatch(f"line {number}", *difference(_text(a), _text(b)))
    return _count("line", want, got)


def _tokens(expected: bytes, actual: bytes, tolerance: float) -> Mismatch | None:
    want, got = expected.split(), actual.split()
    for number, (a, b) in enumerate(zip(want, got), 1):
        if a != b and not _close(a, b, tolerance):
            return Mismatch(f"token {number}", *difference(_text(a), _text(b)))
    return _count("token", want, got)


def _close(a: bytes, b: bytes, tolerance: float) -> bool:
    if not (_NUMBER.match(a) and _NUMBER.match(b)) or (_INTEGER.match(a) and _INTEGER.match(b)):
        return False
    x, y = float(a), float(b)
    if math.isnan(x) or math.isnan(y):
        return math.isnan(x) and math.isnan(y)
    if math.isinf(x) or math.isinf(y):
        # A number too large for a float is not infinity.
        return x == y and not re.search(rb"\d", a + b)
    return math.isclose(x, y, rel_tol=tolerance, abs_tol=tolerance)


def _count(unit: str, want: list[bytes], got: list[bytes]) -> Mismatch | None:
    if len(want) == len(got):
        return None
    common = min(len(want), len(got))
    if len(want) > len(got):
        first = _text(want[common])[:60]
        return Mismatch(
            f"{unit} {common + 1}", f"{first!r} ({len(want)} {unit}s)", f"the end ({len(got)} {unit}s)"
        )
    first = _text(got[common])[:60]
    return Mismatch(
        f"{unit} {common + 1}", f"the end ({len(want)} {unit}s)", f"{first!r} ({len(got)} {unit}s)"
    )


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")
