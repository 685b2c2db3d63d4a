# ruff: noqa
def fires_index(a, b):
    "expects: a[:len(a)] == b[:len(a)]"
    for i in range(len(a)):
        if a[i] != b[i]:
            return False
    return True


def fires_sorted(lst):
    "expects: operator.le"
    return all(lst[i - 1] <= lst[i] for i in range(1, len(lst)))


def fires_sorted_copy(lst):
    "expects: operator.le"
    return lst == sorted(lst)


def fires_mismatches(a, b):
    "expects: operator.ne"
    n = 0
    for x, y in zip(a, b):
        if x != y:
            n += 1
    return n


def never_offset(a):
    for i in range(len(a)):
        if a[i] != a[i - 1]:
            return False
    return True


_AB = [([1, 2], [1, 2]), ([1, 2], [1, 3]), ([], []), ([5, 6, 7], [5, 6, 7])]
def never_place_asked(left, right, n):
    for i in range(n):
        if left[i] != right[i]:
            return i
    return n


INPUTS = {"fires_index": _AB, "fires_sorted": [([1, 2, 2],), ([2, 1],), ([],)], "fires_sorted_copy": [([1, 2, 2],), ([2, 1],), ([],)],
          "fires_mismatches": _AB}
