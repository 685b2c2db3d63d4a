import random


def make(size: int, seed: int) -> str:
    """A sequence of `size` numbers 0 to 2 and a short one that occurs in it."""
    rng = random.Random(seed)
    numbers = [rng.randrange(2) if rng.random() < 0.9 else 2 for _ in range(max(1, size))]
    begin = rng.randrange(len(numbers))
    wanted = numbers[begin : begin + rng.randrange(2, 9)]
    return f"{len(numbers)} {len(wanted)}\n{' '.join(map(str, numbers))}\n{' '.join(map(str, wanted))}\n"
