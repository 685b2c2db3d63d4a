# title: a generator that keeps a sorted list
# task: larger
# expect: ok

from bisect import bisect_right, insort


def solve(values):
    before = []
    for value in values:
        place = bisect_right(before, value)
        yield before[place] if place < len(before) else -1
        insort(before, value)
