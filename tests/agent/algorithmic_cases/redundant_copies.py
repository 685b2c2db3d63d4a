# ruff: noqa
def fires_unique(a):
    "expects: sorted(set(a))"
    return sorted(list(set(a)))


def fires_twice(a):
    "expects: sorted(a, key=lambda x: (x % 3, x))"
    return sorted(sorted(a), key=lambda x: x % 3)


def fires_join(words):
    "expects: ''.join(map(str, words))"
    return ''.join(list(map(str, words)))


def never_needed(a):
    b = list(a)
    b.sort()
    return b


INPUTS = {"fires_unique": [([3, 1, 3],), ([],)], "fires_twice": [([5, 4, 3, 9, 1],)], "fires_join": [([1, 2],)]}
