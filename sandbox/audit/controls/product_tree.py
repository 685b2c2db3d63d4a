# title: math.prod over pieces
# task: big_int
# expect: ok

from math import prod


def solve(n):
    total, product, start = 0, 1, 1
    for k in range(1, n + 1, 8):
        product *= prod(range(start, 2 * k, 2))
        start = 2 * k + 1
        total += product
    return total, product
