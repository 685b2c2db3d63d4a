# title: itertools and list.count in the place of the inner loop
# task: count_pairs
# expect: ok

from itertools import starmap


def solve(values, target):
    def later(i, value):
        return values[i + 1 :].count(target - value)

    return sum(starmap(later, enumerate(values)))
