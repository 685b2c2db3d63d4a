# ruff: noqa
def fires_before(a):
    "expects: earlier.add"
    out = []
    for i, x in enumerate(a):
        if x not in a[:i]:
            out.append(x)
    return out


def fires_after(a):
    "expects: later"
    n = 0
    for i in range(len(a)):
        if a[i] in a[i + 1:]:
            n += 1
    return n


def never_continues(a):
    n = 0
    for i, x in enumerate(a):
        if x == 0:
            continue
        if x in a[:i]:
            n += 1
    return n


_A = [([1, 2, 1, 3, 2],), ([],), (["x", "x"],)]
INPUTS = {"fires_before": _A, "fires_after": _A}
