# ruff: noqa
def fires_sum(l):
    "expects: pair_sums"
    for i in range(len(l)):
        for j in range(i + 1, len(l)):
            for k in range(j + 1, len(l)):
                if l[i] + l[j] + l[k] == 0:
                    return True
    return False


def fires_modulo(n):
    "expects: by_residue"
    a = [i * i - i + 1 for i in range(1, n + 1)]
    out = []
    for i in range(n):
        for j in range(i + 1, n):
            for k in range(j + 1, n):
                if (a[i] + a[j] + a[k]) % 3 == 0:
                    out += [(a[i], a[j], a[k])]
    return len(out)


def fires_counts(a, m):
    "expects: by_residue"
    c = 0
    for i in range(len(a)):
        for j in range(i + 1, len(a)):
            for k in range(j + 1, len(a)):
                if (a[i] + a[j] + a[k]) % m == 0:
                    c += 1
    return c


def never_returns_triple(l):
    for i in range(len(l)):
        for j in range(i + 1, len(l)):
            for k in range(j + 1, len(l)):
                if l[i] + l[j] + l[k] == 0:
                    return (i, j, k)


INPUTS = {"fires_sum": [([1, 3, -2, 1],), ([1, 2, 3],), ([0, 0],), ([0, 0, 0],), ([2, 4, -5, 3, 9, 7],)],
          "fires_modulo": [(n,) for n in (1, 3, 5, 10)], "fires_counts": [([1, 5, 9, 4, 2, 2], m) for m in (2, 3, 5)]}
