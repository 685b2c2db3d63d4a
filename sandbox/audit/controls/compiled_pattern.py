# title: a compiled pattern and typing.NamedTuple at module level
# task: records
# expect: ok

import re
from collections import OrderedDict, defaultdict
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

LINE = re.compile(r"(([a-z])\d+);(\d);(\d+)")


class Row(NamedTuple):
    name: str
    amount: int


class Level(IntEnum):
    LOW = 0
    MIDDLE = 1
    HIGH = 2


@dataclass
class Summary:
    level: Level
    total: int


def solve(lines):
    rows, order, groups, totals = [], OrderedDict(), defaultdict(list), dict.fromkeys(Level, 0)
    for line in lines:
        name, first, level, amount = LINE.fullmatch(line).groups()
        row = Row(name, int(amount))
        rows.append(row)
        order[name] = order.get(name, 0) + 1
        groups[first].append(row)
        totals[int(level)] += row.amount
    return rows, order, groups, [Summary(level, total) for level, total in totals.items()]
