# ruff: noqa
def fires_slices(a):
    "expects: itertools.accumulate(a, max)"
    return [max(a[:i + 1]) for i in range(len(a))]


def fires_suffix(a):
    "expects: itertools.accumulate(reversed(a), min)"
    n = 0
    for i in range(len(a)):
        if a[i] == min(a[i:]):
            n += 1
    return n


def fires_rolling(numbers):
    "expects: list(itertools.accumulate(numbers, max))"
    running = None
    result = []
    for n in numbers:
        if running is None:
            running = n
        else:
            running = max(running, n)
        result.append(running)
    return result


def never_changes(a):
    for i in range(len(a)):
        a[i] = max(a[:i + 1]) + 1
    return a


_A = [([3, 1, 4, 1, 5],), ([],), ([2],)]
INPUTS = {"fires_slices": _A, "fires_suffix": _A, "fires_rolling": _A}
