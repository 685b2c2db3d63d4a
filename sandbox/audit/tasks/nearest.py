def solve(values):
    """The set of values that come more than once, the five smallest, and how many lie below each tenth one."""
    repeated = {value for value in values if values.count(value) > 1}
    left, smallest = list(values), []
    for _ in range(min(5, len(left))):
        smallest.append(min(left))
        left.remove(min(left))
    below = [sum(1 for other in values if other < value) for value in values[::10]]
    return repeated, tuple(smallest), frozenset(below)
