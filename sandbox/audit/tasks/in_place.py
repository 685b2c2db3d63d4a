def solve(values):
    """Sort in place; returns how many moved."""
    moved = 0
    for i in range(1, len(values)):
        value, j = values[i], i
        while j > 0 and values[j - 1] > value:
            values[j] = values[j - 1]
            j -= 1
        if j != i:
            moved += 1
        values[j] = value
    return moved
