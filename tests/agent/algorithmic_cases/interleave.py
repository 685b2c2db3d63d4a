# ruff: noqa
def fires_separator(numbers, d):
    "expects: [d] * "
    if not numbers:
        return []
    result = []
    for n in numbers[:-1]:
        result.append(n)
        result.append(d)
    result.append(numbers[-1])
    return result


def fires_pairs(a, b):
    "expects: chain.from_iterable(zip(a, b))"
    out = []
    for x, y in zip(a, b):
        out.extend([x, y])
    return out


def fires_rows(m):
    "expects: chain.from_iterable(m)"
    return [x for row in m for x in row]


def never_depends(a):
    out = []
    for x in a:
        out.append(x)
        out.append(x + 1)
    return out


INPUTS = {"fires_separator": [([1, 2, 3], 0), ([], 1), ([5], 9)], "fires_pairs": [([1, 2], [3, 4, 5]), ([], [])], "fires_rows": [([[1], [2, 3]],)]}
