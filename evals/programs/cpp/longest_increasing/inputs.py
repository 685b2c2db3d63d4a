import random


def make(size: int, seed: int) -> str:
    """`size` numbers that tend upwards."""
    rng = random.Random(seed)
    return f"{size}\n{' '.join(str(i + rng.randrange(size + 1)) for i in range(size))}\n"
