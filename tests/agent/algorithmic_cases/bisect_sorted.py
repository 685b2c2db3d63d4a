# ruff: noqa
def fires_count(a, limits):
    "expects: bisect.bisect_left(a, t)"
    a.sort()
    out = []
    for t in limits:
        n = 0
        for x in a:
            if x < t:
                n += 1
        out.append(n)
    return out


def fires_first(values, t):
    "expects: bisect.bisect_left(ordered, t)"
    ordered = sorted(values)
    for i, x in enumerate(ordered):
        if x >= t:
            return i
    return -1


def fires_insort(stream):
    "expects: bisect.insort(a, x)"
    a = []
    out = []
    for x in stream:
        a.append(x)
        a.sort()
        out.append(a[len(a) // 2])
    return out


def never_unsorted(a, t):
    return sum(1 for x in a if x < t)


INPUTS = {"fires_count": [([5, 1, 3, 3], [0, 3, 4, 9])], "fires_first": [([5, 1, 3], t) for t in (0, 2, 3, 9)],
          "fires_insort": [([5, 1, 4, 4, 2],), ([],)]}
