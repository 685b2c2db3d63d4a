# title: differences of prefix sums
# task: averages
# expect: ok

from itertools import accumulate


def solve(values, width):
    sums = list(accumulate(values, initial=0.0))
    return [(b - a) / width for a, b in zip(sums, sums[width:])]
