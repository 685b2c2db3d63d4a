def length(nodes, at):
    if at < 0:
        return 0
    return nodes[at][0] + length(nodes, nodes[at][1])


def solve(nodes, skip):
    """For each node the sum of the weights from there to the end, by recursion."""
    return [length(nodes, at) + skip for at in range(len(nodes))]
