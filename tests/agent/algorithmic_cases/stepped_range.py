# ruff: noqa
def fires_loop(n):
    "expects: range(0, n, 3)"
    s = 0
    for i in range(n):
        if i % 3 == 0:
            s += i
    return s


def fires_offset(a, b):
    "expects: range("
    return [i for i in range(a, b) if i % 4 == 1]


def fires_either(n):
    "expects: sorted({*range(0, n, 11), *range(0, n, 13)})"
    out = []
    for i in range(n):
        if i % 11 == 0 or i % 13 == 0:
            out.append(i)
    return out


def fires_slice(lst):
    "expects: lst[::2]"
    return sum([x for i, x in enumerate(lst) if i % 2 == 0 and x % 2 == 1])


def never_else(n):
    s = 0
    for i in range(n):
        if i % 3 == 0:
            s += i
        else:
            s -= 1
    return s


def never_index_used(lst):
    return [i * x for i, x in enumerate(lst) if i % 2 == 0]


_N = [(n,) for n in (0, 1, 12, 143, 150)]
INPUTS = {"fires_loop": _N, "fires_offset": [(a, b) for a in (-5, 0, 1, 2, 6) for b in (0, 1, 17)], "fires_either": _N,
          "fires_slice": [([1, 2, 3, 4, 5],), ([],)]}
