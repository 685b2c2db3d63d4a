# title: a Counter instead of two loops
# task: count_pairs
# expect: ok

from collections import Counter


def solve(values, target):
    seen, count = Counter(), 0
    for value in values:
        count += seen[target - value]
        seen[value] += 1
    return count
