# ruff: noqa
def fires_index(text):
    "expects: text == text[::-1]"
    for i in range(len(text)):
        if text[i] != text[len(text) - 1 - i]:
            return False
    return True


def fires_pointers(q):
    "expects: q == q[::-1]"
    i, j = 0, len(q) - 1
    while i < j:
        if q[i] != q[j]:
            return False
        i += 1
        j -= 1
    return True


def fires_reverse(s: str):
    "expects: s[::-1]"
    r = ''
    for c in s:
        r = c + r
    return r


def fires_mismatches(arr):
    "expects: operator.ne"
    n = 0
    for i in range(len(arr) // 2):
        if arr[i] != arr[len(arr) - i - 1]:
            n += 1
    return n


def never_other(a, b):
    for i in range(len(a)):
        if a[i] != b[len(a) - 1 - i]:
            return False
    return True


_S = [("",), ("a",), ("abba",), ("abcba",), ("abc",), ("abca",)]
INPUTS = {"fires_index": _S, "fires_pointers": [*_S, ([1, 2, 1],)], "fires_reverse": _S, "fires_mismatches": [(list(s),) for (s,) in _S]}
