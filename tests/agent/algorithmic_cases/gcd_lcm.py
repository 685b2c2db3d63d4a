# ruff: noqa
def fires_euclid(a, b):
    "expects: math.gcd(a, b)"
    while b:
        a, b = b, a % b
    return a


def fires_recursive(a, b):
    "expects: math.gcd(a, b)"
    if b == 0:
        return a
    return fires_recursive(b, a % b)


def fires_search(a, b):
    "expects: math.gcd(a, b)"
    g = 1
    for i in range(1, min(a, b) + 1):
        if a % i == 0 and b % i == 0:
            g = i
    return g


def fires_multiple(a, b):
    "expects: math.lcm(a, b)"
    x = max(a, b)
    while True:
        if x % a == 0 and x % b == 0:
            return x
        x += 1


def never_float(a: float, b: float):
    while b:
        a, b = b, a % b
    return a


_AB = [(a, b) for a in (1, 6, 12, 35) for b in (1, 4, 14, 36)]
INPUTS = {"fires_euclid": [*_AB, (0, 5), (5, 0)], "fires_recursive": _AB, "fires_search": _AB, "fires_multiple": _AB}
