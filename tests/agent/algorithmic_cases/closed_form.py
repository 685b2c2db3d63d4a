# ruff: noqa
def fires_sum(n):
    "expects: // 2"
    return sum(range(n + 1))


def fires_loop(n, m):
    "expects: // 2"
    total = 0
    for i in range(n, m + 1):
        total += i
    return total


def fires_squares(n):
    "expects: // 6"
    s = 0
    for i in range(1, n + 1):
        s += i * i
    return s


def fires_factorial(n):
    "expects: math.factorial"
    f = 1
    for i in range(1, n + 1):
        f *= i
    return f


def fires_multiples(a, b, k):
    "expects: // k"
    c = 0
    for i in range(a, b + 1):
        if i % k == 0:
            c += 1
    return c


def never_body(n):
    s = 0
    for i in range(n):
        s += i
        n -= 1
    return s


_N = [(n,) for n in (-3, 0, 1, 2, 9, 40)]
INPUTS = {"fires_sum": _N, "fires_loop": [(a, b) for a in (-4, 0, 3) for b in (-6, 0, 2, 11)], "fires_squares": _N,
          "fires_factorial": _N, "fires_multiples": [(a, b, k) for a in (0, 1, 5) for b in (0, 4, 20) for k in (1, 3, 7)]}
