# title: array and struct, big integers for the exclusive or
# task: binary
# expect: ok

import struct
from array import array


def solve(data, key, tail):
    size = len(data)
    long_key = (bytes(key) * (size // len(key) + 1))[:size]
    mixed = int.from_bytes(data, "big") ^ int.from_bytes(long_key, "big")
    out = mixed.to_bytes(size, "big")
    check, total = array("B"), 0
    for (byte,) in struct.iter_unpack("B", out):
        total = (total * 31 + byte) % 251
        check.append(total)
    return out, bytearray(check.tobytes()), memoryview(tail + out[:8])
