# ruff: noqa
def fires_modulo(n, p):
    "expects: pow(2, n, p)"
    r = 1
    for i in range(n):
        r = (2 * r) % p
    return r


def fires_power(x, n):
    "expects: x ** max(n, 0)"
    r = 1
    for _ in range(n):
        r *= x
    return r


def fires_remainder(a, b, m):
    "expects: pow(a, b, m)"
    return a ** b % m


def never_changes(n):
    r = 1
    for i in range(1, n):
        r *= i
    return r


INPUTS = {
    "fires_modulo": [(n, p) for n in (0, 1, 5, 30) for p in (1, 2, 7, 101)],
    "fires_power": [(x, n) for n in (0, 1, 5) for x in (0, -3, 7)],
    "fires_remainder": [(a, b, m) for a in (2, 10) for b in (0, 3, 50) for m in (7, 13)],
}
