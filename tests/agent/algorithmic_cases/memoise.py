# ruff: noqa
def fires_overlapping(n):
    "expects: functools.lru_cache"
    return grid(n, n)


def grid(i, j):
    if i == 0 or j == 0:
        return 1
    return grid(i - 1, j) + grid(i, j - 1)


def fires_helper(values):
    "expects: functools.lru_cache"
    return [weight(v) for v in values]


def weight(v):
    total = 0
    for i in range(v):
        total += i % 3
    return total


def never_prints(values):
    return [noisy(v) for v in values]


def noisy(v):
    print(v)
    return v


def never_list_argument(rows):
    return [widest(r) for r in rows]


def widest(row: list):
    return max(len(c) for c in row)


def never_returns_list(n):
    return [digits(i) for i in range(n)]


def digits(i):
    return [int(c) for c in str(i)]


INPUTS = {"fires_overlapping": [(0,), (3,), (6,)], "fires_helper": [([5, 5, 9, 0],), ([],)]}
