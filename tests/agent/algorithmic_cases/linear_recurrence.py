# ruff: noqa
def fires_fib(n):
    "expects: for step in range"
    if n == 0:
        return 0
    if n == 1:
        return 1
    return fires_fib(n - 1) + fires_fib(n - 2)


def fires_small(n):
    "expects: for step in range"
    if n <= 1:
        return n
    else:
        return fires_small(n - 1) + 2 * fires_small(n - 2) + n


def fires_three(n: int):
    "expects: for step in range"
    if n == 0 or n == 1:
        return 0
    elif n == 2:
        return 1
    return fires_three(n - 1) + fires_three(n - 2) + fires_three(n - 3)


def never_missing_base(n):
    if n == 0:
        return 0
    return never_missing_base(n - 1) + never_missing_base(n - 2)


def never_halves(n):
    if n <= 1:
        return 1
    return never_halves(n // 2) + never_halves(n - 1)


_N = [(n,) for n in range(12)]
INPUTS = {"fires_fib": _N, "fires_small": _N, "fires_three": _N}
