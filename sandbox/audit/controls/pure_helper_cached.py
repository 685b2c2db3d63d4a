# title: lru_cache on a pure helper that pays within one call
# task: big_output
# expect: ok

from functools import lru_cache


@lru_cache(maxsize=None)
def digits(k):
    return digits(k // 10) + k % 10 if k else 0


def solve(n):
    return [(k, digits(k // 10) + k % 10) for k in range(n)]
