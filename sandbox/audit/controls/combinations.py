# title: itertools in the place of two loops
# task: count_pairs
# expect: ok

from itertools import combinations


def solve(values, target):
    return sum(a + b == target for a, b in combinations(values, 2) if a + b == target)
