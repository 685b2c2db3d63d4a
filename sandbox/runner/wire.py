"""Frames on the socket: 8 bytes of length (big-endian), then a msgpack map."""

import os
import struct
from _socket import AF_UNIX, SOCK_STREAM, socket  # the module around it takes milliseconds to import

import msgpack

HEADER = struct.Struct(">Q")


def connect():
    """The runner's end of the channel, as CODEOPT_CHANNEL names it ("fd:N" or "unix:PATH")."""
    kind, _, where = os.environ.pop("CODEOPT_CHANNEL").partition(":")
    if kind == "fd":
        sock = socket(fileno=int(where))
        os.set_inheritable(sock.fileno(), False)
    else:
        sock = socket(AF_UNIX, SOCK_STREAM)
        sock.connect(where)
    return sock


def send(sock, message):
    body = msgpack.packb(message, use_bin_type=True, unicode_errors="surrogatepass")
    sock.sendall(HEADER.pack(len(body)) + body)


def receive_exactly(sock, count):
    parts = []
    while count:
        part = sock.recv(min(count, 1 << 20))
        if not part:
            raise EOFError("the engine has gone")
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def receive(sock):
    (length,) = HEADER.unpack(receive_exactly(sock, HEADER.size))
    return msgpack.unpackb(
        receive_exactly(sock, length),
        raw=False,
        strict_map_key=False,
        unicode_errors="surrogatepass",
        max_bin_len=2**31 - 1,
        max_str_len=2**31 - 1,
    )
