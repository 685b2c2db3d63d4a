import random


def make(size: int, seed: int) -> str:
    """`size` numbers, many of them equal, and the width of a window."""
    rng = random.Random(seed)
    count = max(1, size)
    kinds = max(2, count // 3)
    return f"{count} {rng.randrange(1, count // 3 + 2)}\n{' '.join(str(rng.randrange(kinds)) for _ in range(count))}\n"
