import random


def make(size: int, seed: int) -> str:
    """`size` numbers and what two of them are to sum up to."""
    rng = random.Random(seed)
    reach = max(10, size // 2)
    numbers = [rng.randrange(-reach, reach) for _ in range(size)]
    return f"{size} {rng.randrange(-reach, reach)}\n{' '.join(map(str, numbers))}\n"
