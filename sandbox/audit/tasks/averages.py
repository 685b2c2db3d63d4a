def solve(values, width):
    """Means of windows of `width`."""
    found = []
    for end in range(width, len(values) + 1):
        total = 0.0
        for value in values[end - width : end]:
            total += value
        found.append(total / width)
    return found
