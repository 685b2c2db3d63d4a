# ruff: noqa
def fires_first(a):
    "expects: min(a)"
    return sorted(a)[0]


def fires_last(a):
    "expects: max(a)"
    b = sorted(a)
    return b[-1]


def fires_few(a, k):
    "expects: heapq.nsmallest(k, a)"
    return sorted(a)[:k]


def fires_key(words):
    "expects: min(words, key="
    return sorted(words, key=lambda x: (-len(set(x)), x))[0]


def fires_last_key(words):
    "expects: max(reversed("
    return sorted(words, key=len)[-1]


def fires_loop(l):
    "expects: max(l)"
    m = l[0]
    for e in l:
        if e > m:
            m = e
    return m


def never_middle(a):
    return sorted(a)[len(a) // 2]


_A = [([3, 1, 2],), ([5],), ([2, 2, 1, 9, 4],)]
INPUTS = {"fires_first": _A, "fires_last": _A, "fires_few": [(a, k) for (a,) in _A for k in (0, 1, 2, 7)],
          "fires_key": [(["ab", "abc", "bca"],)], "fires_last_key": [(["ab", "x", "cd"],)], "fires_loop": _A}
