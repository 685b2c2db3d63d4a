from collections import OrderedDict, defaultdict, namedtuple
from dataclasses import dataclass
from enum import IntEnum

Row = namedtuple("Row", "name amount")


class Level(IntEnum):
    LOW = 0
    MIDDLE = 1
    HIGH = 2


@dataclass
class Summary:
    level: Level
    total: int


def solve(lines):
    """Rows, their groups and a summary of each level."""
    rows, order, groups = [], OrderedDict(), defaultdict(list)
    for line in lines:
        name, level, amount = line.split(";")
        row = Row(name, int(amount))
        earlier = [seen for seen in rows if seen.name == name]
        rows.append(row)
        order[name] = len(earlier) + 1
        groups[name[0]].append(row)
    summaries = []
    for level in Level:
        total = 0
        for line in lines:
            if int(line.split(";")[1]) == level:
                total += int(line.split(";")[2])
        summaries.append(Summary(level, total))
    return rows, order, groups, summaries
