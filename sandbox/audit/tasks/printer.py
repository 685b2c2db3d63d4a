def solve(values):
    """Prints each value with its rank; returns nothing."""
    for value in values:
        rank = 0
        for other in values:
            if other < value:
                rank += 1
        print(value, rank)
