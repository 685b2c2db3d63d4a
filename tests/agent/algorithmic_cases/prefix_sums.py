# ruff: noqa
def fires_slices(a, queries):
    "expects: itertools.accumulate(a)"
    return [sum(a[i:j]) for i, j in queries]


def fires_best(a):
    "expects: prefix"
    best = 0
    for i in range(len(a)):
        for j in range(i, len(a)):
            best = max(best, sum(a[i:j + 1]))
    return best


def fires_inner_loop(a):
    "expects: prefix"
    best = 0
    for i in range(len(a)):
        for j in range(i, len(a)):
            s = 0
            for k in range(i, j + 1):
                s += a[k]
            best = max(best, s)
    return best


def fires_halves(a):
    "expects: prefix"
    for i in range(len(a)):
        if sum(a[:i]) == sum(a[i:]):
            return i
    return -1


def never_changes(a):
    for i in range(len(a)):
        a[i] = sum(a[:i])
    return a


_A = [([1, -2, 5, 3, -1],), ([],), ([2, 2],)]
INPUTS = {"fires_slices": [([1, 2, 3, 4], [(0, 4), (1, 2), (2, 2)])], "fires_best": _A, "fires_inner_loop": _A, "fires_halves": _A}
