import random


def make(size: int, seed: int) -> str:
    """`size` keys, small ones more often, and the room of a cache."""
    rng = random.Random(seed)
    keys = " ".join(str(int(rng.expovariate(1) * size / 8)) for _ in range(size))
    return f"{size} {max(1, size // 10)}\n{keys}\n"
