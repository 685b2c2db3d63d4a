"""Short one-line texts of plain data, good as evidence for a person and for a language model."""

from __future__ import annotations

from typing import Any

from codeopt.sandbox.runner.codec_wire import SEQUENCES, Tagged

WIDTH = 80
CONTEXT = 24

_BRACKETS = {"tuple": "()", "set": "{}", "frozenset": "{}"}


def show(value: Any, width: int = WIDTH) -> str:
    """A Python-like text of plain data, cut to about `width` characters."""
    text = _text(value, width)
    return text if len(text) <= width else text[: width - 1] + "…"


def type_of(value: Any) -> str:
    """The type as a person calls it: "int", "tuple", "shop.Order", "float32 array"."""
    if not isinstance(value, Tagged):
        return type(value).__name__
    if value.kind in ("object", "subclass", "enum", "exception"):
        return value.name.replace("builtins:", "").replace(":", ".")
    if value.kind in ("ndarray", "object_array", "scalar"):
        dtype = value.value[0] if isinstance(value.value, list) and value.value else "?"
        return f"NumPy {'scalar' if value.kind == 'scalar' else 'array'} of dtype {dtype}"
    return value.kind.replace("_", " ") + (f" {value.name}" if value.name else "")


def difference(expected: str | bytes, actual: str | bytes) -> tuple[str, str]:
    """Two unequal texts, cut to what lies around the first difference."""
    at = _common_prefix(expected, actual)
    if max(len(expected), len(actual)) <= WIDTH:
        return repr(expected), repr(actual)
    start = max(at - CONTEXT, 0)

    def window(text: str | bytes) -> str:
        shown = repr(text[start : at + CONTEXT])
        left, right = "…" if start else "", "…" if len(text) > at + CONTEXT else ""
        return f"{left}{shown}{right}"

    longer = f" (length {len(actual)} instead of {len(expected)})" if len(actual) != len(expected) else ""
    return f"{window(expected)} at position {at}", window(actual) + longer


def _common_prefix(a: Any, b: Any) -> int:
    low, high = 0, min(len(a), len(b))
    while low < high:
        middle = (low + high + 1) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _text(value: Any, room: int) -> str:
    if room <= 0:
        return "…"
    if isinstance(value, (str, bytes)) and len(value) > room:
        return repr(value[:room])[:room] + "…"
    if isinstance(value, list):
        return _items("[", "]", value, room)
    if isinstance(value, dict):
        return _entries("{", "}", value, room, ": ")
    if not isinstance(value, Tagged):
        return _number(value) if type(value) is int else repr(value)
    return _tagged(value, room)


def _number(value: int) -> str:
    # repr of a huge integer is quadratic, and refused beyond 4300 digits.
    return repr(value) if value.bit_length() < 1000 else f"an integer of {value.bit_length()} bits"


def _tagged(value: Tagged, room: int) -> str:
    kind, name, inner = value.kind, value.name, value.value
    short_name = name.rpartition(":")[2]
    if kind in SEQUENCES and isinstance(inner, list):
        if kind != "tuple" and not inner:
            return f"{kind}()"
        left, right = tuple(_BRACKETS[kind])
        return _items(left, ",)" if kind == "tuple" and len(inner) == 1 else right, inner, room)
    if kind == "object" and isinstance(inner, dict):
        return _entries(f"{short_name}(", ")", inner, room, "=")
    if kind == "subclass" and isinstance(inner, list) and len(inner) == 2:
        return f"{short_name}({_text(inner[0], room - len(short_name) - 2)})"
    if kind == "exception" and isinstance(inner, list) and len(inner) == 3:
        return f"{short_name}: {str(inner[2])[:room]}" if inner[2] else f"{short_name}()"
    if kind == "enum" and isinstance(inner, list) and inner:
        return f"{short_name}.{inner[0]}"
    if kind == "iterator" and isinstance(inner, list) and len(inner) == 2:
        return f"iterator over {_text(inner[0], room - 2)}"
    if kind in ("ndarray", "object_array") and isinstance(inner, list) and len(inner) == 3:
        return f"array of dtype {inner[0]}, shape {_shape(inner[1])}"
    if kind == "tensor" and isinstance(inner, list) and len(inner) == 3:
        return f"{name} tensor of shape {_shape(inner[0])}"
    if kind in ("date", "time", "timedelta", "datetime", "range", "slice", "complex") and isinstance(
        inner, list
    ):
        return _items(f"{kind}(", ")", inner, room)
    if kind in ("class", "function", "module", "opaque"):
        return f"{kind} {name.replace('builtins:', '').replace(':', '.')}"
    if inner is None:
        return f"{kind} {name}".strip()
    return f"{kind}{f' {name}' if name else ''} {_text(inner, room - 2)}"


def _shape(shape: Any) -> str:
    return "×".join(map(str, shape)) if isinstance(shape, list) and shape else "()"


def _items(left: str, right: str, items: list[Any], room: int) -> str:
    parts: list[str] = []
    for item in items:
        if room <= 0:
            parts.append(f"… {len(items)} items")
            break
        parts.append(_text(item, room - 2))
        room -= len(parts[-1]) + 2
    return left + ", ".join(parts) + right


def _entries(left: str, right: str, entries: dict[Any, Any], room: int, between: str) -> str:
    parts: list[str] = []
    for key, item in entries.items():
        if room <= 0:
            parts.append(f"… {len(entries)} entries")
            break
        label = str(key) if between == "=" else _text(key, room)
        parts.append(label + between + _text(item, room - len(label) - 2))
        room -= len(parts[-1]) + 2
    return left + ", ".join(parts) + right
