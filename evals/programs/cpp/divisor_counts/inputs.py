import random


def make(size: int, seed: int) -> str:
    """`size` numbers below about ten times `size`."""
    rng = random.Random(seed)
    return f"{size}\n{' '.join(str(rng.randrange(1, 10 * size + 2)) for _ in range(size))}\n"
