# title: bytes, bytearray and memoryview, as the original returns
# task: binary
# expect: ok

from itertools import cycle


def solve(data, key, tail):
    out = bytes(a ^ b for a, b in zip(data, cycle(key)))
    check, total = bytearray(len(data)), 0
    for i, byte in enumerate(out):
        total = (total * 31 + byte) % 251
        check[i] = total
    return out, check, memoryview(tail + out[:8])
