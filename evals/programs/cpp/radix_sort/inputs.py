import random


def make(size: int, seed: int) -> str:
    """`size` numbers below two to the 31st."""
    rng = random.Random(seed)
    return f"{size}\n{' '.join(str(rng.getrandbits(31)) for _ in range(size))}\n"
