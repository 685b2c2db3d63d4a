# ruff: noqa
import math


def fires_while(n):
    "expects: while i * i <= n"
    out = []
    i = 2
    while i <= int(math.sqrt(n) + 1):
        if n % i == 0:
            out.append(i)
            n //= i
        else:
            i += 1
    if n > 1:
        out.append(n)
    return out


def fires_int(n: int):
    "expects: math.isqrt(n)"
    return int(n ** 0.5) + 1


def fires_square(n: int):
    "expects: math.isqrt(n) ** 2 == n"
    return int(math.sqrt(n)) ** 2 == n


def never_float(x: float):
    return int(x ** 0.5)


_N = [(n,) for n in [*range(1, 50), 99, 100, 10 ** 6 + 1]]
INPUTS = {"fires_while": _N, "fires_int": _N, "fires_square": _N}
