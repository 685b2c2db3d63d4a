# title: one deep recursion, with a higher limit inside the call
# task: chain
# expect: ok

import sys


def solve(nodes, skip):
    sums = {-1: 0}

    def fill(at):
        if at not in sums:
            weight, after = nodes[at]
            sums[at] = weight + fill(after)
        return sums[at]

    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, 20_000))
    try:
        return [fill(at) + skip for at in range(len(nodes))]
    finally:
        sys.setrecursionlimit(limit)
