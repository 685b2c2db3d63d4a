def solve(values):
    """Each value with the number of those before it of its type; types matter."""
    found = []
    for i, value in enumerate(values):
        same = 0
        for other in values[:i]:
            if type(other) is type(value):
                same += 1
        found.append((value, same, {"last": value, "odd": same % 2 == 1}))
    return found
