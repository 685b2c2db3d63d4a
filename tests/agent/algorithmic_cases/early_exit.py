# ruff: noqa
def fires_flag(a, t):
    "expects: break"
    found = False
    for x in a:
        if x == t:
            found = True
    return found


def fires_last(a):
    "expects: range(len(a) - 1, 0, -1)"
    at = -1
    for i in range(1, len(a)):
        if a[i] < a[i - 1]:
            at = i
    return at


def fires_while(arr):
    "expects: break"
    ind = -1
    i = 1
    while i < len(arr):
        if arr[i] < arr[i - 1]:
            ind = i
        i += 1
    return ind


def fires_any(a):
    "expects: any(x > 3 for x in a)"
    return len([x for x in a if x > 3]) > 0


def never_counts(a):
    n = 0
    for x in a:
        if x > 3:
            n += 1
    return n


def never_effects(a, out):
    found = False
    for x in a:
        if out.append(x) is None:
            found = True
    return found


_A = [([1, 5, 2],), ([],), ([1, 2, 3],), ([9, 1, 8, 2],)]
INPUTS = {"fires_flag": [(a, 5) for (a,) in _A], "fires_last": _A, "fires_while": _A, "fires_any": _A}
