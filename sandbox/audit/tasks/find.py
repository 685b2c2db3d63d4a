def solve(values, skip):
    """The place of the first value that has come before, after `skip` such ones; else -1."""
    seen = 0
    for i in range(len(values)):
        for j in range(i):
            if values[j] == values[i]:
                if seen == skip:
                    return i
                seen += 1
                break
    return -1
