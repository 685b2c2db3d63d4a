# title: sums from the end, no recursion
# task: chain
# expect: ok

def solve(nodes, skip):
    sums = [0] * len(nodes)
    for at in range(len(nodes) - 1, -1, -1):
        weight, after = nodes[at]
        sums[at] = weight + (sums[after] if after >= 0 else 0)
    return [total + skip for total in sums]
