import random


def make(size, seed):
    """A random walk of `size` prices, and a window of a tenth of it."""
    rng = random.Random(seed)
    price = 10_000
    prices = []
    for _ in range(size):
        price = max(1, price + rng.randrange(-50, 51))
        prices.append(price)
    return prices, max(1, size // 10)
