# ruff: noqa
def fires_bin(x):
    "expects: x.bit_count()"
    return bin(x).count('1')


def fires_loop(x):
    "expects: x.bit_count()"
    n = 0
    while x > 0:
        n += x & 1
        x >>= 1
    return n


def fires_key(arr):
    "expects: x.bit_count()"
    return sorted(sorted(arr), key=lambda x: bin(x)[2:].count('1'))


def never_zeros(x):
    return bin(x).count('0')


_N = [(n,) for n in (0, 1, 7, 1023, 10 ** 20)]
INPUTS = {"fires_bin": [*_N, (-5,)], "fires_loop": _N, "fires_key": [([5, 3, 8, 1],)]}
