import random


def make(size: int, seed: int) -> str:
    """`size` numbers of four to seven digits."""
    rng = random.Random(seed)
    return f"{size}\n{' '.join(str(rng.randrange(1000, 10 ** rng.randrange(4, 8))) for _ in range(size))}\n"
