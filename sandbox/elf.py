"""What a native program is made of, without what only describes it: equal for texts that compile to the same code."""

from __future__ import annotations

import hashlib
import struct

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_PLAIN = b"\x7fELF\x02\x01"  # 64 bits, little-endian
_NOTE, _NOBITS, _ALLOC = 7, 8, 2


def code_hash(binary: bytes) -> str:
    """SHA-256 of all that the loader maps, in hex: code, constants, tables, and the names of what is imported.

    Left out are symbols, debugging data, comments and notes (the build-id is a hash of the whole file). A file that is
    no ELF of 64 little-endian bits is hashed as it is.
    """
    return hashlib.sha256(_mapped(binary) or binary).hexdigest()


def _mapped(binary: bytes) -> bytes:
    """Header and loaded sections; empty where the file cannot be read as such."""
    if not binary.startswith(_PLAIN):
        return b""
    try:
        _, kind, machine, _, entry, _, table, flags, _, _, _, size, count, _ = _HEADER.unpack_from(binary)
        sections = [_SECTION.unpack_from(binary, table + number * size) for number in range(count)]
    except (struct.error, OverflowError):
        return b""
    parts = [repr((kind, machine, entry, flags)).encode()]
    left = len(binary)  # sections that overlap must not make more of a file than there is
    for _, kind, flags, address, offset, length, _, _, alignment, _ in sections:
        if not flags & _ALLOC or kind == _NOTE:
            continue
        data = b"" if kind == _NOBITS else binary[offset : offset + length]
        left -= len(data)
        if left < 0:
            return b""
        parts += [repr((kind, flags, address, length, alignment)).encode(), data]
    return b"\n".join(parts) if len(parts) > 1 else b""
