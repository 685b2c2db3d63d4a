# ruff: noqa
def fires_indexes(a, t):
    "expects: set()"
    for i in range(len(a)):
        for j in range(i + 1, len(a)):
            if a[i] + a[j] == t:
                return True
    return False


def fires_enumerate(l):
    "expects: -value in seen"
    for i, x in enumerate(l):
        for j in range(i + 1, len(l)):
            if x + l[j] == 0:
                return True
    return False


def fires_two_sum(nums, target):
    "expects: bisect_right"
    n = len(nums)
    for i in range(n):
        for j in range(i + 1, n):
            if nums[i] + nums[j] == target:
                return [i, j]
    return []


def fires_count(a):
    "expects: Counter()"
    count = 0
    for i in range(len(a) - 1):
        for j in range(i + 1, len(a)):
            if a[i] == a[j]:
                count += 1
    return count


def fires_both_orders(a, t):
    "expects: in seen"
    for i in range(len(a)):
        for j in range(len(a)):
            if i != j and a[i] + a[j] == t:
                return True
    return False


def fires_difference(a, k):
    "expects: or value + k in seen"
    from itertools import combinations
    for x, y in combinations(a, 2):
        if abs(x - y) == k:
            return True
    return False


def fires_anagrams(words):
    "expects: tuple(sorted(value))"
    for i in range(len(words)):
        for j in range(i + 1, len(words)):
            if sorted(words[i]) == sorted(words[j]):
                return True
    return False


def fires_modulo(a, m):
    "expects: Counter()"
    total = 0
    for i in range(len(a)):
        for y in a[i + 1:]:
            if (a[i] + y) % m == 0:
                total += 1
    return total


def never_grows(a):
    for i in range(len(a)):
        for j in range(i + 1, len(a)):
            if a[i] + a[j] == 0:
                a.append(1)
                return True
    return False


def never_inequality(a):
    for i in range(len(a)):
        for j in range(i + 1, len(a)):
            if a[i] + a[j] > 0:
                return True
    return False


_LISTS = [[], [3], [1, -1], [2, 2, 2, 5], [5, 1, 4, 9, 0, 0, 3], [7, 3, 11, 2, 9, 15, -7]]
INPUTS = {
    "fires_indexes": [(a, t) for a in _LISTS for t in (0, 4, 9)],
    "fires_enumerate": [(a,) for a in _LISTS],
    "fires_two_sum": [(a, t) for a in _LISTS for t in (0, 4, 9, 13)],
    "fires_count": [(a,) for a in _LISTS],
    "fires_both_orders": [(a, t) for a in _LISTS for t in (0, 4, 6, 10)],
    "fires_difference": [(a, t) for a in _LISTS for t in (0, 4, 6, 10)],
    "fires_anagrams": [(["ab", "c", "ba"],), (["x", "y"],), ([],)],
    "fires_modulo": [(a, m) for a in _LISTS for m in (2, 3, 5)],
}
