# title: one print of all lines
# task: printer
# expect: ok

from bisect import bisect_left


def solve(values):
    order = sorted(values)
    if values:
        print("\n".join(f"{value} {bisect_left(order, value)}" for value in values))
