# title: a pool of two threads, closed in the call, where two are allowed
# task: count_pairs
# expect: ok
# threads: 2

from collections import Counter
from concurrent.futures import ThreadPoolExecutor


def solve(values, target):
    with ThreadPoolExecutor(2) as pool:
        one, two = pool.map(Counter, (values[::2], values[1::2]))
    counts = one + two
    twice = sum(n * counts[target - value] for value, n in counts.items() if target - value in counts)
    return (twice - (counts[target // 2] if target % 2 == 0 else 0)) // 2
