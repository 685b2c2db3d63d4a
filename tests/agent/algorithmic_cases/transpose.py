# ruff: noqa
def fires_comprehension(m):
    "expects: zip(*m)"
    return [[m[j][i] for j in range(len(m))] for i in range(len(m[0]))]


def fires_dot(a, b):
    "expects: operator.mul"
    return sum(a[i] * b[i] for i in range(len(a)))


def fires_total(m):
    "expects: sum(map(sum, m))"
    s = 0
    for row in m:
        for x in row:
            s += x
    return s


def never_diagonal(m):
    return [m[i][i] for i in range(len(m))]


INPUTS = {"fires_comprehension": [([[1, 2, 3], [4, 5, 6]],)], "fires_dot": [([1, 2], [3, 4]), ([], [])], "fires_total": [([[1, 2], [3]],)]}
