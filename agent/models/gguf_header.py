"""What the header of a GGUF file tells: nothing of the weights is read."""

from __future__ import annotations

import math
import mmap
import struct
from dataclasses import dataclass
from pathlib import Path

MAGIC = b"GGUF"
ADAPTER = "adapter"
"""general.type of a LoRA adapter."""
_FILE_TYPES = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S", 12: "Q3_K_M",
    13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K", 19: "IQ2_XXS", 20: "IQ2_XS",
    21: "Q2_K_S", 22: "IQ3_XS", 23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL", 26: "IQ3_S", 27: "IQ3_M", 28: "IQ2_S",
    29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16", 36: "TQ1_0", 37: "TQ2_0", 38: "MXFP4",
}  # fmt: skip
"""general.file_type of a GGUF header, by llama.cpp's numbers."""
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_NUMBER, _TEXT, _LIST = 4, 8, 9


@dataclass(frozen=True)
class Header:
    """Of a GGUF file.

    Attributes:
        parameters: Count.
        precision: Quantisation; "" where it is not told.
        kind: "model" or "adapter", as general.type has it; "" where it is not told.
        architecture: Like "llama"; "" where it is not told.
    """

    parameters: int = 0
    precision: str = ""
    kind: str = ""
    architecture: str = ""


def read(path: Path) -> Header:
    """The header; an empty one where the file is none, or torn."""
    try:
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _read(data) if data[:4] == MAGIC else Header()
    except (OSError, ValueError, struct.error, KeyError):
        return Header()


def _read(data: mmap.mmap) -> Header:
    tensors, pairs = struct.unpack_from("<QQ", data, 8)
    place = 24
    told: dict[bytes, str] = {}
    for _ in range(pairs):
        key, place = _text(data, place)
        (kind,) = struct.unpack_from("<I", data, place)
        if key == b"general.file_type" and kind == _NUMBER:
            told[key] = _FILE_TYPES.get(struct.unpack_from("<I", data, place + 4)[0], "")
        elif key in (b"general.type", b"general.architecture") and kind == _TEXT:
            told[key] = _text(data, place + 4)[0].decode("utf-8", "replace")
        place = _after(data, place + 4, kind)
    parameters = 0
    for _ in range(tensors):
        _, place = _text(data, place)
        (count,) = struct.unpack_from("<I", data, place)
        parameters += math.prod(struct.unpack_from(f"<{count}Q", data, place + 4))
        place += 4 + 8 * count + 4 + 8
    names = (b"general.file_type", b"general.type", b"general.architecture")
    return Header(parameters, *(told.get(name, "") for name in names))


def _text(data: mmap.mmap, place: int) -> tuple[bytes, int]:
    (length,) = struct.unpack_from("<Q", data, place)
    return data[place + 8 : place + 8 + length], place + 8 + length


def _after(data: mmap.mmap, place: int, kind: int) -> int:
    """Where the value of that kind at `place` ends."""
    if kind == _TEXT:
        return int(place + 8 + struct.unpack_from("<Q", data, place)[0])
    if kind != _LIST:
        return place + struct.calcsize(_SCALARS[kind])
    inner, count = struct.unpack_from("<IQ", data, place)
    place += 12
    if inner in _SCALARS:
        return int(place + count * struct.calcsize(_SCALARS[inner]))
    for _ in range(count):
        place = _after(data, place, inner)
    return place
