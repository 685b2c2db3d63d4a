# ruff: noqa
def fires_collatz(n):
    "expects: n //= 2"
    steps = 0
    while n > 1:
        if n % 2 == 0:
            n = n / 2
        else:
            n = n * 3 + 1
        steps += 1
    return steps


def fires_int(n: int):
    "expects: n // 10"
    return int(n / 10)


def never_inexact(n):
    if n % 2 == 0:
        n = n / 3
    return n


_N = [(n,) for n in (1, 2, 6, 27, 1000)]
INPUTS = {"fires_collatz": _N, "fires_int": _N}
