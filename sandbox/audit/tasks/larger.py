def solve(values):
    """A generator: for each value the nearest larger one before it, or -1."""
    for i, value in enumerate(values):
        best = -1
        for other in values[:i]:
            if other > value and (best < 0 or other < best):
                best = other
        yield best
