def solve(values):
    """The values without repetitions, in their order."""
    kept = []
    for value in values:
        if value not in kept:
            kept.append(value)
    return kept
