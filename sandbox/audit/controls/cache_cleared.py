# title: a cache that lives through one call only
# task: short
# expect: ok

from functools import lru_cache


def solve(values):
    order = sorted(values)

    @lru_cache(maxsize=None)
    def below(value):
        return order.index(value)

    return [below(value) for value in values]
