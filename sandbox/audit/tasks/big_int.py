def solve(n):
    """The product 1 * 3 * 5 * ... and the sum of all its prefixes."""
    total = 0
    for k in range(1, n + 1, 8):
        product = 1
        for factor in range(1, 2 * k, 2):
            product *= factor
        total += product
    return total, product
