import random


def make(size: int, seed: int) -> str:
    """`size` numbers and the width of a window."""
    rng = random.Random(seed)
    numbers = " ".join(str(rng.randrange(-10_000, 10_000)) for _ in range(max(1, size)))
    return f"{max(1, size)} {rng.randrange(1, max(1, size // 4) + 1)}\n{numbers}\n"
