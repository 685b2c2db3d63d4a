# title: a dataclass with slots, properties and a comparison of its own inside
# task: nearest
# expect: ok

from bisect import bisect_left
from dataclasses import dataclass, field


@dataclass(order=True, slots=True)
class Item:
    value: int
    times: int = field(compare=False, default=1)

    @property
    def repeated(self):
        return self.times > 1


def solve(values):
    items = {}
    for value in values:
        if value in items:
            items[value].times += 1
        else:
            items[value] = Item(value)
    order = sorted(values)
    below = frozenset(bisect_left(order, value) for value in values[::10])
    return {item.value for item in items.values() if item.repeated}, tuple(order[:5]), below
