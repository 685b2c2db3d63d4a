# title: bisect.insort into a new list, then slice assignment
# task: in_place
# expect: ok

from bisect import insort


def solve(values):
    order, moved = [], 0
    for value in values:
        moved += bool(order) and order[-1] > value
        insort(order, value)
    values[:] = order
    return moved
