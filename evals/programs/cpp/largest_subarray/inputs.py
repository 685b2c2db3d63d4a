import random


def make(size: int, seed: int) -> str:
    """`size` numbers around zero."""
    rng = random.Random(seed)
    return f"{max(1, size)}\n{' '.join(str(rng.randrange(-1000, 1000)) for _ in range(max(1, size)))}\n"
