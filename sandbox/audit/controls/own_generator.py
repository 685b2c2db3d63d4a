# title: random.Random(seed) of the call's own
# task: sampler
# expect: ok

import random
from bisect import bisect_left, insort


def solve(size, seed):
    draw, order, found = random.Random(seed).randrange, [], []
    for _ in range(size):
        value = draw(10 * size)
        found.append((value, bisect_left(order, value)))
        insort(order, value)
    return found
