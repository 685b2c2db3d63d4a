# title: sys.stdout.write and a flush in the middle
# task: printer
# expect: ok

import sys
from bisect import bisect_left


def solve(values):
    order = sorted(values)
    for i, value in enumerate(values):
        sys.stdout.write(f"{value} {bisect_left(order, value)}\n")
        if i == len(values) // 2:
            sys.stdout.flush()
