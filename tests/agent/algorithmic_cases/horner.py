# ruff: noqa
import math


def fires_enumerate(xs, x):
    "expects: _horner(xs, x)"
    return sum([c * math.pow(x, i) for i, c in enumerate(xs)])


def fires_index(a, x):
    "expects: _horner(a, x)"
    return sum(a[i] * x ** i for i in range(len(a)))


def never_other_power(xs, x):
    return sum(c * i ** x for i, c in enumerate(xs))


INPUTS = {"fires_enumerate": [([1.0, 2.0, 3.0], 2.0)], "fires_index": [([1, -2, 0, 5], 3), ([7], 0)]}
