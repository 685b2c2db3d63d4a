import random


def make(size, seed):
    """`size` payments, and a deposit that a few pairs of them explain."""
    rng = random.Random(seed)
    payments = [rng.randrange(100, 50_000) for _ in range(size)]
    return payments, rng.randrange(20_000, 60_000)
