# ruff: noqa
def fires_list(n):
    "expects: _divisors(n, 1, n + 1)"
    out = []
    for i in range(1, n + 1):
        if n % i == 0:
            out.append(i)
    return out


def fires_comprehension(n):
    "expects: _divisors(n, 1, n)"
    return sum([i for i in range(1, n) if n % i == 0]) == n


def fires_largest(n):
    "expects: reversed(list(_divisors("
    for i in range(n - 1, 0, -1):
        if n % i == 0:
            return i


def fires_common(a, b):
    "expects: _divisors(a, 1, "
    out = []
    for i in range(1, min(a, b) + 1):
        if a % i == 0 and b % i == 0:
            out.append(i)
    return out


def never_shrinks(n):
    out = []
    for i in range(2, n + 1):
        if n % i == 0:
            out.append(i)
            n //= i
    return out


def never_else(n):
    c = 0
    for i in range(1, n):
        if n % i == 0:
            c += 1
        else:
            c -= 1
    return c


_N = [(n,) for n in [0, 1, 2, 3, 4, 12, 36, 49, 97, 360, 1024, 2310]]
INPUTS = {"fires_list": _N, "fires_comprehension": _N, "fires_largest": _N[2:],
          "fires_common": [(a, b) for a in (1, 12, 84, 420) for b in (6, 97, 360)]}
