# title: heapq, Counter and sets
# task: nearest
# expect: ok

import heapq
from bisect import bisect_left
from collections import Counter


def solve(values):
    counts, order = Counter(values), sorted(values)
    repeated = {value for value, times in counts.items() if times > 1}
    below = frozenset(bisect_left(order, value) for value in values[::10])
    return repeated, tuple(heapq.nsmallest(5, values)), below
