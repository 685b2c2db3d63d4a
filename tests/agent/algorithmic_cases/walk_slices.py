# ruff: noqa
def fires_neighbours(s):
    "expects: zip(s, s[1:], s[2:])"
    for i in range(len(s) - 2):
        if s[i] == s[i + 1] or s[i + 1] == s[i + 2] or s[i] == s[i + 2]:
            return False
    return True


def fires_step(lst):
    "expects: lst[1::2]"
    return sum([lst[i] for i in range(1, len(lst), 2) if lst[i] % 2 == 0])


def fires_backward(a):
    "expects: zip(a, a[1:])"
    n = 0
    for i in range(1, len(a)):
        if a[i] > a[i - 1]:
            n += 1
    return n


def fires_short(a):
    "expects: a[:len(a) - 1]"
    t = 0
    n = len(a)
    for i in range(0, n - 1):
        t += a[i]
    return t


def never_index(a):
    return [i for i in range(1, len(a)) if a[i] > a[i - 1]]


def never_writes(a):
    for i in range(1, len(a)):
        a[i] = a[i] + a[i - 1]
    return a


def never_wraps(a):
    return [a[i] - a[i - 1] for i in range(len(a))]


_A = [([4, 2, 6, 6, 8],), ([],), ([1],), ([1, 2],), ([2, 4, 3],)]
def never_index_afterwards(values):
    out = []
    for i in range(len(values) - 1):
        if values[i] == values[i + 1]:
            out.append(values[i])
    out.append(values[i + 1])
    return out


INPUTS = {"fires_neighbours": _A, "fires_step": _A, "fires_backward": _A, "fires_short": _A}
