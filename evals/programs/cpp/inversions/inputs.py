import random


def make(size: int, seed: int) -> str:
    """`size` numbers in no order, some of them equal."""
    rng = random.Random(seed)
    return f"{size}\n{' '.join(str(rng.randrange(size + 1)) for _ in range(size))}\n"
