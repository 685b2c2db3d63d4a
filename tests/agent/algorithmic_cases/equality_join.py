# ruff: noqa
def fires_common(a, b):
    "expects: intersection"
    out = set()
    for x in a:
        for y in b:
            if x == y:
                out.add(x)
    return sorted(out)


def fires_rows(orders, people):
    "expects: by_key.get("
    out = []
    for o in orders:
        for p in people:
            if o[1] == p[0]:
                out.append((o[0], p[1]))
    return out


def fires_and(a, b):
    "expects: by_key.get("
    n = 0
    for i in range(len(a)):
        for j in range(len(b)):
            if a[i] == b[j] and i != j:
                n += 1
    return n


def fires_anagrams(a, b):
    "expects: tuple(sorted(y))"
    n = 0
    for x in a:
        for y in b:
            if sorted(x) == sorted(y):
                n += 1
    return n


def never_changes(a, b):
    for x in a:
        for y in b:
            if x == y:
                b.remove(y)
                break
    return b


def never_below(a, b):
    n = 0
    for x in a:
        for y in b:
            if x < y:
                n += 1
    return n


INPUTS = {
    "fires_common": [([1, 2, 2, 3], [2, 3, 3, 4]), ([], [1])],
    "fires_rows": [([(1, "a"), (2, "b"), (3, "a")], [("a", 10), ("c", 5), ("a", 11)])],
    "fires_and": [([1, 2, 1], [1, 1, 2]), ([], [])],
    "fires_anagrams": [(["ab", "cd"], ["ba", "dc", "ab"])],
}
