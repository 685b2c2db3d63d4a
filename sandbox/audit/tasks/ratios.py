def ratio(a, b):
    return a / b if b else (float("nan") if not a else a)


def solve(above, below):
    """Ratios, and for each how many of the numbers above are smaller."""
    found, ranks = [], []
    for a, b in zip(above, below):
        found.append(ratio(a, b))
        rank = 0
        for other in above:
            if other < a:
                rank += 1
        ranks.append(rank)
    return found, ranks
