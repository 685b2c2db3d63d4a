# ruff: noqa
def fires_two(numbers):
    "expects: _product(numbers)"
    s = 0
    p = 1
    for n in numbers:
        s += n
        p *= n
    return s, p


def fires_alone(a):
    "expects: _product(a)"
    p = 2
    for x in a:
        p = p * x
    return p


def never_read(a):
    p = 1
    for x in a:
        p *= x
        if p > 100:
            break
    return p


INPUTS = {"fires_two": [([3, 1, 3, 2, 7],), ([],), ([0, 5],)], "fires_alone": [([2, -3, 2],), ([1.5, 2],), ([],)]}
