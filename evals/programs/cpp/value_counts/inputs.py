import random


def make(size: int, seed: int) -> str:
    """`size` numbers, some of them often."""
    rng = random.Random(seed)
    return f"{size}\n{' '.join(str(int(rng.expovariate(1) * size / 4)) for _ in range(size))}\n"
