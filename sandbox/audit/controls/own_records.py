# title: namedtuple, OrderedDict, defaultdict, IntEnum and a dataclass, as the original returns
# task: records
# expect: ok

import enum
from collections import Counter, OrderedDict, defaultdict, namedtuple
from dataclasses import dataclass

Row = namedtuple("Row", ["name", "amount"])


class Level(enum.IntEnum):
    LOW, MIDDLE, HIGH = range(3)


@dataclass
class Summary:
    level: Level
    total: int


def solve(lines):
    rows, order, groups = [], OrderedDict(), defaultdict(list)
    seen, totals = Counter(), [0, 0, 0]
    for line in lines:
        name, level, amount = line.split(";")
        row = Row(name, int(amount))
        rows.append(row)
        seen[name] += 1
        order[name] = seen[name]
        groups[name[0]].append(row)
        totals[int(level)] += row.amount
    return rows, order, groups, [Summary(level, totals[level]) for level in Level]
