import random


def make(size: int, seed: int) -> str:
    """`size` numbers."""
    rng = random.Random(seed)
    return f"{size}\n{' '.join(str(rng.randrange(1_000_000)) for _ in range(size))}\n"
