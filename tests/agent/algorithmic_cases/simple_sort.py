# ruff: noqa
def fires_bubble(a):
    "expects: a.sort()"
    n = len(a)
    for i in range(n):
        for j in range(0, n - i - 1):
            if a[j] > a[j + 1]:
                a[j], a[j + 1] = a[j + 1], a[j]
    return a


def fires_exchange(a):
    "expects: a.sort(reverse=True)"
    for i in range(len(a)):
        for j in range(i + 1, len(a)):
            if a[i] < a[j]:
                t = a[i]
                a[i] = a[j]
                a[j] = t
    return a


def fires_selection(a):
    "expects: a.sort()"
    for i in range(len(a)):
        low = i
        for j in range(i + 1, len(a)):
            if a[j] < a[low]:
                low = j
        a[i], a[low] = a[low], a[i]
    return a


def fires_insertion(a):
    "expects: a.sort()"
    for i in range(1, len(a)):
        key = a[i]
        j = i - 1
        while j >= 0 and a[j] > key:
            a[j + 1] = a[j]
            j -= 1
        a[j + 1] = key
    return a


def never_one_pass(a):
    for j in range(len(a) - 1):
        if a[j] > a[j + 1]:
            a[j], a[j + 1] = a[j + 1], a[j]
    return a


_A = [([3, 1, 2, 3, 0],), ([],), ([1],)]
INPUTS = {"fires_bubble": _A, "fires_exchange": _A, "fires_selection": _A, "fires_insertion": _A}
