# title: map over a method: another kind of iterator with the same items
# task: larger
# expect: ok

from bisect import bisect_right, insort


class Before:
    __slots__ = ("order",)

    def __init__(self):
        self.order = []

    def next_larger(self, value):
        place = bisect_right(self.order, value)
        found = self.order[place] if place < len(self.order) else -1
        insort(self.order, value)
        return found


def solve(values):
    return map(Before().next_larger, values)
