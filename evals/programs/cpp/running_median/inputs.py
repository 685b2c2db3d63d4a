import random


def make(size: int, seed: int) -> str:
    """`size` numbers as they arrive."""
    rng = random.Random(seed)
    return f"{size}\n{' '.join(str(rng.randrange(-100_000, 100_000)) for _ in range(size))}\n"
