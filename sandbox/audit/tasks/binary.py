def solve(data, key, tail):
    """The data under the key as bytes, its running checksum as a bytearray, and a view of the tail."""
    out = b""
    check = bytearray()
    total = 0
    for i in range(len(data)):
        byte = data[i] ^ key[i % len(key)]
        out = out + bytes([byte])
        total = (total * 31 + byte) % 251
        check = check + bytearray([total])
    return out, check, memoryview(tail + out[:8])
