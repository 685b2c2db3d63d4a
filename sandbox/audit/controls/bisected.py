# title: sorted once, then bisect, in a short call
# task: short
# expect: ok

from bisect import bisect_left


def solve(values):
    order = sorted(values)
    return [bisect_left(order, value) for value in values]
