# title: NaN, infinities and minus zero where the original has them
# task: ratios
# expect: ok

from bisect import bisect_left


def solve(above, below):
    order = sorted(a for a in above if a == a)
    found = [a / b if b else (a if a else float("nan")) for a, b in zip(above, below)]
    return found, [bisect_left(order, a) if a == a else 0 for a in above]
